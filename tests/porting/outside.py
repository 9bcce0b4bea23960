"""More programs that stay, each just outside of one condition: the use, and a part of why.

They are many, so they run with the slow tests.
"""

from functools import partial

from . import programs

stays = partial(programs.stays, slow=True)

# Single names -----------------------------------------------------------------------------

for id_, rule, code, why in (
    (
        "max is another thing",
        "sleep",
        """
        import asyncio

        def max(one, other): ...

        async def main(end):
            await asyncio.sleep(end - 1)
        """,
        "`max` is another thing here",
    ),
    (
        "handed on as a function",
        "to_thread",
        """
        import asyncio

        async def main(call):
            await call(asyncio.to_thread, print)
        """,
        "called elsewhere",
    ),
    (
        "handed on as a function",
        "loop",
        """
        import asyncio

        async def main(call):
            return call(asyncio.get_running_loop).time()
        """,
        "is not called here",
    ),
    (
        "kept by two",
        "loop",
        """
        import asyncio

        async def main():
            one = other = asyncio.get_running_loop()
            return one.time() + other.time()
        """,
        "more than a variable",
    ),
    (
        "kept, and more is asked",
        "loop",
        """
        import asyncio

        async def main():
            loop = asyncio.get_running_loop()
            loop.stop()
        """,
        "is asked for .stop",
    ),
    (
        "kept, and handed on",
        "loop",
        """
        import asyncio

        async def main(call):
            loop = asyncio.get_running_loop()
            call(loop)
        """,
        "is asked for something",
    ),
    (
        "kept outside of a class",
        "event",
        """
        import asyncio

        def main(self):
            self._ready = asyncio.Event()
        """,
        "an attribute outside of a class",
    ),
    (
        "in a function of a function outside of a class",
        "event",
        """
        import asyncio

        def main(self):
            async def inner():
                self._ready = asyncio.Event()
        """,
        "an attribute outside of a class",
    ),
    (
        "made by something else as well",
        "event",
        """
        import asyncio

        async def main(make):
            ready = asyncio.Event()
            ready = make()
            await ready.wait()
        """,
        "bound to other things as well",
    ),
    (
        "of several that one thing makes",
        "event",
        """
        import asyncio

        async def main(make):
            ready = asyncio.Event()
            ready, other = make()
            ready.set()
        """,
        "shares its name",
    ),
    (
        "of several in a list",
        "event",
        """
        import asyncio

        async def main():
            ready = asyncio.Event()
            [ready, other] = asyncio.Event(), asyncio.Event()
            ready.set()
        """,
        "shares its name",
    ),
    (
        "compared",
        "event",
        """
        import asyncio

        async def main(other):
            ready = asyncio.Event()
            print(ready == other, other == ready, -ready)
        """,
        "is handed on in line 5",
    ),
    (
        "a loop's target as well",
        "event",
        """
        import asyncio

        async def main(others):
            ready = asyncio.Event()
            for ready in others:
                ready.set()
        """,
        "shares its name",
    ),
    (
        "a parameter's type",
        "lock",
        """
        import asyncio

        async def main(lock: asyncio.Lock):
            async with lock:
                pass
        """,
        "the type of something that is not rewritten",
    ),
    (
        "a string of several parts",
        "timeout_error",
        """
        import asyncio

        def main() -> "tuple[asyncio.TimeoutError, " "int]": ...
        """,
        "a string of several parts",
    ),
):
    stays(rule, id_, code, why)

# Groups -----------------------------------------------------------------------------------

GROUP = """
    import asyncio

    async def work(): pass

    async def main(others):
        {before}
        async with asyncio.TaskGroup() as {name}:
            {body}
        {after}
    """
for id_, before, name, body, after, why in (
    ("a name of more", "group = None", "group", "pass", "", "shares its name"),
    ("the name of a class", "from x import group", "group", "pass", "", "shares its name"),
    (
        "a task by a name of more",
        "task = None",
        "group",
        "task = group.create_task(work())",
        "print(task.result())",
        "keeps a task in task, with other things",
    ),
    (
        "a task of an object",
        "",
        "group",
        "others.task = group.create_task(work())",
        "",
        "gives the task of line 8 on",
    ),
    ("eager", "", "group", "group.create_task(work(), eager_start=True)", "", "options"),
    ("options", "", "group", "group.create_task(work(), **others)", "", "options"),
    (
        "tasks that are counted",
        "",
        "group",
        "tasks = [group.create_task(work()) for _ in range(2)]",
        "print(len(tasks))",
        "does more with a task",
    ),
    (
        "tasks in pairs",
        "",
        "group",
        "tasks = [group.create_task(work()) for _ in range(2)]",
        "for task, in tasks: print(task.result())",
        "does more with a task",
    ),
    (
        "each task by a name of more",
        "task = None",
        "group",
        "tasks = [group.create_task(work()) for _ in range(2)]",
        "for task in tasks: print(task.result())",
        "does more with a task",
    ),
):
    code = GROUP.format(before=before or "pass", name=name, body=body, after=after)
    stays("task_group", id_, code, why)

