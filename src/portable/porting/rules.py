"""The rules: what becomes of asyncio's names, as a table.

The page "What becomes of what" is made from this table. How a rule decides stands in the module
that its `decide` comes from. Rules that never rewrite a name are in `hints`.
"""

from __future__ import annotations

from collections.abc import Mapping

from .calm import CALM
from .cancelled import decide_cancelled_error
from .dependence import FREE
from .gathering import decide_gather
from .groups import decide_task_group
from .hints import HINTS
from .loops import decide_loop
from .markers import FIXTURE, decide_tests
from .plain import PLAIN
from .primitives import decide_condition, decide_event, decide_lock, decide_semaphore
from .processes import decide_subprocess
from .queues import decide_queue
from .quiet import QUIET
from .rule import ANYIO, Rule, asyncio_names
from .running import decide_run
from .simple import decide_sleep, decide_timeout_error, decide_to_thread
from .source import MARK
from .tasks import decide_create_task
from .time_limits import decide_timeout, decide_timeout_at, decide_wait_for

CONDITIONS: Mapping[str, str] = {
    CALM: "what is awaited ends at once when it is cancelled",
    QUIET: "what is called raises nothing",
    FREE: "nothing that the file imports needs asyncio's loop",
    PLAIN: "whoever else gets it uses it as AnyIO's is used",
}
"""The conditions that a human may vouch for where they cannot be seen, and what each says."""

_KEPT = (
    "a variable of a function keeps it, or a private attribute that is used through `self` in "
    "its class alone, and by no other file"
)

_KEPT_OR_ENTERED = f"{_KEPT}, or entered there by `async with` alone"

_SHARED = (
    "or it goes on to names of the file of which all uses can be seen: to another variable, to "
    "parameters of functions and classes that only the file calls, to attributes that no other "
    "file and no other package can use (private, of a class within a function, or in tests)"
)

_CALM = (
    "all that is awaited in it can be seen, and ends at once when it is cancelled: no clean-up "
    "that awaits or goes on, no handler of `CancelledError`; functions of the same file are "
    "looked into"
)

_MENDED = (
    "or a function that is named there alone can be made calm: its handler of `CancelledError` "
    "ends by raising it again, or its `finally` stands behind an endless loop; what they await "
    "goes under a shield"
)

_WAITED_FOR = (
    "nothing else is done with it, but to wait for it after it was cancelled (by an `await` "
    "whose `CancelledError` is caught, `wait([task])`, or `gather()` with "
    "`return_exceptions`), and to ask `cancelled()` then"
)

_GOES_WITH = (
    "or it goes with the group or time limit that cancels its function: see "
    "[`create_task`](#create_task) and [`wait_for`](#wait_for)"
)

_PUT_AND_GOT = (
    "nothing else is done with it than `put()`, `get()` and those that do not wait, unless "
    "somebody may wait beside these; no `join()`"
)

_WAITS_FOR_CALL = (
    "it waits for a call, whose coroutine ends with it; or for a variable that keeps a task of "
    "such a call, or a future"
)

_ASKED_WITHIN = (
    "it is entered by `async with`, and asked to `wait()`, `wait_for()`, `notify()` and "
    "`notify_all()` in that block alone, in the same function, which awaits the first two there"
)

_ONCE = (
    "the task that holds it is not seen to take it again, in the block or in a function of the "
    "file that is awaited there: asyncio waits for ever, AnyIO raises"
)

_BEGINS = (
    "the file itself calls it, or a function that is called there alone: not one that may run "
    "in a thread, or in a test"
)

_ENDED = (
    "an inner function, or one that gets it as an argument, has ended where the block ends: it "
    "is awaited there, or in a group or `gather()` there; who gets it puts or gets alone"
)

_QUIET = (
    "what would be in the group raises nothing: no `assert`, subscript, division or import, no "
    "`raise` or time limit but of what is caught around it in the task, no wait for what may "
    "fail, and no call or context manager of what cannot be seen"
)

