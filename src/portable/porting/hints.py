"""Rules that only have a hint: no file shows that AnyIO's way would mean the same."""

from __future__ import annotations

from .rule import ANYIO, Rule, asyncio_names

HINTS: tuple[Rule, ...] = (
    Rule(
        "other_queue",
        asyncio_names("PriorityQueue", "LifoQueue", "QueueShutDown"),
        "nothing",
        (),
        "keep it, or guard a `heapq` or list with an `anyio.Condition`",
        ANYIO + "synchronization.html#conditions",
    ),
    Rule(
        "wait",
        asyncio_names(
            "wait", "as_completed", "FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"
        ),
        "a task group whose tasks put their outcomes into a stream, or cancel the group",
        (),
        "see `portable show first_to_finish` and `as_they_complete`; or `portable.race()`",
        ANYIO + "tasks.html",
    ),
    Rule(
        "shield",
        asyncio_names("shield"),
        "nothing, in a clean-up that goes under `with anyio.CancelScope(shield=True):`",
        (),
        "write `with anyio.CancelScope(shield=True): await f()`; who is cancelled then waits "
        "for f(), see `portable show shielded_critical_section`",
        ANYIO + "cancellation.html#shielding",
    ),
    Rule(
        "barrier",
        asyncio_names("Barrier", "BrokenBarrierError"),
        "nothing",
        (),
        "keep it, or count who has come, and let an `anyio.Event` tell when all have",
        ANYIO + "synchronization.html#events",
    ),
    Rule(
        "task",
        asyncio_names("Task", "current_task", "all_tasks"),
        "`anyio.TaskHandle`, `anyio.get_current_task()`",
        (),
        "port what makes the task; then the type is `anyio.TaskHandle[T]`",
        ANYIO + "tasks.html",
    ),
    Rule(
        "future",
        asyncio_names("Future", "isfuture", "wrap_future"),
        "an `anyio.Event` beside a value",
        (),
        "keep the value beside an `anyio.Event`, or send it through a memory object stream",
        ANYIO + "synchronization.html#events",
    ),
    Rule(
        "stream",
        asyncio_names(
            "open_connection",
            "open_unix_connection",
            "start_server",
            "start_unix_server",
            "StreamReader",
            "StreamWriter",
            "IncompleteReadError",
            "LimitOverrunError",
        ),
        "`anyio.connect_tcp()`, `anyio.create_tcp_listener()`",
        (),
        "use `anyio.connect_tcp()` with a `BufferedByteReceiveStream`; the end of a stream is "
        "`anyio.EndOfStream`",
        ANYIO + "networking.html",
    ),
    Rule(
        "protocol",
        asyncio_names(
            *("Protocol", "BaseProtocol", "DatagramProtocol", "SubprocessProtocol"),
            *("BufferedProtocol", "Transport", "BaseTransport", "DatagramTransport"),
            *("ReadTransport", "WriteTransport", "SubprocessTransport", "Server"),
            "AbstractServer",
        ),
        "a stream and a task that reads it",
        (),
        "keep it, it runs on every loop; or read an `anyio.abc.SocketStream` in a task",
        ANYIO + "networking.html",
    ),
    Rule(
        "loop_itself",
        asyncio_names(
            *("AbstractEventLoop", "BaseEventLoop", "new_event_loop", "set_event_loop"),
            *("get_event_loop_policy", "set_event_loop_policy", "Runner", "SelectorEventLoop"),
            *("DefaultEventLoopPolicy", "AbstractEventLoopPolicy", "ProactorEventLoop"),
            *("WindowsSelectorEventLoopPolicy", "WindowsProactorEventLoopPolicy"),
            *("Handle", "TimerHandle", "run_coroutine_threadsafe", "events"),
        ),
        "`anyio.run()`, `anyio.from_thread`",
        (),
        "leave the loop to `anyio.run()` or `portable.run()`, and threads to "
        "`anyio.from_thread.run()`",
        ANYIO + "threads.html#running-code-in-worker-threads",
    ),
    Rule(
        "coroutine_test",
        asyncio_names("iscoroutinefunction", "iscoroutine"),
        "`inspect.iscoroutinefunction()`, `inspect.isawaitable()`",
        (),
        "ask `inspect.iscoroutinefunction()`, which does not know what only asyncio has marked",
        "https://docs.python.org/3/library/inspect.html#inspect.iscoroutinefunction",
    ),
)