# Tasks ------------------------------------------------------------------------------------

TASK = """
    import asyncio
    import contextlib
    import pytest

    async def work(): pass

    async def main(other, coro):
        {make}
        {use}
    """
MAKE = "task = asyncio.create_task(work())"
for id_, make, use, why in (
    ("a coroutine that is kept", "task = asyncio.create_task(coro)", "await task", "be seen"),
    ("kept with others", f"task = None\n        {MAKE}", "await task", "with other things"),
    (
        "another function of a class",
        MAKE,
        "async def later(): await task\n        return later",
        "in another function",
    ),
    ("awaited by a function", MAKE, "await other([task, 1])", "does more with the task"),
    ("awaited by what is computed", MAKE, "await other()(task)", "does more with the task"),
    (
        "a condition may keep it from the end",
        MAKE,
        "if other: await task",
        "does not await or cancel the task in the block",
    ),
):
    stays("create_task", id_, TASK.format(make=make, use=use), why)
CATCH = "try:\n            {}\n        except asyncio.CancelledError{}: {}"
for id_, use in (
    ("behind a condition", "if other:\n            await task"),
    ("with an else", CATCH.format("await task", "", "pass") + "\n        else: print()"),
    ("with a finally", CATCH.format("await task", "", "pass") + "\n        finally: print()"),
    ("its message is used", CATCH.format("await task", " as e", "print(e)")),
    ("it is raised again", CATCH.format("await task", "", "raise")),
    ("in one line", "try: await task\n        except asyncio.CancelledError: pass"),
    ("it leaves the function", CATCH.format("await task", "", "return 1")),
    (
        "something else is awaited before",
        (
            "try:\n            await other()\n            await task\n        "
            "except asyncio.CancelledError: pass"
        ),
    ),
    ("suppressed under two names", "with contextlib.suppress(ValueError) as x:\n{0}await task"),
    ("suppressed with another error", "with contextlib.suppress({1}, OSError):\n{0}await task"),
    ("suppressed, another error", "with contextlib.suppress(OSError):\n{0}await task"),
    ("suppressed by something else", "with other({1}):\n{0}await task"),
    ("suppressed by no call", "with other:\n{0}await task"),
    ("suppressed, and more", "with contextlib.suppress({1}):\n{0}await task\n{0}print()"),
    ("suppressed, with a comment", "with contextlib.suppress({1}):  # late\n{0}await task"),
    ("expected with a message", "with pytest.raises({1}, match='x'):\n{0}await task"),
    ("expected as a name", "with pytest.raises({1}) as caught:\n{0}await task"),
    ("expected, and more", "with pytest.raises({1}):\n{0}await task\n{0}print()"),
    ("expected behind a condition", "with pytest.raises({1}):\n{0}if other: await task"),
):
    use = use.replace("{0}", " " * 12).replace("{1}", "asyncio.CancelledError")
    code = TASK.format(make=MAKE, use=f"task.cancel()\n        {use}")
    stays("create_task", f"cancelled: {id_}", code, "anyio.TaskCancelled")
stays(
    "create_task",
    "cancelled: in an async with",
    TASK.format(
        make=MAKE, use="task.cancel()\n        async with other:\n            await task"
    ),
    "where a limit would cancel it",
)

# What is not calm -------------------------------------------------------------------------

CALLED = """
    import asyncio
    import anyio
    from groups import open_group

    async def _work():
        try: await asyncio.sleep(1)
        except asyncio.CancelledError: print("stopped"); raise

    async def _limited():
        async with asyncio.timeout(2): await _work()

    async def _run():
        {start}

    anyio.run(_run)
    """
for id_, start in (
    ("within what is asyncio's", "async with asyncio.timeout(1): await _limited()"),
    ("within what is not known", "async with open_group(): await _limited()"),
    ("in another group", "async with open_group() as group: group.start_soon(_limited)"),
    (
        "in a group that is kept",
        (
            "group = anyio.create_task_group()\n"
            "        async with group: group.start_soon(_limited)"
        ),
    ),
    ("in a group of elsewhere", "open_group.start_soon(_limited)"),
):
    stays("timeout", f"started {id_}", CALLED.format(start=start), "names CancelledError")