_NEEDS_NO_LOOP = (
    "the file imports the standard library alone, modules of the project that do not import "
    "asyncio, and libraries that say that they run on trio (AnyIO, httpx, Starlette), or what "
    "a human vouches for that it is *free*; `import_module()` counts as well"
)

_REWRITING: tuple[Rule, ...] = (
    Rule(
        "sleep",
        asyncio_names("sleep"),
        "`anyio.sleep(x)`; `anyio.sleep(max(0, x))` where `x` is seen to be a difference",
        ("it is called, with the delay alone",),
        "call `anyio.sleep(delay)`, and return the result yourself",
        ANYIO + "api.html#anyio.sleep",
        decide_sleep,
    ),
    Rule(
        "to_thread",
        asyncio_names("to_thread"),
        "`anyio.to_thread.run_sync(f, x, abandon_on_cancel=True)`; as in asyncio, who is "
        "cancelled does not wait for the thread",
        ("it is called, with the function first",),
        "call `anyio.to_thread.run_sync(f, x, abandon_on_cancel=True)`",
        ANYIO + "threads.html",
        decide_to_thread,
    ),
    Rule(
        "timeout_error",
        asyncio_names("TimeoutError"),
        "`TimeoutError`, which is the same class; `builtins.TimeoutError` where another thing "
        "in the file has that name",
        ("it is no part of a string of several parts",),
        "write `TimeoutError`, or `builtins.TimeoutError`",
        "https://docs.python.org/3/library/exceptions.html#TimeoutError",
        decide_timeout_error,
    ),
    Rule(
        "event",
        asyncio_names("Event"),
        "`anyio.Event()`",
        (
            _KEPT,
            _SHARED,
            "nothing else is done with it than `set()`, `is_set()`, `wait()`; no `clear()`",
            "the value of `wait()` is not used",
        ),
        "where it is cleared, make a new `anyio.Event()` each time; else hand on an "
        "`anyio.Event`",
        ANYIO + "synchronization.html#events",
        decide_event,
    ),
    Rule(
        "lock",
        asyncio_names("Lock"),
        "`anyio.Lock(fast_acquire=True)`; as in asyncio, who takes a free lock does not yield",
        (
            _KEPT_OR_ENTERED,
            _SHARED,
            "it is entered by `async with`, or taken and released in one call of a function",
            "it is not held across a `yield`, and not asked for `locked()`",
            _ONCE,
        ),
        "use `async with anyio.Lock():`; AnyIO's lock is released by the task that has it",
        ANYIO + "synchronization.html#locks",
        decide_lock,
    ),
    Rule(
        "semaphore",
        asyncio_names("Semaphore", "BoundedSemaphore"),
        "`anyio.Semaphore(n, fast_acquire=True)`, with `max_value=n` for a bounded one",
        (
            _KEPT_OR_ENTERED,
            _SHARED,
            "it is entered by `async with`, or taken by `acquire()` and given back",
            "its limit is not seen to come from a division or a `float`: AnyIO takes integers",
        ),
        "use `async with anyio.Semaphore(n):`, or a `CapacityLimiter(n)`; `value` says "
        "what is free",
        ANYIO + "synchronization.html#semaphores",
        decide_semaphore,
    ),
    Rule(
        "wait_for",
        asyncio_names("wait_for"),
        "`with anyio.fail_after(t):` around the line, with what it waited for awaited",
        (
            "a line awaits it, and nothing else; that line may use the value",
            _WAITS_FOR_CALL,
            _CALM,
            _MENDED,
        ),
        "write `with anyio.fail_after(t): await f()`, and shield what f() awaits while it "
        "cleans up; who waits for a task has to cancel it",
        ANYIO + "cancellation.html#timeouts",
        decide_wait_for,
    ),
    Rule(
        "timeout",
        asyncio_names("timeout"),
        "`with anyio.fail_after(t):`; `expired()` becomes `cancelled_caught`",
        (
            "`async with` enters it first, and at most asks `expired()` behind the block",
            _CALM,
            _MENDED,
        ),
        "write `with anyio.fail_after(t):`, and shield what is awaited in clean-ups; set the "
        "scope's `deadline` in place of `reschedule()`",
        ANYIO + "cancellation.html#timeouts",
        decide_timeout,
    ),
    Rule(
        "timeout_at",
        asyncio_names("timeout_at"),
        "`with anyio.fail_at(t):`; AnyIO's clock is the loop's",
        (
            "`async with` enters it first, and at most asks `expired()` behind the block",
            _CALM,
            _MENDED,
        ),
        "write `with anyio.fail_at(t):`, with `t` from `anyio.current_time()`",
        ANYIO + "cancellation.html#timeouts",
        decide_timeout_at,
    ),
    Rule(
        "task_group",
        asyncio_names("TaskGroup"),
        "`anyio.create_task_group()`, `group.start_soon(f, x)`, and `task.return_value` for "
        "`task.result()`",
        (
            "`async with` enters it alone; in the block it starts tasks and does nothing else",
            "a task's `result()` is read behind the block, and nothing else is done with it",
            _CALM,
            _MENDED,
            "what its tasks call needs no current task of asyncio's (T5)",
        ),
        "write `async with anyio.create_task_group() as group:` and `group.start_soon(f, x)`, "
        "and shield what is awaited in clean-ups",
        ANYIO + "tasks.html",
        decide_task_group,
    ),
    Rule(
        "loop",
        asyncio_names("get_running_loop", "get_event_loop"),
        "`anyio.current_time()` for `loop.time()`; "
        "`await anyio.to_thread.run_sync(f, x, abandon_on_cancel=True)` for "
        "`await loop.run_in_executor(None, f, x)`: the thread sees the caller's context",
        (
            "it is called in an `async def`, and kept by a variable of that function at most",
            "nothing else is asked of the loop",
        ),
        "call what AnyIO has in the place of the loop's method: a task that sleeps for "
        "`call_later()`, `anyio.from_thread` for `call_soon_threadsafe()`",
        ANYIO + "threads.html",
        decide_loop,
    ),
    Rule(
        "gather",
        asyncio_names("gather"),
        "`anyio.gather()`, in `list()` where a list is needed",
        (
            "it is awaited, and gathers calls of functions of the file, or a list of them",
            "such a list, and tasks in place of the calls, are made just above for it alone",
            _QUIET,
            _CALM,
            _MENDED,
        ),
        "write `await anyio.gather(f(1), f(2))`; there an error ends the others and comes in "
        "an `ExceptionGroup`, so catch inside of f() what must not end them",
        ANYIO + "tasks.html",
        decide_gather,
    ),
    Rule(
        "create_task",
        asyncio_names("create_task", "ensure_future"),
        "`group.start_soon(f, x)`, in a task group around the lines from there to its end; if "
        "the function is cancelled in between, its task is, too, which asyncio leaves running",
        (
            "a variable keeps it, and a later line of the same block awaits or cancels it",
            "it has begun when it is cancelled, or does nothing before it waits",
            _WAITED_FOR,
            "no line in between leaves the block",
            _QUIET,
            _CALM,
            _MENDED,
        ),
        "open `async with anyio.create_task_group() as group:` in what owns the task, and "
        "write `group.start_soon(f, x)`; an error of the task ends the group",
        ANYIO + "tasks.html",
        decide_create_task,
    ),
    Rule(
        "cancelled_error",
        asyncio_names("CancelledError"),
        "nothing, where a handler only raises it again; `anyio.get_cancelled_exc_class()` "
        "where that handler is the only one, or what cancels it is rewritten; "
        "`anyio.TaskCancelled` where such a task is awaited",
        (
            "its handler only raises it again, and no handler below would catch it",
            _GOES_WITH,
        ),
        "when AnyIO's scopes cancel this code: `except anyio.get_cancelled_exc_class():`, what "
        "is awaited in it under `CancelScope(shield=True)`, and `raise`; `anyio.TaskCancelled` "
        "where a task is awaited",
        ANYIO + "cancellation.html",
        decide_cancelled_error,
    ),
    Rule(
        "queue",
        asyncio_names("Queue", "QueueEmpty", "QueueFull"),
        "`send, receive = anyio.create_memory_object_stream(n)`, with `math.inf` for no limit, "
        "and `with send, receive:` around the rest of the block; `anyio.WouldBlock` for its "
        "errors",
        (
            "a variable of a coroutine keeps it, and its limit is a number that can be seen",
            _PUT_AND_GOT,
            _ENDED,
            "what does not wait stands in a `try` whose handler names its error alone",
        ),
        "make `send, receive = anyio.create_memory_object_stream(n)`, with `math.inf` for no "
        "limit, and close both; there is no `join()`",
        ANYIO + "streams.html#memory-object-streams",
        decide_queue,
    ),
    Rule(
        "condition",
        asyncio_names("Condition"),
        "`anyio.Condition(anyio.Lock(fast_acquire=True))`",
        (
            _KEPT_OR_ENTERED,
            _SHARED,
            _ASKED_WITHIN,
            "the value of `wait()` is not used, and it is not held across a `yield`",
            _ONCE,
        ),
        "use `async with anyio.Condition():`, which is released by the task that has it",
        ANYIO + "synchronization.html#conditions",
        decide_condition,
    ),
    Rule(
        "subprocess",
        asyncio_names(
            "create_subprocess_exec",
            "create_subprocess_shell",
            *("subprocess", "subprocess.PIPE", "subprocess.DEVNULL", "subprocess.STDOUT"),
            "subprocess.Process",
        ),
        "`process = await anyio.run_process([command, x], check=False)`, with "
        "`process.stdout`, `process.stderr` and `process.returncode`",
        (
            "a variable keeps it, and the next line awaits `communicate()` or `wait()`",
            "nothing is written to it, and nothing else is asked of it than `returncode`",
            "nothing cancels it: all calls of its function can be seen, down to `run()`",
        ),
        "write `await anyio.run_process(command, check=False)`, which kills the process when "
        "it is cancelled; or `async with await anyio.open_process(command)`",
        ANYIO + "subprocesses.html",
        decide_subprocess,
    ),
    Rule(
        "tests",
        (MARK, FIXTURE),
        "`pytest.mark.anyio`, `pytest.fixture`: each test runs once for each backend of "
        "AnyIO's fixture `anyio_backend`, or of `--anyio-backends`",
        (
            "the marker stands above a test or a class, or in `pytestmark`, without a scope",
            "a fixture lives as long as a test, and is a parameter of marked coroutines alone",
            "no test asks for `event_loop`, `current_task()` or `all_tasks()`",
            "pytest-asyncio is in its strict mode, with loops that live as long as a test",
            "all of a file can move, and all files that share fixtures are named together",
        ),
        "write `@pytest.mark.anyio` and `@pytest.fixture` in all files that share fixtures; a "
        "fixture of a longer scope needs an `anyio_backend` of that scope, and all that it "
        "serves shares its loop",
        ANYIO + "testing.html",
        decide_tests,
    ),
    Rule(
        "run",
        asyncio_names("run"),
        "`anyio.run(main, x)`, which runs it on asyncio, too, unless it is told otherwise",
        (
            "it runs a plain `async def` of the file, with `debug` at most beside it",
            _BEGINS,
            "nothing else of asyncio's is left in the file: it goes last",
            _NEEDS_NO_LOOP,
        ),
        "write `anyio.run(main, x)` where no loop runs around it; `portable.run(main, x)` has "
        "asyncio's names work on trio as well",
        ANYIO + "basics.html#running-async-programs",
        decide_run,
    ),
)

RULES: tuple[Rule, ...] = (*_REWRITING, *HINTS)
"""All rules, in the order in which they are asked."""