LIMIT = """
    import asyncio
    import tempfile
    from events import ready

    {work}

    async def main():
        await asyncio.wait_for({awaited}, 1)
    """
HANDLE = "async def work():\n        try: await ready\n        except BaseException: {}"
WORK = "async def work():\n        {}\n        await {}"
READ = WORK.format("one, two {}", "asyncio.wait_for(two.drain(), 1)")
SOON = "ready.opened.wait()"
OPENED = (
    "class Door:\n"
    "        def __init__(self): self.opened = asyncio.Event()\n"
    "        def renew(self):\n            {}"
)
for id_, work, awaited, why in (
    ("no async def", "def work(): return asyncio.sleep(1)", "work()", "no `async def`"),
    ("an object of elsewhere", "", "ready.wait()", "cannot be seen to end at once"),
    (
        "a context manager of elsewhere",
        "async def work():\n        async with tempfile.thing(): await asyncio.sleep(1)",
        "work()",
        "enters in line",
    ),
    (
        "an attribute of two kinds",
        (
            "class Store:\n"
            "        def __init__(self): self._it = asyncio.Lock()\n"
            "        def renew(self): self._it = asyncio.Event()\n"
            "        async def work(self):\n"
            "            await asyncio.wait_for(self._it.wait(), 1)"
        ),
        "ready.wait()",
        "awaits in line 9 what cannot be seen to end at once",
    ),
    (
        "a cancellation that is waited with",
        HANDLE.format("await asyncio.sleep(1); raise").replace("ready", "asyncio.sleep(1)"),
        "work()",
        "while it cleans up",
    ),
    (
        "a cancellation that is lost",
        HANDLE.format("print()").replace("ready", "asyncio.sleep(1)"),
        "work()",
        "handles every exception",
    ),
    (
        "a name of two things",
        (
            "async def work():\n"
            "        pair = first, second = await ready.pair()\n"
            "        await first.read()"
        ),
        "work()",
        "cannot be seen to end at once",
    ),
    ("a future of the module", "soon = asyncio.Future()", "soon", "waits for a task or future"),
    ("a variable of elsewhere", WORK.format("soon = ready()", "soon"), "work()", "be seen"),
    ("gathered from elsewhere", "", "asyncio.gather(*ready)", "gathers in line 8 what"),
    ("a future of another loop", "", "ready.create_future()", "cannot be seen"),
    ("what is Python's own", "", "max.wait()", "cannot be seen"),
    ("an attribute that is no event", OPENED.format("self.opened = print()"), SOON, "be seen"),
    ("an attribute in a loop", OPENED.format("for self.opened in ready: ..."), SOON, "be seen"),
    ("a stream of elsewhere", READ.format("= await ready()"), "ready()", "awaits in line 7"),
    ("a stream awaited before", READ.format("= await ready"), "ready()", "awaits in line 7"),
    (
        "a stream that is not awaited",
        READ.format("= asyncio.open_connection()"),
        "ready()",
        "awaits in line 7",
    ),
    (
        "too many of a connection",
        READ.format(", three = await asyncio.open_connection()"),
        "ready()",
        "awaits in line 7",
    ),
    (
        "each of several streams",
        READ.format("= ready").replace("one, two = ready", "for one, two in ready: ..."),
        "ready()",
        "awaits in line 7",
    ),
):
    stays("wait_for", f"not calm: {id_}", LIMIT.format(work=work, awaited=awaited), why)

# Queues -----------------------------------------------------------------------------------

QUEUE = """
    import asyncio

    {work}

    async def main(other=1):
        queue = asyncio.Queue({limit})
        {use}
    """
PUT = "async def _put({}): await q.put(1)"
for id_, work, limit, use, why in (
    ("an item by its name", "", "", "await queue.put(item=1)", "more than an item"),
    ("several items", "", "", "await queue.put(*other)", "more than an item"),
    ("a put that is kept", "", "", "put = queue.put(1)\n        await put", "a put() in line"),
    ("a get that is kept", "", "", "get = queue.get()\n        await get", "a get() in line"),
    ("full, and other errors are caught", "", "1", ("try: queue.put_nowait(1)\n"
     "        except ValueError: pass"), "raises QueueFull"),
    ("full, in what cleans up", "", "1", ("try: pass\n        except asyncio.QueueFull:\n"
     "            queue.put_nowait(1)"), "raises QueueFull"),
    ("arguments in a list", PUT.format("q"), "", "await _put(*other, queue)", "handed on"),
    ("one of any number", PUT.format("*q"), "", "await _put(queue)", "handed on"),
    ("bound anew", "async def _put(q):\n        q = q or 1\n        await q.put(1)", "",
     "await _put(queue)", "handed on"),
    ("of another type", PUT.format("q: asyncio.PriorityQueue"), "", "await _put(queue)",
     "handed on"),
    ("a function that is handed on as well", PUT.format("q"), "",
     "await _put(queue)\n        return _put", "handed on"),
    ("a function that gets another as well", PUT.format("q"), "",
     "await _put(queue)\n        await _put(other)", "handed on"),
    ("a function that may be called without", PUT.format("q=None"), "",
     "await _put(queue)\n        await _put()", "handed on"),
    ("a function without waits", "", "", "def put(): queue.put_nowait(1)\n        put()",
     "used by put(), which others may call"),
    ("started by what is computed", "", "", ("async def get(): await queue.get()\n"
     "        other()(get())"), "may go on"),
    ("started in a list", "", "", ("async def get(): await queue.get()\n"
     "        asyncio.gather(*[get() for _ in range(2)])"), "may go on"),
):  # fmt: skip
    stays("queue", id_, QUEUE.format(work=work, limit=limit, use=use), why)
stays(
    "queue",
    "used before it is made",
    """
    import asyncio

    async def main(others):
        for _ in others:
            if others:
                queue = asyncio.Queue()
            await queue.put(1)
    """,
    "outside of its block",
)
stays(
    "queue",
    "its user called before",
    """
    import asyncio

    async def main(others):
        async def get():
            return await queue.get()

        if others:
            queue = asyncio.Queue()
            await queue.put(1)
        await get()
    """,
    "is used by get(), which line",
)
stays(
    "queue",
    "its ends' names are taken",
    """
    import asyncio

    async def main(send, receive, send_queue):
        queue = asyncio.Queue()
        await queue.put(1)
    """,
    "send_queue and receive_queue, are taken",
)

# Processes --------------------------------------------------------------------------------

PROCESS = """
    import asyncio

    async def main(other=None):
        {start}
        {use}

    asyncio.run(main())
    """
WAIT = "await process.wait()"
for id_, start, use, why in (
    ("not kept", "await asyncio.create_subprocess_exec('true')", "", "keeps it in a variable"),
    (
        "kept with others",
        "process = None\n        process = await asyncio.create_subprocess_exec('true')",
        WAIT,
        "with other things",
    ),
    (
        "options",
        "process = await asyncio.create_subprocess_exec('true', **other)",
        WAIT,
        "options that cannot be seen",
    ),
    (
        "no command",
        "process = await asyncio.create_subprocess_exec(cwd='/')",
        WAIT,
        "a command that cannot be seen",
    ),
    (
        "a shell's words",
        "process = await asyncio.create_subprocess_shell(*other, other)",
        WAIT,
        "a command that cannot be seen",
    ),
    (
        "waited for in a block",
        "process = await asyncio.create_subprocess_exec('true')",
        f"if other:\n            {WAIT}",
        "next line",
    ),
    (
        "a comment",
        "process = await asyncio.create_subprocess_exec('true')",
        f"{WAIT}  # soon",
        "a comment, which would be lost",
    ),
):
    stays("subprocess", id_, PROCESS.format(start=start, use=use), why)
for id_, more, why in (
    ("bound twice", "def main(): ...", "calls main(), which cannot be seen"),
    ("called by nobody", "if __name__ == '__main__': print()", "which nobody does in this"),
    ("awaited where no function is", "if __name__ == '__main__': await main()", "in line 7"),
    (
        "under a time limit",
        (
            "async def run():\n"
            "        async with asyncio.timeout(1):\n"
            "            await main()\n"
            "    asyncio.run(run())"
        ),
        "cancelled by what line 8 enters",
    ),
    (
        "under what is known to nobody",
        (
            "async def run():\n"
            "        with open('x'): await main()\n"
            "        async with lock: await main()\n"
            "    asyncio.run(run())"
        ),
        "cancelled by what line 9 enters",
    ),
    ("started by its name", "x = main", "by who starts main()"),
):
    stays(
        "subprocess",
        f"in a function: {id_}",
        f"""
    import asyncio

    async def main():
        process = await asyncio.create_subprocess_exec('true')
        {WAIT}

    {more}
    if __name__ == "__main__": pass
    """,
        why,
    )
stays(
    "wait_for",
    "a method of a class that is not around",
    """
    import asyncio

    async def main(self):
        await asyncio.wait_for(self.work(), 1)
    """,
    "cannot be seen to end at once",
)
stays(
    "wait_for",
    "arguments by other names",
    """
    import asyncio

    async def main(job):
        await asyncio.wait_for(job(), limit=1)
    """,
    "",
)

# What is gathered from a list ---------------------------------------------------------------

LISTED = """
    import asyncio

    others = []

    async def work(number=0):
        await asyncio.sleep(1)

    async def main(other):
        {made}
        {then}
        await asyncio.gather({gathered})
        {after}
    """
MADE = "jobs = [work(), work()]"
STARTED = "jobs = [asyncio.create_task(work())]"
for id_, made, then, gathered, after, why in (
    ("used afterwards", STARTED, "pass", "*jobs", "jobs[0].cancel()", "in a list"),
    ("used before", STARTED, "print(len(jobs))", "*jobs", "pass", "in a list"),
    ("bound twice", MADE, "jobs = other", "*jobs", "pass", "in a list"),
    ("bound with another name", f"same = {MADE}", "pass", "*jobs", "pass", "in a list"),
    ("bound by a loop", "for jobs in other: pass", "pass", "*jobs", "pass", "in a list"),
    ("annotated", "jobs: list[asyncio.Task] = []", "pass", "*jobs", "pass", "in a list"),
    ("a list of the module", "pass", "others.append(work())", "*others", "pass", "in a list"),
    ("made by a call", "jobs = other()", "pass", "*jobs", "pass", "in a list"),
    ("with what is no call", "jobs = [work(), other]", "pass", "*jobs", "pass", "in a list"),
    ("with others", "jobs = [work(), *other]", "pass", "*jobs", "pass", "in a list"),
    ("with tasks of elsewhere", MADE, "jobs.append(other)", "*jobs", "pass", "in a list"),
    ("extended", MADE, "jobs.extend(other)", "*jobs", "pass", "in a list"),
    ("handed to another method", MADE, "jobs.remove(work())", "*jobs", "pass", "in a list"),
    ("gathered two times", MADE, "pass", "*jobs, *jobs", "pass", "in a list"),
    ("added to afterwards", MADE, "pass", "*jobs", "jobs.append(work())", "in a list"),
    ("added to by another", MADE, "def add(): jobs.append(work())", "*jobs", "pass",
     "in a list"),
    ("what appending returns", MADE, "print(jobs.append(work()))", "*jobs", "pass",
     "in a list"),
    ("of a mapping", "jobs = {}", "pass", "**jobs", "pass", "cannot be told apart"),
    ("made in a branch", f"if other: {MADE}", "pass", "*jobs", "pass", "in a list"),
    ("started before a wait", STARTED, "await asyncio.sleep(1)", "*jobs", "pass",
     "awaits in line 10, while"),
    ("started before a block", STARTED, "async with other: pass", "*jobs", "pass",
     "awaits in line 10, while"),
    ("started before a variable is set", STARTED, "other.set(1)", "*jobs", "pass",
     "calls in line 10 what may raise"),
    ("started before another line", STARTED, "print(1)", "*jobs", "pass",
     "does more in line 10"),
    ("started before an error", STARTED, "print(other[0])", "*jobs", "pass", "a subscript"),
    ("started before the end", STARTED,
     "for _ in other: jobs.append(asyncio.create_task(work())); return", "*jobs", "pass",
     "may leave"),
    ("started in a comprehension that waits",
     "jobs = [asyncio.create_task(work()) async for _ in other]", "pass", "*jobs", "pass",
     "awaits in line 9, while"),
    ("a task with a name", "pass", "pass", "asyncio.create_task(work(), name='a')", "pass",
     "what may be tasks"),
    ("a task of a variable", "pass", "pass", "asyncio.create_task(other)", "pass",
     "what may be tasks"),
    ("a task with what is awaited", "pass", "pass", "asyncio.create_task(work(await work()))",
     "pass", "awaits in line 11, while"),
):  # fmt: skip
    code = LISTED.format(made=made, then=then, gathered=gathered, after=after)
    stays("gather", f"from a list {id_}", code, why)
stays(
    "gather",
    "tasks that are gathered only at times",
    """
    import asyncio

    async def work():
        await asyncio.sleep(1)

    async def main(wanted):
        jobs = [asyncio.create_task(work())]
        return wanted and await asyncio.gather(*jobs)
    """,
    "only at times",
)

GATHERING_LINE = """
    import asyncio
    from contextvars import ContextVar

    current = ContextVar("current")
    table = []

    def mark(number):
        current.set(number)
        return number

    async def work(number=0):
        await asyncio.sleep(1)
        print(number)

    async def main(wanted):
        {made}
        {line}
    """
OF_TASKS = "jobs = [asyncio.create_task(work(n)) for n in range(3)]"
for id_, made, line, why in (
    ("a message of an assert", OF_TASKS, "assert wanted, await asyncio.gather(*jobs)",
     "only at times"),
    ("an elif", OF_TASKS, "if wanted: pass\n        elif await asyncio.gather(*jobs): pass",
     "only at times"),
    ("a condition of a case", OF_TASKS,
     "match wanted:\n            case 2 if await asyncio.gather(*jobs): pass", "only at times"),
    ("a chain", OF_TASKS, "print(2 < wanted < len(await asyncio.gather(*jobs)))",
     "only at times"),
    ("a loop's condition", OF_TASKS, "while await asyncio.gather(*jobs): pass",
     "only at times"),
    ("behind what it awaits", OF_TASKS, "print(await work(1), await asyncio.gather(*jobs))",
     "awaits in line 17, while"),
    ("behind what raises", OF_TASKS, "print(table[0], await asyncio.gather(*jobs))",
     "a subscript"),
    ("with a condition that raises", "pass",
     "await asyncio.gather(*[asyncio.create_task(work(n)) for n in (1, 2) if table[n]])",
     "a subscript"),
    ("where a context variable is set", "jobs = []",
     ("for n in range(3): current.set(n); jobs.append(asyncio.create_task(work()))\n        "
      "await asyncio.gather(*jobs)"), "does more in line 17"),
    ("where an argument sets a context variable", "pass",
     "await asyncio.gather(*[asyncio.create_task(work(current.set(n))) for n in (1, 2)])",
     "does more in line 17"),
    ("where a function sets a context variable", "pass",
     "await asyncio.gather(*[asyncio.create_task(work(mark(n))) for n in (1, 2)])",
     "does more in line 17"),
    ("of the module", "global jobs; jobs = [work()]", "await asyncio.gather(*jobs)",
     "in a list"),
    ("with options that do something", "pass",
     "await asyncio.gather(work(), return_exceptions=print(1))", "cannot be told apart"),
    ("with options in a mapping", "pass",
     "await asyncio.gather(work(), **{'return_exceptions': True})", "cannot be told apart"),
    ("of a future", "pass", "await asyncio.gather(asyncio.shield(work()), work())",
     "may be tasks or futures"),
):  # fmt: skip
    stays("gather", f"a line: {id_}", GATHERING_LINE.format(made=made, line=line), why)

# What raises, and is not quiet ----------------------------------------------------------------

RAISING = """
    import asyncio

    async def bad():
        await asyncio.sleep(1)
        raise ValueError

    async def slow():
        await asyncio.sleep(9)

    class Manager:
        def __enter__(self): raise OSError
        def __exit__(self, *error): pass

    manager = Manager()

    async def main(others):
        job = asyncio.create_task(bad())
        late = asyncio.create_task(slow())
        ready = asyncio.get_running_loop().create_future()
        queue = asyncio.Queue()
        reader = asyncio.StreamReader()
        async def work(number=0):
            {work}
        late.cancel()
        queue.shutdown()
        await asyncio.gather(work(1), work(2), return_exceptions=True)
    """
for id_, work, why in (
    ("a task that fails", "await job", "may raise in line 5"),
    ("a shielded task that fails", "await asyncio.shield(job)", "may raise in line 5"),
    ("a task that is cancelled", "await late", "what may be cancelled"),
    ("a future that may fail", "await ready", "awaits in line 23 what may raise"),
    ("a queue that is shut down", "await queue.get()", "calls in line 23 what may raise"),
    ("a stream that ends", "await reader.readexactly(4)", "calls in line 23 what may raise"),
    ("a division in place", "number /= 0", "may raise in line 23"),
    ("an import", "import nowhere", "may raise in line 23"),
    ("an import of a name", "from nowhere import name", "may raise in line 23"),
    ("a context manager", "with manager: pass", "enters in line 23 what may raise"),
    ("what is unpacked", "one, two = others", "where it unpacks"),
    ("what is unpacked otherwise", "one, two = 1, 2, 3", "where it unpacks"),
):
    stays("gather", f"an error: {id_}", RAISING.format(work=work), why)
for id_, rule, start, end in (
    ("gather", "gather", "pass", "await asyncio.gather(bad(), asyncio.sleep(1))"),
    ("create_task", "create_task", "task = asyncio.create_task(bad())", "await task"),
):
    stays(
        rule,
        f"an error that is caught around {id_}",
        f"""
        import asyncio

        async def bad():
            raise ValueError

        async def main():
            try:
                {start}
                {end}
            except ValueError:
                print("failed")
        """,
        "calls bad(), which may raise in line 4",
    )
for id_, attribute, body in (
    ("of the object", "self.work = other", "pass"),
    ("of the object, by a string", "setattr(self, 'work', other)", "pass"),
    ("of the class", "pass", "work = print"),
):
    stays(
        "gather",
        f"a method in whose place there is another {id_}",
        f"""
        import asyncio

        class Server:
            def __init__(self, other):
                {attribute}

            async def work(self):
                await asyncio.sleep(1)

            {body}

            async def main(self):
                await asyncio.gather(self.work(), self.work())
        """,
        "cannot be seen to end at once",
    )
WITHIN = """
    import asyncio

    async def work():
        await asyncio.sleep(1)

    async def bad():
        raise ValueError

    async def main(other, others):
        failing = asyncio.create_task(bad())
        task = asyncio.create_task(work())
        {line}
        await task
    """
for id_, line, why in (
    ("a task that fails", "await failing", "may raise in line 7"),
    ("a context manager", "with other: pass", "enters in line 12 what may raise"),
    ("a lock that cannot be seen", "async with other: pass", "enters in line 12"),
    ("a loop that awaits", "async for _ in other: pass", "iterates in line 12"),
    ("what is unpacked", "one, two = others", "where it unpacks"),
):
    stays("create_task", f"within: {id_}", WITHIN.format(line=line), why)
EARLY = """
    import asyncio

    async def inner():
        print("begun")

    async def work():
        {first}
        await asyncio.sleep(9)

    async def main(other):
        task = asyncio.create_task(work())
        {between}
        task.cancel()
    """
for id_, first, between in (
    ("at once", "print('begun')", "pass"),
    ("behind a wait at times", "print('begun')", "if other: await asyncio.sleep(1)"),
    ("behind a wait in a loop", "print('begun')", "for _ in other: await asyncio.sleep(1)"),
    ("before it waits for a function", "await inner()", "pass"),
    ("before it waits for what is called", "await asyncio.sleep(print('begun'))", "pass"),
    ("before a block", "try: await asyncio.sleep(9)\n        finally: print('end')", "pass"),
):
    code = EARLY.format(first=first, between=between)
    stays("create_task", f"cancelled {id_}", code, "maybe before it has begun")

# What keeps a cancellation -------------------------------------------------------------------

KEEPING = """
    import asyncio
    import contextlib

    class Keeper:
        def __enter__(self): pass
        def __exit__(self, *error): return True

    @contextlib.contextmanager
    def keeping():
        try:
            yield
        except BaseException:
            pass

    async def main():
        keeper = Keeper()
        async with asyncio.timeout(1):
            for _ in range(3):
                {line}
                    {body}
    """
for id_, line, body, why in (
    ("suppress", "with contextlib.suppress(BaseException):", "await asyncio.sleep(3)",
     "catches every exception in line 19"),
    ("a class of the file", "with Keeper():", "await asyncio.sleep(3)", "enters in line 19"),
    ("an object of such a class", "with keeper:", "await asyncio.sleep(3)",
     "enters in line 19"),
    ("a function of the file", "with keeping():", "await asyncio.sleep(3)",
     "enters in line 19"),
    ("a clean-up that goes on", "try:", ("await asyncio.sleep(3)\n                finally:\n"
     "                    continue"), "leaves its clean-up in line 22"),
    ("a clean-up that returns", "try:", ("await asyncio.sleep(3)\n                finally:\n"
     "                    return"), "leaves its clean-up in line 22"),
):  # fmt: skip
    stays("timeout", f"kept: {id_}", KEEPING.format(line=line, body=body), why)
stays(
    "task_group",
    "a future that is cancelled",
    """
    import asyncio

    async def main():
        ready = asyncio.get_running_loop().create_future()
        async def wait(): await ready
        async with asyncio.TaskGroup() as group:
            group.create_task(wait())
            ready.cancel()
    """,
    "awaits in line 5 what may be cancelled",
)

# What does not wait, beside what waits ------------------------------------------------------

HANDED = """
    import asyncio

    async def main():
        queue = asyncio.Queue({limit})

        async def one():
            {one}

        async def other():
            {other}

        async with asyncio.TaskGroup() as group:
            group.create_task(one())
            group.create_task(other())
    """
PUT = "try: queue.put_nowait(1)\n            except asyncio.QueueFull: pass"
GET = "try: queue.get_nowait()\n            except asyncio.QueueEmpty: pass"
for id_, limit, one, other in (
    ("an item goes to who waits, and takes no place", "1", PUT, "await queue.get()"),
    ("who waits to put has its place at once", "1", GET, "await queue.put(1)"),
    ("who waits first gets the item", "", GET, "await queue.get()"),
    (
        "who waits in the same function gets the item",
        "",
        f"await queue.put(1)\n            {GET}\n            await queue.get()",
        "pass",
    ),
):
    code = HANDED.format(limit=limit, one=one, other=other)
    stays("queue", id_, code, "without waiting, and waits in another")
stays(
    "queue",
    "made in the block of a group that outlives it",
    """
    import asyncio

    async def main():
        async with asyncio.TaskGroup() as group:
            queue = asyncio.Queue()
            async def get(): await queue.get()
            group.create_task(get())
            await queue.put(1)
    """,
    "is used by get(), which may go on after line 7",
)

# Methods whose owner cannot be seen ---------------------------------------------------------

for id_, method in (
    ("add() of a parameter", "session.add(1)"),
    ("get() of an attribute", "session.pages.get(1)"),
    ("update() of a name of elsewhere", "registry.update(a=1)"),
    ("info() of what is no logger", "session.info('x')"),
    ("cancel() of what is no task", "session.cancel()"),
    ("set() of what is no event", "session.set()"),
    ("append() of what is bound to several", "(several := session).append(1)"),
    ("append() of a class", "kind = list; kind.append(1)"),
    ("append() of a loop's variable", "for several in session: several.append(1)"),
    ("append() of a name that Python has", "max.append(1)"),
    ("cancel() of a number", "kind = 5; kind.cancel()"),
    ("info() of a number", "kind = 5; kind.info('x')"),
):
    code = f"""
        import asyncio
        from elsewhere import registry

        async def work(session):
            several = []
            {method}

        async def main(session):
            await asyncio.gather(work(session), work(session))
    """
    stays("gather", f"calls {id_}", code, "what may raise")

OWNED = """
    import asyncio
    {first}

    class Work:
        def __init__(self):
            self.seen = []

        def forget(self):
            {forget}

        async def one(self, other):
            {method}

        async def both(self, other):
            other.seen = []
            await asyncio.gather(self.one(other), self.one(other))
    """
for id_, first, forget, method in (
    ("of another's attribute", "", "pass", "other.seen.append(1)"),
    ("of an attribute that is set by its name", "", "setattr(self, 'seen', None)",
     "self.seen.append(1)"),
    ("of an attribute that is bound to other things", "", "self.seen = open",
     "self.seen.append(1)"),
    ("of what another list() makes", "from elsewhere import list", "self.seen = list()",
     "self.seen.append(1)"),
):  # fmt: skip
    code = OWNED.format(first=first, forget=forget, method=method)
    stays("gather", f"calls append() {id_}", code, "what may raise")

GIVEN = """
    import asyncio

    class Other:
        async def wait(self):
            try:
                await asyncio.sleep(1)
            finally:
                await asyncio.sleep(1)

    async def _wait(event{default}):
        {anew}
        await event.wait()

    async def _again(event):
        await _again(event)
        await event.wait()

    async def _last(name, event, last=None):
        await event.wait()

    async def main():
        event, more = asyncio.Event(), [asyncio.Event()]
        task = asyncio.create_task({call})
        await asyncio.sleep(1)
        event.set()
        await task

    {line}
"""
for id_, default, anew, call, line in (
    ("another thing", "", "pass", "_wait(event)", "_wait(Other())"),
    ("by its name", "", "pass", "_wait(event)", "print(_wait)"),
    ("by all", "", "pass", "_wait(*more)", ""),
    ("behind all", "", "pass", "_last(*[1, Other()], event)", ""),
    ("by a dict", "", "pass", "_wait(**{'event': event})", ""),
    ("by default", "=None", "pass", "_wait()", ""),
    ("in a circle", "", "pass", "_again(_wait)", ""),
    ("bound anew", "", "event = Other()", "_wait(event)", ""),
):
    stays(
        "create_task",
        f"of what is handed on, {id_}",
        GIVEN.format(default=default, anew=anew, call=call, line=line),
        "cannot be seen",
        slow=True,
    )
stays(
    "wait_for",
    "of what a decorator may hand on",
    """
    import asyncio

    def _other(function):
        return lambda event: function(Other())

    @_other
    async def _wait(event):
        await asyncio.wait_for(event.wait(), 1)

    async def main():
        await _wait(asyncio.Event())
    """,
    "cannot be seen",
)
