"""Programs before and after: what each rule makes of them, and what none must touch.

A program has a `main` and prints what it does, so that both can be run and compared. A case
just outside names the use that must stay, and a part of the reason.
"""

from dataclasses import dataclass
from textwrap import dedent


@dataclass(frozen=True)
class Rewritten:
    """A program, and what the rule of that name makes of it."""

    rule: str
    id: str
    before: str
    after: str
    slow: bool = False


@dataclass(frozen=True)
class Stays:
    """A program in which a use stays, and a part of why."""

    rule: str
    id: str
    code: str
    why: str
    slow: bool = False


REWRITTEN: list[Rewritten] = []
STAYS: list[Stays] = []


def rewritten(rule: str, name: str, before: str, after: str, *, slow: bool = False) -> None:
    texts = (dedent(before).lstrip(), dedent(after).lstrip())
    REWRITTEN.append(Rewritten(rule, name, *texts, slow=slow))


def stays(rule: str, name: str, code: str, why: str, *, slow: bool = False) -> None:
    STAYS.append(Stays(rule, name, dedent(code).lstrip(), why, slow=slow))


rewritten(
    "sleep",
    "plain",
    """
    import asyncio

    async def main():
        await asyncio.sleep(1)
        print("one")
        await asyncio.sleep(delay=2)
    """,
    """
    import anyio

    async def main():
        await anyio.sleep(1)
        print("one")
        await anyio.sleep(delay=2)
    """,
)
rewritten(
    "sleep",
    "a difference, which may be below zero",
    """
    import asyncio

    async def main():
        for passed in (1, 3):
            await asyncio.sleep(2 - passed)
            left = 2 - passed
            await asyncio.sleep(left)
            print("slept")
    """,
    """
    import anyio

    async def main():
        for passed in (1, 3):
            await anyio.sleep(max(0, 2 - passed))
            left = 2 - passed
            await anyio.sleep(max(0, left))
            print("slept")
    """,
)
rewritten(
    "sleep",
    "imports of every kind",
    """
    from __future__ import annotations
    import asyncio as aio, os
    from asyncio import sleep as pause, gather

    async def main():
        import asyncio
        await aio.sleep(1)
        await pause(1)
        await asyncio.sleep(1)
        print(os.sep)
    """,
    """
    from __future__ import annotations
    import os
    import anyio
    from asyncio import gather

    async def main():
        import anyio
        await anyio.sleep(1)
        await anyio.sleep(1)
        await anyio.sleep(1)
        print(os.sep)
    """,
)
rewritten(
    "sleep",
    "a shadowed name",
    """
    import asyncio

    class Clock:
        async def sleep(self, seconds):
            print("asleep for", seconds)

    async def nap(asyncio):
        await asyncio.sleep(5)

    async def main():
        await nap(Clock())
        await asyncio.sleep(5)
    """,
    """
    import anyio

    class Clock:
        async def sleep(self, seconds):
            print("asleep for", seconds)

    async def nap(asyncio):
        await asyncio.sleep(5)

    async def main():
        await nap(Clock())
        await anyio.sleep(5)
    """,
)
stays(
    "sleep",
    "a result",
    """
    import asyncio

    async def main():
        print(await asyncio.sleep(1, "done"))
    """,
    "more than the delay",
)
stays(
    "sleep",
    "handed on",
    """
    import asyncio

    async def main(pause=asyncio.sleep):
        await pause(1, "done")
    """,
    "handed on",
)
stays(
    "sleep",
    "two meanings",
    """
    try:
        import asyncio
    except ImportError:
        asyncio = None

    async def main():
        await asyncio.sleep(1)
    """,
    "may be something else",
)
stays(
    "sleep",
    "the name is taken",
    """
    import asyncio

    anyio = "any"

    async def main():
        await asyncio.sleep(1)
    """,
    "'anyio' is another thing",
)
rewritten(
    "to_thread",
    "arguments",
    """
    import asyncio

    def add(a, b=2):
        return a + b

    async def main():
        print(await asyncio.to_thread(add, 1))
        print(await asyncio.to_thread(add, *[1, 5]))
        d = await asyncio.to_thread(dict, b=3)
        print(d)
    """,
    """
    import functools
    import anyio

    def add(a, b=2):
        return a + b

    async def main():
        print(await anyio.to_thread.run_sync(add, 1, abandon_on_cancel=True))
        print(await anyio.to_thread.run_sync(add, *[1, 5], abandon_on_cancel=True))
        d = await anyio.to_thread.run_sync(functools.partial(dict, b=3), abandon_on_cancel=True)
        print(d)
    """,
)
stays(
    "to_thread",
    "the function cannot be seen",
    """
    import asyncio

    async def main():
        print(await asyncio.to_thread(*[len, ""]))
    """,
    "without a function",
)
rewritten(
    "timeout_error",
    "everywhere",
    """
    import asyncio
    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        from asyncio import TimeoutError as Late

    async def fail(error: "asyncio.TimeoutError") -> "Late | None":
        raise error

    async def main():
        try:
            await fail(asyncio.TimeoutError("late"))
        except (asyncio.TimeoutError, ValueError) as error:
            print(repr(error))
    """,
    """
    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        pass

    async def fail(error: "TimeoutError") -> "TimeoutError | None":
        raise error

    async def main():
        try:
            await fail(TimeoutError("late"))
        except (TimeoutError, ValueError) as error:
            print(repr(error))
    """,
)
rewritten(
    "timeout_error",
    "where the name is taken",
    """
    import asyncio

    class TimeoutError(Exception): ...

    async def fail(error: "asyncio.TimeoutError") -> asyncio.TimeoutError:
        raise error

    async def main():
        for error in (TimeoutError, asyncio.TimeoutError):
            try:
                await fail(error)
            except asyncio.TimeoutError:
                print("Python's")
            except TimeoutError:
                print("own")
    """,
    """
    import builtins

    class TimeoutError(Exception): ...

    async def fail(error: "builtins.TimeoutError") -> builtins.TimeoutError:
        raise error

    async def main():
        for error in (TimeoutError, builtins.TimeoutError):
            try:
                await fail(error)
            except builtins.TimeoutError:
                print("Python's")
            except TimeoutError:
                print("own")
    """,
)
stays(
    "timeout_error",
    "both names are taken",
    """
    import asyncio

    class TimeoutError(Exception): ...

    def main(builtins):
        return asyncio.TimeoutError
    """,
    "'builtins' is another thing in this file",
)

rewritten(
    "event",
    "a variable, and an attribute with its types",
    """
    import asyncio

    class Door:
        _open: asyncio.Event | None = None

        def __init__(self):
            self._open: "asyncio.Event" = asyncio.Event()

        def open(self):
            if self._open is not None and not self._open.is_set():
                self._open.set()

        async def enter(self):
            await self._open.wait()
            print("inside")

    async def main():
        started = asyncio.Event()
        door = Door()

        async def visit():
            started.set()
            await door.enter()

        visitor = asyncio.create_task(visit())
        await asyncio.wait_for(started.wait(), 5)
        print("a visitor")
        asyncio.get_running_loop().call_later(1, door.open)
        await visitor
    """,
    """
    import asyncio
    import anyio

    class Door:
        _open: anyio.Event | None = None

        def __init__(self):
            self._open: "anyio.Event" = anyio.Event()

        def open(self):
            if self._open is not None and not self._open.is_set():
                self._open.set()

        async def enter(self):
            await self._open.wait()
            print("inside")

    async def main():
        started = anyio.Event()
        door = Door()

        async def visit():
            started.set()
            await door.enter()

        visitor = asyncio.create_task(visit())
        await asyncio.wait_for(started.wait(), 5)
        print("a visitor")
        asyncio.get_running_loop().call_later(1, door.open)
        await visitor
    """,
)
EVENT = """
    import asyncio

    class Door:
        def __init__(self):
            self.{name} = asyncio.Event()

        async def enter(self):
            {use}

    async def main():
        pass
    """
for id_, attribute, use, why in (
    ("cleared", "_open", "self._open.clear()", "is cleared"),
    ("its value is used", "_open", "return await self._open.wait()", "value of its wait()"),
    ("handed on", "_open", "print(self._open)", "handed on"),
    ("public", "open", "await self.open.wait()", "public attribute"),
    ("bound otherwise", "_open", "self._open = x = asyncio.Event()", "with other things"),
    ("bound to a parameter", "_open", "self._open = self", "other things"),
    ("in a tuple", "_open", "self._open, *x = asyncio.Event(), 1", "other things"),
    ("from elsewhere", "_open", "other = self; other._open.clear()", "from elsewhere"),
    ("bound elsewhere", "_open", "other = self; other._open = None", "from elsewhere"),
    ("a default", "_open", "def inner(door=self._open): ...", "handed on"),
):
    stays("event", id_, EVENT.format(name=attribute, use=use), why)
stays(
    "event",
    "at import",
    """
    import asyncio

    ready = asyncio.Event()

    async def main():
        ready.set()
    """,
    "when the module is imported",
)
stays(
    "event",
    "a parameter of the same name",
    """
    import asyncio

    async def main(ready: asyncio.Event = None):
        ready = asyncio.Event()
        ready.set()
    """,
    "with other things",
)
stays(
    "event",
    "used by a class that inherits",
    """
    import asyncio

    class Door:
        def __init__(self):
            self._open = asyncio.Event()

    class Gate(Door):
        def open(self):
                self._open.clear()
    """,
    "from elsewhere",
)
stays(
    "event",
    "shared by the class",
    """
    import asyncio

    class Door:
        _open = asyncio.Event()

        async def enter(self):
            self._open = asyncio.Event()
    """,
    "shared by the class",
)
HOLDERS = """
    import asyncio

    def main():
        {class_}
            def __init__(self, ready):
                self.ready = ready
                {more}

        async def opened(ready: asyncio.Event):
            {use}

        async def run():
            ready = asyncio.Event()
            others = []
            {call}
            gate = Gate(ready)
            ready.set()
            await gate.ready.wait()

        return run()
    """
PLAIN = {
    "class_": "class Gate:",
    "more": "pass",
    "use": "await ready.wait()",
    "call": "await opened(ready)",
}
LINE = "\n            "
KEEP = "self.ready = ready"
RENEW = "def _renew(self, ready: asyncio.Event): "
TYPED = f"class Gate:{LINE}{RENEW.replace('_renew', '__init__')}{KEEP}\n        "
for id_, change in (
    ("cleared by who gets it", {"use": "ready.clear()"}),
    ("handed on by who gets it", {"use": "print(ready)"}),
    ("rebound by who gets it", {"use": "ready = 1"}),
    ("another thing for the parameter", {"call": "await opened(ready); await opened(print())"}),
    ("in a list", {"call": "others.append(ready)"}),
    ("a function that is named", {"call": "print(opened); await opened(ready)"}),
    ("arguments that cannot be told", {"call": "await opened(*[ready])"}),
    ("an attribute bound otherwise", {"more": "self.ready = 1"}),
    ("an attribute by its string", {"more": "getattr(self, 'ready').clear()"}),
    ("a base class of another package", {"class_": "class Gate(Door):"}),
    ("a class that is decorated", {"class_": "@print\n        class Gate:"}),
    ("a class with keywords", {"class_": "class Gate(total=1):"}),
    ("made by `__new__`", {"class_": f"class Gate:{LINE}def __new__(cls, x): x.clear()"}),
    ("an `__init__` that is decorated", {"class_": f"class Gate:{LINE}@print"}),
    ("any number of parameters", {"more": f"pass{LINE}def renew(self, *ready): {KEEP}"}),
    ("called by a decorator", {"more": f"pass{LINE}@print{LINE}{RENEW}{KEEP}"}),
    ("another default", {"more": f"pass{LINE}{RENEW.replace(')', ' = print)')}{KEEP}"}),
    ("called by nobody", {"more": f"pass{LINE}{RENEW}{KEEP}"}),
    ("a parameter in a list", {"call": "await opened(ready); await opened(*others)"}),
    ("a parameter that is left out", {"call": "await opened(ready); await opened()"}),
    ("an heir that has its own", {"class_": f"{TYPED}class Other(Gate):"}),
    (
        "an heir that is decorated",
        {"class_": f"{TYPED}@print\n        class Other(Gate): ...\n        class Third:"},
    ),
    ("a method of the attribute's name", {"more": f"pass{LINE}def ready(self): ..."}),
    ("a value of the class", {"class_": f"class Gate:{LINE}ready: asyncio.Event = 1"}),
    ("a value without a type", {"class_": f"class Gate:{LINE}ready = None"}),
    (
        "a dataclass",
        {
            "class_": f"@print\n        class Other:{LINE}ready: asyncio.Event\n"
            "        class Gate:"
        },
    ),
    ("in an item", {"call": "others[0] = ready"}),
    ("behind a star", {"call": "Gate(*others, ready)"}),
    ("one too many", {"call": "Gate(1, ready)"}),
    ("by a name it has not", {"call": "Gate(other=ready)"}),
    ("a base that is computed", {"class_": "class Gate(print()):"}),
    ("an attribute of two targets", {"more": "self.ready, self.other = ready"}),
    ("an attribute of what may be no object of this file", {"call": "others.ready = ready"}),
    ("a global", {"more": f"global kept{LINE}    kept = ready"}),
):
    code = HOLDERS.format(**(PLAIN | change)).replace(
        "import asyncio", "import asyncio\n    from doors import Door"
    )
    stays("event", id_, code, "handed on")
for id_, more in (("an import", "from doors import ready"), ("a class", "class ready: ...")):
    code = HOLDERS.format(**(PLAIN | {"call": f"await opened(ready){LINE}{more}"}))
    stays("event", f"shared with {id_}", code, "shares its name")
stays(
    "event",
    "kept by a class that is bound twice",
    """
    import asyncio

    class _Gate:
        def __init__(self, ready: asyncio.Event):
            self.ready = ready

        def renew(self):
            self.ready = asyncio.Event()

    gate = _Gate(None)

    class _Gate: ...
    """,
    "public attribute",
)
stays(
    "event",
    "handed on at once",
    """
    import asyncio

    async def _opened(ready):
        ready.set()

    async def main():
        await _opened(asyncio.Event())
    """,
    "not kept by a variable or attribute",
)
rewritten(
    "event",
    "handed on to a method, to an attribute's attribute, and to a class with types",
    """
    import asyncio
    from typing import Generic, TypeVar

    T = TypeVar("T")

    async def main():
        class Gate(Generic[T]):
            name: str = "gate"
            opened: asyncio.Event

            def __init__(self, opened: asyncio.Event):
                self.opened = opened
                self.same = self.opened

            def _close(self, closed: asyncio.Event):
                self.closed = closed
                closed.set()

            def close(self):
                closed: asyncio.Event = asyncio.Event()
                again: asyncio.Event = closed
                self._close(closed)
                return again.is_set()

        class Garden(Gate):
            "Larger."
            size = 1

        opened = asyncio.Event()

        async def enter(gate: Gate, late: "opened" = None):
            await gate.same.wait()
            print("inside", gate.name)

        gate: Gate = Gate(opened)
        opened.set()
        await enter(gate)
        print(gate.close(), gate.closed.is_set(), Garden(opened).size)
    """,
    """
    import anyio
    from typing import Generic, TypeVar

    T = TypeVar("T")

    async def main():
        class Gate(Generic[T]):
            name: str = "gate"
            opened: anyio.Event

            def __init__(self, opened: anyio.Event):
                self.opened = opened
                self.same = self.opened

            def _close(self, closed: anyio.Event):
                self.closed = closed
                closed.set()

            def close(self):
                closed: anyio.Event = anyio.Event()
                again: anyio.Event = closed
                self._close(closed)
                return again.is_set()

        class Garden(Gate):
            "Larger."
            size = 1

        opened = anyio.Event()

        async def enter(gate: Gate, late: "opened" = None):
            await gate.same.wait()
            print("inside", gate.name)

        gate: Gate = Gate(opened)
        opened.set()
        await enter(gate)
        print(gate.close(), gate.closed.is_set(), Garden(opened).size)
    """,
)
rewritten(
    "event",
    "handed on, and kept by attributes",
    """
    import asyncio

    class _Gate:
        def __init__(self, name, opened: asyncio.Event, *, closed: "asyncio.Event" = None):
            self.name = name
            self.opened = opened
            self.closed: asyncio.Event | None = None
            if closed is not None:
                self.closed = closed

    class _Garden(_Gate):
        def close(self):
            self.closed.set()

    async def _pass(gate, done: asyncio.Event):
        await gate.opened.wait()
        print("through", gate.name)
        done.set()

    async def main():
        opened, done = asyncio.Event(), asyncio.Event()
        closed = asyncio.Event()
        gate = _Garden("the gate", opened, closed=closed)
        gate.close()
        visitor = asyncio.create_task(_pass(gate, done))
        gate.opened.set()
        again = done
        await again.wait()
        await asyncio.wait_for(asyncio.gather(done.wait(), closed.wait()), 1)
        await visitor
        print(closed.is_set(), gate.closed is None)
    """,
    """
    import asyncio
    import anyio

    class _Gate:
        def __init__(self, name, opened: anyio.Event, *, closed: "anyio.Event" = None):
            self.name = name
            self.opened = opened
            self.closed: anyio.Event | None = None
            if closed is not None:
                self.closed = closed

    class _Garden(_Gate):
        def close(self):
            self.closed.set()

    async def _pass(gate, done: anyio.Event):
        await gate.opened.wait()
        print("through", gate.name)
        done.set()

    async def main():
        opened, done = anyio.Event(), anyio.Event()
        closed = anyio.Event()
        gate = _Garden("the gate", opened, closed=closed)
        gate.close()
        visitor = asyncio.create_task(_pass(gate, done))
        gate.opened.set()
        again = done
        await again.wait()
        await asyncio.wait_for(asyncio.gather(done.wait(), closed.wait()), 1)
        await visitor
        print(closed.is_set(), gate.closed is None)
    """,
)
rewritten(
    "lock",
    "entered, and taken and released",
    """
    import asyncio

    class Account:
        def __init__(self):
            self._lock = asyncio.Lock()
            self._amount = 0

        async def add(self, amount):
            async with self._lock:
                before = self._amount
                await asyncio.sleep(1)
                self._amount = before + amount
                print(self._amount)

    async def main():
        account = Account()
        await asyncio.gather(account.add(1), account.add(1))
        lock = asyncio.Lock()
        if account:
            await lock.acquire()
        try:
            print("locked")
        finally:
            if account:
                lock.release()
    """,
    """
    import asyncio
    import anyio

    class Account:
        def __init__(self):
            self._lock = anyio.Lock(fast_acquire=True)
            self._amount = 0

        async def add(self, amount):
            async with self._lock:
                before = self._amount
                await asyncio.sleep(1)
                self._amount = before + amount
                print(self._amount)

    async def main():
        account = Account()
        await asyncio.gather(account.add(1), account.add(1))
        lock = anyio.Lock(fast_acquire=True)
        if account:
            await lock.acquire()
        try:
            print("locked")
        finally:
            if account:
                lock.release()
    """,
)
LOCK = """
    import asyncio

    async def main():
        lock = asyncio.{name}
        async with lock:
            {use}
    """
CASE = """pass
        match main:
            case asyncio.Lock(): pass"""
IN_TURN = """pass
        async def turn(on):
            if on: await lock.acquire()
            else: lock.release()"""
CONDITIONS = """pass
        async def turn(on):
            if on: await lock.acquire()
            if not on: lock.release()"""
RETURNED = """pass
        async def turn(on):
            if not on:
                lock.release()
                return
            await lock.acquire()"""
MATCHED = """pass
        async def turn(on):
            match on:
                case 1: await lock.acquire()
                case 2: lock.release()"""
for id_, use, why in (
    ("handed on", "print(lock)", "handed on"),
    ("locked", "print(lock.locked())", "locked()"),
    ("released elsewhere", "(lambda: lock.release())()", "taken and released in one function"),
    ("across a yield", "yield 1", "across a yield"),
    ("a test of its waiting", "await asyncio.wait_for(lock.acquire(), 1)", ".acquire"),
    ("taken twice", "async with lock: pass", "taken again in line 6"),
    ("isinstance", "print(isinstance(main, (int, asyncio.Lock)))", "line 6 asks for"),
    ("a type", "print(type(main) is asyncio.Lock)", "line 6 asks for"),
    ("a case", CASE, "line 8 asks for"),
    ("in turn", IN_TURN, "in the same call"),
    ("in turn, by two conditions", CONDITIONS, "in the same call"),
    ("in turn, with a return", RETURNED, "in the same call"),
    ("in turn, by cases", MATCHED, "in the same call"),
):
    stays("lock", id_, LOCK.format(name="Lock()", use=use), why)
AGAIN = """
    import asyncio

    class Account:
        def __init__(self):
            self._lock = asyncio.Lock()
            self._other = asyncio.Event()

        async def add(self):
            {take}

        async def book(self):
            await self.look()
            async with self._lock:
                pass

        async def look(self):
            if self._other.is_set():
                await self.book()

        async def leave(self):
            self._lock.release()
            await self._lock.acquire()

    async def main():
        await Account().add()
    """
TAKE = "async with self._lock: {}"
for id_, take in (
    ("in a method", TAKE.format("await self.book()")),
    ("in a method of a method", TAKE.format("print(await self.look())")),
    ("in a limit", TAKE.format("await asyncio.wait_for(self.look(), 1)")),
    ("acquired", "await self._lock.acquire(); await self.book(); self._lock.release()"),
):
    stays("lock", f"taken twice, {id_}", AGAIN.format(take=take), "taken again in line 13")
rewritten(
    "lock",
    "taken again when it is not held, or by another task",
    """
    import asyncio

    class Account:
        def __init__(self):
            self._lock = asyncio.Lock()

        async def add(self, name):
            async with self._lock:
                print(name)

        async def leave(self):
            self._lock.release()
            await asyncio.sleep(1)
            await self._lock.acquire()

        async def again(self):
            async with self._lock:
                task = asyncio.create_task(self.add("by another task"))
                later = lambda: self.add("by a function that is called later")
            await task
            await later()
            await self._lock.acquire()
            self._lock.release()
            await self.add("afterwards")
            async with self._lock:
                await self.leave()
                self._lock.release()
                await self.add("given back")
                await self._lock.acquire()

    async def main():
        await Account().again()
    """,
    """
    import asyncio
    import anyio

    class Account:
        def __init__(self):
            self._lock = anyio.Lock(fast_acquire=True)

        async def add(self, name):
            async with self._lock:
                print(name)

        async def leave(self):
            self._lock.release()
            await asyncio.sleep(1)
            await self._lock.acquire()

        async def again(self):
            async with self._lock:
                task = asyncio.create_task(self.add("by another task"))
                later = lambda: self.add("by a function that is called later")
            await task
            await later()
            await self._lock.acquire()
            self._lock.release()
            await self.add("afterwards")
            async with self._lock:
                await self.leave()
                self._lock.release()
                await self.add("given back")
                await self._lock.acquire()

    async def main():
        await Account().again()
    """,
)
rewritten(
    "semaphore",
    "of both kinds",
    """
    import asyncio

    async def main():
        places = asyncio.Semaphore(2)
        one = asyncio.Semaphore(int(3 / 2))
        bounded: asyncio.BoundedSemaphore = asyncio.BoundedSemaphore(value=2)

        async def visit():
            async with places, bounded:
                print("in")
                await asyncio.sleep(1)
                print("out")

        await asyncio.gather(*(visit() for _ in range(5)))
        await one.acquire()
        one.release()
        try:
            bounded.release()
        except ValueError:
            print("too often")
    """,
    """
    import asyncio
    import anyio

    async def main():
        places = anyio.Semaphore(2, fast_acquire=True)
        one = anyio.Semaphore(int(3 / 2), fast_acquire=True)
        bounded: anyio.Semaphore = anyio.Semaphore(2, max_value=2, fast_acquire=True)

        async def visit():
            async with places, bounded:
                print("in")
                await asyncio.sleep(1)
                print("out")

        await asyncio.gather(*(visit() for _ in range(5)))
        await one.acquire()
        one.release()
        try:
            bounded.release()
        except ValueError:
            print("too often")
    """,
)
for id_, name, use, why in (
    ("locked", "Semaphore(1)", "print(lock.locked())", "locked()"),
    ("handed on", "Semaphore(1)", "return lock", "handed on"),
    ("evaluated twice", "BoundedSemaphore(int(1))", "pass", "evaluated twice"),
    ("a star", "Semaphore(*[1])", "pass", "cannot be told apart"),
    ("no limit", "Semaphore(float('inf'))", "pass", "no integer"),
    ("half of it", "Semaphore(max(1, 8 / 2))", "pass", "no integer"),
    ("a float", "Semaphore(2.0)", "pass", "no integer"),
    ("two names", "Semaphore(one)\n        one = two\n        two = 2.5", "pass", "no integer"),
    ("a call", "Semaphore(f())\n        def f(): return 8 / 2", "pass", "no integer"),
    ("a type", "Semaphore(f())\n        def f() -> float: pass", "pass", "no integer"),
    ("a default", "Semaphore((lambda n=2.5: n)())", "pass", "no integer"),
    ("a variable", "Semaphore(half)\n        half = 8 / 2", "pass", "no integer"),
    ("an attribute", "Semaphore(main.half)\n        main.half = 8 / 2", "pass", "no integer"),
):
    stays("semaphore", id_, LOCK.format(name=name, use=use), why)

rewritten(
    "wait_for",
    "a line that returns, assigns or awaits",
    """
    import asyncio

    class Server:
        def __init__(self):
            self._up = asyncio.Event()

        async def answer(self, seconds):
            try:
                await asyncio.sleep(seconds)
            finally:
                print("closed")
            return seconds

        async def ask(self, seconds, limit=2):
            # The answer may be late.
            return await asyncio.wait_for(
                self.answer(seconds),  # in seconds
                timeout=limit,
            )

    async def main():
        server = Server()
        for seconds in (1, 3):
            try:
                print(await server.ask(seconds))
            except asyncio.TimeoutError:
                print("late")
        try: await asyncio.wait_for(server._up.wait(), 1)  # never
        except TimeoutError: print("down")
        x = await asyncio.wait_for(timeout=None, fut=asyncio.sleep(5))
        print(x)
    """,
    """
    import asyncio
    import anyio

    class Server:
        def __init__(self):
            self._up = asyncio.Event()

        async def answer(self, seconds):
            try:
                await asyncio.sleep(seconds)
            finally:
                print("closed")
            return seconds

        async def ask(self, seconds, limit=2):
            # The answer may be late.
            # in seconds
            with anyio.fail_after(limit):
                return await self.answer(seconds)

    async def main():
        server = Server()
        for seconds in (1, 3):
            try:
                print(await server.ask(seconds))
            except asyncio.TimeoutError:
                print("late")
        try: await asyncio.wait_for(server._up.wait(), 1)  # never
        except TimeoutError: print("down")
        with anyio.fail_after(None):
            x = await asyncio.sleep(5)
        print(x)
    """,
)
rewritten(
    "wait_for",
    "for tasks and futures, in the midst of a line",
    """
    import asyncio

    async def work(seconds):
        await asyncio.sleep(seconds)
        return seconds

    async def attempt(seconds):
        task = asyncio.create_task(work(seconds))
        try:
            print("worked", await asyncio.wait_for(task, 2))
        except TimeoutError:
            print("late", task.cancelled())
        try:
            assert await asyncio.wait_for(asyncio.shield(work(seconds)), timeout=2) == 1
        except TimeoutError:
            print("late, but it goes on")
        try:
            both = await asyncio.wait_for(asyncio.gather(work(1), work(seconds)), 2)
            print(both)
        except TimeoutError:
            print("late as well")

    async def main():
        await attempt(1)
        await attempt(3)
        future = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(future, 1)
        except TimeoutError:
            print(future.cancelled())
    """,
    """
    import asyncio
    import anyio

    async def work(seconds):
        await asyncio.sleep(seconds)
        return seconds

    async def attempt(seconds):
        task = asyncio.create_task(work(seconds))
        try:
            with anyio.fail_after(2):
                print("worked", await task)
        except TimeoutError:
            print("late", task.cancelled())
        try:
            with anyio.fail_after(2):
                assert await asyncio.shield(work(seconds)) == 1
        except TimeoutError:
            print("late, but it goes on")
        try:
            with anyio.fail_after(2):
                both = await asyncio.gather(work(1), work(seconds))
            print(both)
        except TimeoutError:
            print("late as well")

    async def main():
        await attempt(1)
        await attempt(3)
        future = asyncio.get_running_loop().create_future()
        try:
            with anyio.fail_after(1):
                await future
        except TimeoutError:
            print(future.cancelled())
    """,
)
WAIT_FOR = """
    import asyncio

    class Client:
        async def close(self):
            await asyncio.sleep(1)

        async def work(self):
            {work}

        async def run(self, other, limit):
            {run}
    """
RUN = "await asyncio.wait_for(self.work(), 1)"
for id_, work, run, why in (
    (
        "cleans up with an await",
        "try: pass\n            finally: await self.close()",
        RUN,
        "cleans up",
    ),
    (
        "handles it",
        "try: await self.close()\n            except asyncio.CancelledError: pass",
        RUN,
        "names Canc",
    ),
    ("handles all", "try: await self.close()\n            except: pass", RUN, "handles every"),
    ("enters a stranger", "async with self: pass", RUN, "enters in line"),
    ("iterates over a stranger", "async for x in self: pass", RUN, "iterates in line"),
    ("awaits a stranger", "await self.other()", RUN, "work(), which awaits in line"),
    (
        "waits for an attribute",
        "pass",
        "await asyncio.wait_for(self.end, 1)",
        "waits for a task",
    ),
    ("is decorated", "pass", "await asyncio.wait_for(self.open(), 1)", "cannot be seen to end"),
    ("waits for a task", "pass", "await asyncio.wait_for(other, 1)", "waits for a task"),
    (
        "beside another await",
        "pass",
        "print(await asyncio.wait_for(self.work(), 1), await other)",
        "line of its own",
    ),
    (
        "in a comprehension",
        "pass",
        "return [await asyncio.wait_for(self.work(), 1) for _ in other]",
        "line of its own",
    ),
    (
        "a limit that is asked for in a line",
        "pass",
        "print(await asyncio.wait_for(self.work(), limit()))",
        "in the midst",
    ),
    (
        "a task that cleans up",
        "try: pass\n            finally: await self.close()",
        "task = asyncio.create_task(self.work()); x = await asyncio.wait_for(task, 1)",
        "line of its own",
    ),
    (
        "a task that is not calm",
        "try: pass\n            finally: await self.close()",
        "task = asyncio.create_task(self.work())\n            await asyncio.wait_for(task, 1)",
        "cleans up",
    ),
    (
        "a task of several",
        "pass",
        "other = asyncio.Future()\n            await asyncio.wait_for(other, 1)",
        "waits for a task",
    ),
    (
        "gathered strangers",
        "pass",
        "await asyncio.wait_for(asyncio.gather(self.work(), other()), 1)",
        "cannot be seen",
    ),
    ("not awaited", "pass", "return asyncio.wait_for(self.work(), 1)", "line of its own"),
    ("no time", "pass", "await asyncio.wait_for(self.work(), 0)", "has no time"),
    (
        "awaits its limit",
        "pass",
        "await asyncio.wait_for(self.work(), await limit)",
        "line of its own",
    ),
    ("a star", "pass", "await asyncio.wait_for(*other)", "an awaitable and a limit alone"),
):
    stays("wait_for", id_, WAIT_FOR.format(work=work, run=run), why)
rewritten(
    "timeout",
    "alone, with a name, and before others",
    '''
    import asyncio

    async def main():
        lock = asyncio.Lock()
        async with asyncio.timeout(5):
            text = """one
    two"""
            await asyncio.sleep(1)
            print(text)
        try:
            async with asyncio.timeout(1) as limit, lock:  # both
                # It takes longer.
                await asyncio.sleep(2)
        except TimeoutError:
            print("late", limit.expired())
        print("left", lock.locked(), limit.expired())
    ''',
    '''
    import asyncio
    import anyio

    async def main():
        lock = asyncio.Lock()
        with anyio.fail_after(5):
            text = """one
    two"""
            await asyncio.sleep(1)
            print(text)
        try:
            with anyio.fail_after(1) as limit:
                async with lock:  # both
                    # It takes longer.
                    await asyncio.sleep(2)
        except TimeoutError:
            print("late", limit.cancelled_caught)
        print("left", lock.locked(), limit.cancelled_caught)
    ''',
)
TIMEOUT = """
    import asyncio

    async def main(other, lock: asyncio.Lock):
        async with {enter}:
            {body}
    """
ENTER = "asyncio.timeout(1) as limit"
for id_, enter, body, why in (
    ("rescheduled", ENTER, "limit.reschedule(5)", "rescheduled"),
    ("asked inside", ENTER, "print(limit.expired())", "inside its block"),
    ("a yield", ENTER, "yield 5", "yields in line"),
    ("awaits a stranger", ENTER, "await other", "awaits in line"),
    ("a second", "lock, " + ENTER, "pass", "not the first"),
    ("with a stranger", ENTER + ", other", "pass", "enters in line"),
    ("made before", "other as limit", "other = asyncio.timeout(5)", "where it is made"),
    ("no time", "asyncio.timeout(0)", "pass", "has no time"),
    ("kept by an attribute", "asyncio.timeout(1) as other.limit", "pass", "rescheduled, asked"),
    ("a name of more", ENTER, "limit = 1", "rescheduled, asked"),
):
    stays("timeout", id_, TIMEOUT.format(enter=enter, body=body), why)
rewritten(
    "task_group",
    "results, and a failure",
    """
    import asyncio

    async def fetch(number, fails=False):
        try:
            await asyncio.sleep(number)
        finally:
            print("closed", number)
        if fails:
            raise ValueError(number)
        return number

    async def main():
        async with asyncio.TaskGroup() as group:
            one = group.create_task(fetch(1))
            group.create_task(fetch(2, fails=False), name="two")
            rest = [group.create_task(fetch(n)) for n in (3, 4)]
        print(one.result(), [task.result() for task in rest])
        for task in rest:
            print(task.result())
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fetch(9))
                group.create_task(fetch(1, True))
                await fetch(5)
        except* ValueError as errors:
            print(errors.exceptions)
    """,
    """
    import asyncio
    import anyio

    async def fetch(number, fails=False):
        try:
            await asyncio.sleep(number)
        finally:
            print("closed", number)
        if fails:
            raise ValueError(number)
        return number

    async def main():
        async with anyio.create_task_group() as group:
            one = group.start_soon(fetch, 1)
            group.create_task(fetch(2, fails=False), name="two")
            rest = [group.start_soon(fetch, n) for n in (3, 4)]
        print(one.return_value, [task.return_value for task in rest])
        for task in rest:
            print(task.return_value)
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(fetch, 9)
                group.start_soon(fetch, 1, True)
                await fetch(5)
        except* ValueError as errors:
            print(errors.exceptions)
    """,
)
GROUP = """
    import asyncio

    async def work(other=None):
        {work}

    async def main(other):
        async with {enter}:
            {body}
        {after}
    """
ENTER = "asyncio.TaskGroup() as group"
START = "task = group.create_task(work())"
for id_, enter, work, body, after, why in (
    ("a stranger", ENTER, "pass", "group.create_task(other())", "pass", "cannot be seen"),
    ("beside a stranger", ENTER, "pass", "await other()", "pass", "awaits in line 8"),
    ("not a call", ENTER, "pass", "group.create_task(other)", "pass", "what cannot be seen"),
    ("given on", ENTER, "pass", "other(group)", "pass", "for more than create_task"),
    ("used behind", ENTER, "pass", "pass", "other(group)", "for more than create_task"),
    ("a task given on", ENTER, "pass", f"other({START[7:]})", "pass", "on"),
    ("a task awaited", ENTER, "pass", f"{START}; await task", "pass", "does more with a task"),
    ("a task asked", ENTER, "pass", START, "print(task.done())", "does more with a task"),
    (
        "needs a task",
        ENTER,
        "await asyncio.wait_for(other, 1)",
        START,
        "pass",
        "awaits in line",
    ),
    ("asks for the task", ENTER, "asyncio.current_task()", START, "pass", "needs a task of"),
    ("without a name", "asyncio.TaskGroup()", "pass", "pass", "pass", "with a name"),
    ("with others", ENTER + ", other", "pass", "pass", "pass", "together with others"),
):
    code = GROUP.format(enter=enter, work=work, body=body, after=after)
    stays("task_group", id_, code, why)

rewritten(
    "loop",
    "its time and its threads",
    """
    import asyncio

    async def main():
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.sleep(2)
        print(loop.time() - start)
        print(await loop.run_in_executor(None, max, 1, 3))
        print(await asyncio.get_event_loop().run_in_executor(None, len, "four"))
        print(asyncio.get_running_loop().time() - start)
    """,
    """
    import asyncio
    import anyio

    async def main():
        start = anyio.current_time()
        await asyncio.sleep(2)
        print(anyio.current_time() - start)
        print(await anyio.to_thread.run_sync(max, 1, 3, abandon_on_cancel=True))
        print(await anyio.to_thread.run_sync(len, "four", abandon_on_cancel=True))
        print(anyio.current_time() - start)
    """,
)
LOOP = """
    import asyncio

    async def main(loop=None):
        {use}
    """
for id_, use, why in (
    ("another method", "asyncio.get_running_loop().stop()", "asked for .stop"),
    ("an executor", "await asyncio.get_running_loop().run_in_executor(loop, max)", "executor"),
    ("a future", "x = asyncio.get_running_loop().run_in_executor(None, max)", "the future of"),
    ("handed on", "here = asyncio.get_running_loop(); print(here)", "in a line of its own"),
    ("bound twice", "loop = asyncio.get_running_loop()", "bound to other things"),
    (
        "an inner function",
        "here = asyncio.get_running_loop()\n        print(lambda: here.time())",
        "may run in a thread",
    ),
    (
        "a comment",
        "here = asyncio.get_running_loop()  # !\n        here.time()",
        "a comment",
    ),
):
    stays("loop", id_, LOOP.format(use=use), why)
stays(
    "loop", "no coroutine", "import asyncio\nx = asyncio.get_event_loop()", "in an `async def`"
)
rewritten(
    "cancelled_error",
    "only raised again",
    """
    import asyncio

    async def work(fails):
        try:
            await asyncio.sleep(1)
            if fails:
                raise ValueError
        except asyncio.CancelledError:
            raise
        except Exception as error:
            print(repr(error))
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            raise

    async def main():
        await work(True)
        for seconds in (0.5, 1.5):
            task = asyncio.create_task(work(False))
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.wait([task])
            print(task.cancelled())
    """,
    """
    import asyncio
    import anyio

    async def work(fails):
        try:
            await asyncio.sleep(1)
            if fails:
                raise ValueError
        except Exception as error:
            print(repr(error))
        try:
            await asyncio.sleep(1)
        except anyio.get_cancelled_exc_class():
            raise

    async def main():
        await work(True)
        for seconds in (0.5, 1.5):
            task = asyncio.create_task(work(False))
            await asyncio.sleep(seconds)
            task.cancel()
            await asyncio.wait([task])
            print(task.cancelled())
    """,
)
CANCELLED = """
    import asyncio, contextlib

    async def main(task):
        try:
            await task
        except {kinds}:
            {handle}
        except BaseException:
            print("other")
        with contextlib.suppress({suppressed}): pass
    """
for id_, kinds, handle, suppressed, why in (
    ("does something", "asyncio.CancelledError", "print(1); raise", "ValueError", "is handled"),
    (
        "with others",
        "(ValueError, asyncio.CancelledError)",
        "raise",
        "ValueError",
        "is handled",
    ),
    ("kept from another", "asyncio.CancelledError", "raise", "ValueError", "is handled"),
    ("suppressed", "ValueError", "raise", "asyncio.CancelledError", "is suppressed"),
    ("raised", "ValueError", "raise asyncio.CancelledError", "ValueError", "is raised"),
    ("compared", "ValueError", "print(asyncio.CancelledError)", "ValueError", "is named"),
):
    code = CANCELLED.format(kinds=kinds, handle=handle, suppressed=suppressed)
    stays("cancelled_error", id_, code, why)
rewritten(
    "run",
    "a program that uses nothing else of asyncio's",
    """
    import asyncio
    import anyio

    async def work(seconds, *names):
        await anyio.sleep(seconds)
        print(*names)

    if __name__ == "__main__":
        asyncio.run(work(1, *"ab"))

    main = work.__get__(1)
    """,
    """
    import anyio

    async def work(seconds, *names):
        await anyio.sleep(seconds)
        print(*names)

    if __name__ == "__main__":
        anyio.run(work, 1, *"ab")

    main = work.__get__(1)
    """,
)
rewritten(
    "run",
    "by a function, with names that need no loop",
    """
    import asyncio
    import anyio

    async def work(seconds, name="nobody") -> "asyncio.Task | None":
        await anyio.sleep(seconds)
        print(name, asyncio.iscoroutine(work))

    def start():
        asyncio.run(work(0, name="Ada"), debug=False)

    if __name__ == "__main__":
        start()
        asyncio.run(work(0), debug=True)

    main = work.__get__(0)
    """,
    """
    import asyncio
    import functools
    import anyio

    async def work(seconds, name="nobody") -> "asyncio.Task | None":
        await anyio.sleep(seconds)
        print(name, asyncio.iscoroutine(work))

    def start():
        anyio.run(functools.partial(work, 0, name="Ada"), backend_options={"debug": False})

    if __name__ == "__main__":
        start()
        anyio.run(work, 0, backend_options={"debug": True})

    main = work.__get__(0)
    """,
)
PROGRAM = """
    import asyncio{more}

    async def main(x=1):
        pass

    def made():
        return main()

    def go():
        asyncio.run({main})

    {call}
    """
BEGIN = 'if __name__ == "__main__": go()'
for id_, more, main, call, why in (
    ("debug", "", "main(), loop_factory=None", "go()", "more than a coroutine"),
    ("nothing", "", "", "go()", "more than a coroutine"),
    ("in a coroutine", "", "main()", "async def f(): asyncio.run(main())", "in a thread"),
    ("unseen", "", "print()", "go()", "no plain `async def`"),
    ("made", "", "made()", "go()", "no plain `async def`"),
    ("called by others", "", "main()", "", "in a thread"),
    ("in a thread", ", threading", "main()", "threading.Thread(target=go)", "in a thread"),
    ("beside a task", "; asyncio.create_task", "main()", BEGIN, "uses create_task in line 1"),
    ("beside all", "; from asyncio import *", "main()", BEGIN, "a star import"),
    ("of a library", ", json, aiohttp", "main()", BEGIN, "imports aiohttp"),
    ("of a folder", "; from . import other", "main()", BEGIN, "imports its own package"),
    ("of names", "; from portable import run", "main()", BEGIN, "imports portable"),
):
    stays("run", id_, PROGRAM.format(more=more, main=main, call=call), why)

rewritten(
    "condition",
    "entered, and asked within",
    """
    import asyncio

    class Shelf:
        def __init__(self):
            self._changed: asyncio.Condition = asyncio.Condition()
            self._books = 0

        async def put(self, number):
            async with self._changed:
                self._books += number
                self._changed.notify_all()

        async def take(self, name):
            async with self._changed:
                await self._changed.wait_for(lambda: self._books)
                self._books -= 1
                print(name, "has one")

    async def main():
        shelf = Shelf()
        readers = [asyncio.create_task(shelf.take(name)) for name in ("Ada", "Bob")]
        await asyncio.sleep(1)
        for _ in readers:
            await shelf.put(1)
            await asyncio.sleep(1)
        told = asyncio.Condition()

        async def listen():
            async with told:
                await told.wait()
                print("told")

        listener = asyncio.create_task(listen())
        await asyncio.sleep(1)
        async with told:
            told.notify(1)
        await listener
    """,
    """
    import asyncio
    import anyio

    class Shelf:
        def __init__(self):
            self._changed: anyio.Condition = anyio.Condition(anyio.Lock(fast_acquire=True))
            self._books = 0

        async def put(self, number):
            async with self._changed:
                self._books += number
                self._changed.notify_all()

        async def take(self, name):
            async with self._changed:
                await self._changed.wait_for(lambda: self._books)
                self._books -= 1
                print(name, "has one")

    async def main():
        shelf = Shelf()
        readers = [asyncio.create_task(shelf.take(name)) for name in ("Ada", "Bob")]
        await asyncio.sleep(1)
        for _ in readers:
            await shelf.put(1)
            await asyncio.sleep(1)
        told = anyio.Condition(anyio.Lock(fast_acquire=True))

        async def listen():
            async with told:
                await told.wait()
                print("told")

        listener = asyncio.create_task(listen())
        await asyncio.sleep(1)
        async with told:
            told.notify(1)
        await listener
    """,
)
CONDITION = """
    import asyncio

    async def main(lock=None):
        told = asyncio.Condition({lock})
        async with told:
            {use}
        {after}
    """
for id_, lock, use, after, why in (
    ("a lock of its own", "lock", "pass", "pass", "lock of its own"),
    ("told from outside", "", "pass", "told.notify()", "outside of its"),
    ("told by another", "", "def f(): told.notify()", "f()", "outside of its"),
    ("a value", "", "print(await told.wait())", "pass", "value of its wait"),
    (
        "waited for by a task",
        "",
        "await asyncio.wait_for(told.wait_for(main), 1)",
        "pass",
        "another task",
    ),
    ("held across a yield", "", "yield", "pass", "across a yield"),
    ("asked", "", "pass", "print(told.locked())", "used for .locked"),
):
    stays("condition", id_, CONDITION.format(lock=lock, use=use, after=after), why)

rewritten(
    "gather",
    "of functions that do not raise",
    """
    import asyncio

    async def fetch(number):
        await asyncio.sleep(number)
        print("page", number)
        return number

    async def main():
        one, two = await asyncio.gather(fetch(1), fetch(2))
        print(one, two)
        pages = await asyncio.gather(*(fetch(n) for n in (1, 2)), return_exceptions=True)
        print(pages)
        await asyncio.gather(*[fetch(n) for n in (1, 2)])
        for page in await asyncio.gather(fetch(3), asyncio.sleep(1)):
            print(page)
    """,
    """
    import asyncio
    import anyio

    async def fetch(number):
        await asyncio.sleep(number)
        print("page", number)
        return number

    async def main():
        one, two = await anyio.gather(fetch(1), fetch(2))
        print(one, two)
        pages = list(await anyio.gather(*(fetch(n) for n in (1, 2))))
        print(pages)
        await anyio.gather(*[fetch(n) for n in (1, 2)])
        for page in await anyio.gather(fetch(3), asyncio.sleep(1)):
            print(page)
    """,
)
rewritten(
    "gather",
    "of functions that catch what is raised",
    """
    import asyncio

    async def fetch(number):
        await asyncio.sleep(number)
        if number > 1:
            raise ValueError("too far")
        return number

    async def attempt(number):
        try:
            return await fetch(number)
        except (KeyError, ValueError) as error:
            return str(error)

    async def main():
        print(await asyncio.gather(attempt(1), attempt(2)))
    """,
    """
    import asyncio
    import anyio

    async def fetch(number):
        await asyncio.sleep(number)
        if number > 1:
            raise ValueError("too far")
        return number

    async def attempt(number):
        try:
            return await fetch(number)
        except (KeyError, ValueError) as error:
            return str(error)

    async def main():
        print(list(await anyio.gather(attempt(1), attempt(2))))
    """,
)
GATHER = """
    import asyncio

    async def work(other=None):
        {work}

    async def main(other):
        {use}
    """
GATHER_WORK = "await asyncio.gather(work(), work())"
for id_, work, use, why in (
    ("raises", "raise ValueError", GATHER_WORK, "may raise in line"),
    ("asserts", "assert other", GATHER_WORK, "may raise in line"),
    (
        "raises something else",
        "try: raise ValueError\n        except KeyError: pass",
        GATHER_WORK,
        "may raise in line",
    ),
    (
        "raises in the handler",
        "try: raise KeyError\n        except KeyError: raise",
        GATHER_WORK,
        "may raise in line",
    ),
    ("divides", "return 1 / other", GATHER_WORK, "may raise in line"),
    ("looks up", "return other[1]", GATHER_WORK, "a subscript"),
    ("calls a stranger", "other()", GATHER_WORK, "what may raise"),
    ("awaits a stranger", "await other()", GATHER_WORK, "awaits in line"),
    ("a task", "pass", "await asyncio.gather(work(), other)", "tasks or futures"),
    ("raises nothing of its own", "raise", GATHER_WORK, "may raise in line"),
    ("a list", "pass", "await asyncio.gather(*other)", "in a list"),
    ("not awaited", "pass", "return asyncio.gather(work())", "not awaited"),
    ("awaited later", "pass", "x = asyncio.gather(work()); await x", "not awaited"),
    ("a shadowed list", "pass", "list = await asyncio.gather(work())", "`list` is another"),
):
    stays("gather", id_, GATHER.format(work=work, use=use), why)
rewritten(
    "create_task",
    "awaited, cancelled, and side by side",
    """
    import asyncio

    async def fetch(seconds, name="page"):
        print("fetching")
        await asyncio.sleep(seconds)
        return name

    async def beat():
        try:
            while True:
                await asyncio.sleep(1)
                print("beat")
        finally:
            print("stopped")

    async def main():
        # The page.
        task = asyncio.create_task(fetch(3))
        print("other code")
        page = await task
        print(page)
        one = asyncio.create_task(fetch(1))
        if page:
            two = asyncio.create_task(fetch(2, name="two"))
            print(await two)
            named = asyncio.create_task(fetch(1), name="three")
            print(await named)

        print(await one)
        beating = asyncio.create_task(beat())
        await asyncio.sleep(2.5)
        beating.cancel()
        print("done")
        last = asyncio.create_task(fetch(1))
        return await last
    """,
    """
    import asyncio
    import anyio

    async def fetch(seconds, name="page"):
        print("fetching")
        await asyncio.sleep(seconds)
        return name

    async def beat():
        try:
            while True:
                await asyncio.sleep(1)
                print("beat")
        finally:
            print("stopped")

    async def main():
        # The page.
        async with anyio.create_task_group() as group:
            task = group.start_soon(fetch, 3)
            print("other code")
            page = await task
        print(page)
        async with anyio.create_task_group() as group:
            one = group.start_soon(fetch, 1)
            if page:
                async with anyio.create_task_group() as group_2:
                    two = group_2.create_task(fetch(2, name="two"))
                    print(await two)
                async with anyio.create_task_group() as group_2:
                    named = group_2.create_task(fetch(1), name="three")
                    print(await named)

            print(await one)
        async with anyio.create_task_group() as group:
            beating = group.start_soon(beat)
            await asyncio.sleep(2.5)
            beating.cancel()
        print("done")
        async with anyio.create_task_group() as group:
            last = group.start_soon(fetch, 1)
            return await last
    """,
)
TASK = "task = asyncio.create_task(work())"
for id_, work, use, why in (
    ("raises", "raise ValueError", f"{TASK}; await task", "no variable"),
    (
        "raises in a line",
        "raise ValueError",
        f"{TASK}\n        await task",
        "may raise in line",
    ),
    ("other code raises", "pass", f"{TASK}\n        other()\n        await task", "may raise"),
    (
        "other code leaves",
        "pass",
        f"{TASK}\n        if other: return\n        await task",
        "leave",
    ),
    ("nothing keeps it", "pass", TASK[7:], "nothing keeps"),
    ("an attribute", "pass", f"other.{TASK}", "no variable"),
    ("handed on", "pass", f"{TASK}\n        print(task)\n        await task", "does more with"),
    ("asked", "pass", f"{TASK}\n        print(task.done())\n        await task", "does more"),
    ("a message", "pass", f"{TASK}\n        task.cancel('late')", "does more"),
    (
        "cancelled and awaited",
        "pass",
        f"{TASK}\n        task.cancel()\n        await task",
        "TaskCancelled",
    ),
    (
        "not at the end",
        "pass",
        f"{TASK}\n        if other: await task",
        "in the block it begins",
    ),
    ("elsewhere", "pass", f"if other:\n            {TASK}\n        await task", "outside"),
    (
        "in another function",
        "pass",
        f"{TASK}\n        async def f(): await task\n        await f()",
        "another function",
    ),
    (
        "under a limit that would cancel it",
        "pass",
        f"{TASK}\n        async with asyncio.timeout(1): await task\n        await task",
        "limit would cancel",
    ),
    ("never", "pass", f"{TASK}\n        print(1)", "does not await or cancel"),
    ("a context", "pass", f"{TASK[:-1]}, context=other)\n        await task", "with a context"),
):
    stays("create_task", id_, GATHER.format(work=work, use=use), why)

stays(
    "sleep",
    "imported in branches",
    """
    import sys

    if sys.version_info > (3, 11):
        import asyncio
    else:
        import asyncio

    async def main():
        await asyncio.sleep(1)
    """,
    "may be something else",
)
stays(
    "to_thread",
    "an executor of its own",
    """
    import asyncio

    async def main(loop, pool):
        loop.set_default_executor(pool)
        await asyncio.to_thread(print)
    """,
    "an executor that this file sets",
)
stays(
    "wait_for",
    "a method that may be overridden",
    """
    import asyncio

    class Client:
        async def work(self): pass

        async def run(self):
            await asyncio.wait_for(self.work(), 1)

    class Special(Client):
        async def work(self):
            try: pass
            finally: await asyncio.sleep(1)
    """,
    "cannot be seen to end at once",
)
stays(
    "task_group",
    "a failed task is asked",
    """
    import asyncio

    async def work(): pass

    async def main():
        try:
            async with asyncio.TaskGroup() as group:
                task = group.create_task(work())
        except* ValueError:
            pass
        print(task.result())
    """,
    "does more with a task",
)
stays(
    "cancelled_error",
    "a handler below may catch it",
    """
    import asyncio

    ERRORS = (ValueError, asyncio.CancelledError)

    async def main(task):
        try:
            await task
        except asyncio.CancelledError:
            raise
        except ERRORS:
            print("caught")
    """,
    "is handled",
)
rewritten(
    "cancelled_error",
    "a comment",
    """
    import asyncio

    async def main():
        try:
            await asyncio.sleep(1)
            print("slept")
        except asyncio.CancelledError:
            raise  # as it should be
        except ValueError:
            print("caught")
    """,
    """
    import asyncio
    import anyio

    async def main():
        try:
            await asyncio.sleep(1)
            print("slept")
        except anyio.get_cancelled_exc_class():
            raise  # as it should be
        except ValueError:
            print("caught")
    """,
)
stays(
    "cancelled_error",
    "no coroutine",
    """
    import asyncio

    def main(task):
        try:
            task.result()
        except asyncio.CancelledError:
            raise  # as it should be
        except ValueError:
            print("caught")
    """,
    "where no loop may run",
)
rewritten(
    "timeout",
    "imported for newer Pythons",
    """
    import asyncio
    import sys

    if sys.version_info >= (3, 11):
        from asyncio import timeout as limited
    else:
        from async_timeout import timeout as limited

    async def main():
        async with limited(2):
            await asyncio.sleep(1)
            print("slept")
    """,
    """
    import asyncio
    import anyio
    import sys

    if sys.version_info >= (3, 11):
        from asyncio import timeout as limited
    else:
        from async_timeout import timeout as limited

    async def main():
        with anyio.fail_after(2):
            await asyncio.sleep(1)
            print("slept")
    """,
)
stays(
    "timeout",
    "imported for the newest Pythons",
    """
    import sys

    if sys.version_info >= (3, 12):
        from asyncio import timeout as limited
    else:
        from async_timeout import timeout as limited

    async def main():
        async with limited(2):
            pass
    """,
    "may be something else",
)

rewritten(
    "to_thread",
    "several lines",
    """
    import asyncio

    async def main():
        print(await asyncio.to_thread(
            max,
            1, 2
        ))
        print(await asyncio.to_thread(
            max,
            1, 2,  # both
        ))
    """,
    """
    import anyio

    async def main():
        print(await anyio.to_thread.run_sync(
            max,
            1, 2, abandon_on_cancel=True
        ))
        print(await anyio.to_thread.run_sync(
            max,
            1, 2, abandon_on_cancel=True,  # both
        ))
    """,
)

rewritten(
    "timeout_at",
    "by the loop's clock",
    """
    import asyncio

    async def main():
        loop = asyncio.get_running_loop()
        async with asyncio.timeout_at(loop.time() + 2):
            await asyncio.sleep(1)
            print("in time")
        try:
            async with asyncio.timeout_at(loop.time() + 2) as limit:
                await asyncio.sleep(3)
        except TimeoutError:
            print("late", limit.expired())
    """,
    """
    import asyncio
    import anyio

    async def main():
        loop = asyncio.get_running_loop()
        with anyio.fail_at(loop.time() + 2):
            await asyncio.sleep(1)
            print("in time")
        try:
            with anyio.fail_at(loop.time() + 2) as limit:
                await asyncio.sleep(3)
        except TimeoutError:
            print("late", limit.cancelled_caught)
    """,
)
stays(
    "timeout_at",
    "a stranger",
    """
    import asyncio

    async def main(other):
        async with asyncio.timeout_at(5):
            await other()
    """,
    "cannot be seen to end at once",
)
rewritten(
    "create_task",
    "cancelled and waited for",
    """
    import asyncio, contextlib
    import pytest

    async def _beat(name):
        try:
            while True:
                await asyncio.sleep(1)
                print(name)
        except asyncio.CancelledError:
            print(name, "stops")
            await asyncio.sleep(0.25)
            print(name, "has stopped")
            raise

    async def _serve():
        try:
            while True:
                await asyncio.sleep(2)
                print("served")
        finally:
            print("closing")
            await asyncio.shield(asyncio.sleep(1))
            print("closed")

    async def main():
        one = asyncio.create_task(_beat("one"))
        await asyncio.sleep(1.5)
        one.cancel()
        # Until it is over.
        try:
            await one
        except asyncio.CancelledError:
            pass
        print("one", one.cancelled())
        two = asyncio.create_task(_serve())
        await asyncio.sleep(3.5)
        two.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await two
        three = asyncio.create_task(asyncio.sleep(9))
        await asyncio.sleep(1)
        three.cancel()
        await asyncio.wait([three])
        if not three.cancelled():
            print("never")
        four = asyncio.create_task(asyncio.sleep(9))
        await asyncio.sleep(1)
        four.cancel()
        try:
            print(await four)
        except asyncio.CancelledError:
            print("four is cancelled")
        five = asyncio.create_task(asyncio.sleep(9))
        five.cancel()
        await asyncio.gather(five, return_exceptions=True)
        six = asyncio.create_task(asyncio.sleep(9))
        await asyncio.sleep(1)
        six.cancel()
        with pytest.raises(asyncio.CancelledError):
            await six
    """,
    """
    import asyncio, contextlib
    import anyio
    import pytest

    async def _beat(name):
        try:
            while True:
                await asyncio.sleep(1)
                print(name)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                print(name, "stops")
                await asyncio.sleep(0.25)
                print(name, "has stopped")
            raise

    async def _serve():
        try:
            while True:
                await asyncio.sleep(2)
                print("served")
        finally:
            with anyio.CancelScope(shield=True):
                print("closing")
                await asyncio.sleep(1)
                print("closed")

    async def main():
        async with anyio.create_task_group() as group:
            one = group.start_soon(_beat, "one")
            await asyncio.sleep(1.5)
            one.cancel()
            # Until it is over.
            await one.wait()
            print("one", one.status is one.Status.CANCELLED)
        async with anyio.create_task_group() as group:
            two = group.start_soon(_serve)
            await asyncio.sleep(3.5)
            two.cancel()
            await two.wait()
        async with anyio.create_task_group() as group:
            three = group.start_soon(asyncio.sleep, 9)
            await asyncio.sleep(1)
            three.cancel()
            await three.wait()
            if not (three.status is three.Status.CANCELLED):
                print("never")
        async with anyio.create_task_group() as group:
            four = group.start_soon(asyncio.sleep, 9)
            await asyncio.sleep(1)
            four.cancel()
            try:
                print(await four)
            except anyio.TaskCancelled:
                print("four is cancelled")
        async with anyio.create_task_group() as group:
            five = group.start_soon(asyncio.sleep, 9)
            five.cancel()
            await five.wait()
        async with anyio.create_task_group() as group:
            six = group.start_soon(asyncio.sleep, 9)
            await asyncio.sleep(1)
            six.cancel()
            with pytest.raises(anyio.TaskCancelled):
                await six
    """,
)
for id_, work, why in (
    ("a public function", "async def work(): HANDLES", "names CancelledError"),
    ("its message is used", "async def _work(): NAMED", "names CancelledError"),
    ("it may go on", "async def _work(): GOES_ON", "names CancelledError"),
    ("started elsewhere as well", "async def _work(): HANDLES\n    x = _work", "names Canc"),
    ("its block may end well", "async def _work(): FINALLY", "while it cleans up"),
):
    handles = (
        "\n        try: await asyncio.sleep(1)\n        except asyncio.CancelledError{}: {}"
    )
    blocks = {
        "HANDLES": handles.format("", "await asyncio.sleep(1); raise"),
        "NAMED": handles.format(" as e", "print(e); raise"),
        "GOES_ON": handles.format("", "await asyncio.sleep(1)"),
        "FINALLY": handles.format("", "raise") + "\n        finally: await asyncio.sleep(1)",
    }
    code = f"""
    import asyncio

    {work}

    async def main():
        task = asyncio.create_task({"_" * ("_" in work)}work())
        await asyncio.sleep(1)
        await task
    """
    for name, block in blocks.items():
        code = code.replace(name, block)
    stays("create_task", f"a clean-up: {id_}", code, why)
for id_, use, why in (
    ("its value after a cancellation", "x = await task", "TaskCancelled"),
    (
        "another error is caught",
        "try: await task\n        except (ValueError, asyncio.CancelledError): pass",
        "TaskCancelled",
    ),
    (
        "something else is awaited as well",
        "try: await task; await main(1)\n        except asyncio.CancelledError: pass",
        "TaskCancelled",
    ),
    ("two are waited for", "await asyncio.wait([task, other])", "does more with"),
    ("waited for with a limit", "await asyncio.wait([task], timeout=1)", "does more with"),
    ("asked too early", "print(task.cancelled())\n        await task", "does more with"),
):
    code = GATHER.format(work="pass", use=f"{TASK}\n        task.cancel()\n        {use}")
    stays("create_task", f"cancelled: {id_}", code, why)

rewritten(
    "queue",
    "of inner functions",
    """
    import asyncio

    async def main():
        results: asyncio.Queue[str] = asyncio.Queue()

        async def work(number):
            await asyncio.sleep(number)
            await results.put(f"result {number}")
            results.put_nowait("and more")

        async with asyncio.TaskGroup() as group:
            for number in (3, 1):
                group.create_task(work(number))
            print(await results.get())
            print(await results.get())
        # Those that came later.
        try:
            while True:
                print(results.get_nowait())
        except asyncio.QueueEmpty:
            print("empty")
    """,
    """
    import asyncio
    import math
    import anyio

    async def main():
        send, receive = anyio.create_memory_object_stream[str](math.inf)
        with send, receive:

            async def work(number):
                await asyncio.sleep(number)
                send.send_nowait(f"result {number}")
                send.send_nowait("and more")

            async with asyncio.TaskGroup() as group:
                for number in (3, 1):
                    group.create_task(work(number))
                print(await receive.receive())
                print(await receive.receive())
            # Those that came later.
            try:
                while True:
                    print(receive.receive_nowait())
            except anyio.WouldBlock:
                print("empty")
    """,
)
rewritten(
    "queue",
    "with a limit, as an argument",
    """
    import asyncio

    async def _cook(name, orders: asyncio.Queue[str | None]):
        while (order := await orders.get()) is not None:
            await asyncio.sleep(2)
            print(name, "has cooked", order)

    async def _wait(orders):
        for order in ("soup", "roast", "cake", None, None):
            await orders.put(order)

    async def main():
        orders = asyncio.Queue(maxsize=1)
        done = asyncio.Queue()
        async with asyncio.TaskGroup() as group:
            cooks = [group.create_task(_cook(who, orders)) for who in "AB"]
            await _wait(orders)
        for cook in cooks:
            await done.put(cook.result())
        print(await done.get())
    """,
    """
    import asyncio
    import math
    import anyio
    import anyio.abc

    async def _cook(name, orders: anyio.abc.ObjectReceiveStream[str | None]):
        while (order := await orders.receive()) is not None:
            await asyncio.sleep(2)
            print(name, "has cooked", order)

    async def _wait(orders):
        for order in ("soup", "roast", "cake", None, None):
            await orders.send(order)

    async def main():
        send_orders, receive_orders = anyio.create_memory_object_stream(1)
        with send_orders, receive_orders:
            send_done, receive_done = anyio.create_memory_object_stream(math.inf)
            with send_done, receive_done:
                async with asyncio.TaskGroup() as group:
                    cooks = [group.create_task(_cook(who, receive_orders)) for who in "AB"]
                    await _wait(send_orders)
                for cook in cooks:
                    send_done.send_nowait(cook.result())
                print(await receive_done.receive())
    """,
)
QUEUE = """
    import asyncio

    async def work(other):
        pass

    async def _both(q):
        await q.put(await q.get())

    async def main(other=1):
        queue = asyncio.{make}
        {use}
    """
for id_, make, use, why in (
    ("joined", "Queue()", "await queue.join()", "asked for join()"),
    ("counted", "Queue()", "print(queue.qsize())", "asked for qsize()"),
    ("handed on", "Queue()", "print(queue)", "handed on"),
    ("returned", "Queue()", "return queue", "handed on"),
    ("a public function", "Queue()", "await work(queue)", "handed on"),
    ("for both ends", "Queue()", "await _both(queue)", "puts and gets"),
    ("a limit that is not seen", "Queue(other)", "await queue.put(1)", "limit that cannot"),
    ("full", "Queue(1)", "queue.put_nowait(1)", "raises QueueFull"),
    ("empty", "Queue()", "queue.get_nowait()", "raises QueueEmpty"),
    (
        "two handlers in one",
        "Queue()",
        "try: queue.get_nowait(); other.get_nowait()\n        except asyncio.QueueEmpty: pass",
        "another queue",
    ),
    (
        "with a limit of time",
        "Queue()",
        "await asyncio.wait_for(queue.get(), 1)",
        "not awaited",
    ),
    ("not used", "Queue()", "", "not used in the block"),
    (
        "a task that may go on",
        "Queue()",
        "async def get(): await queue.get()\n        task = asyncio.create_task(get())",
        "may go on",
    ),
    (
        "a callback",
        "Queue()",
        "other.add_done_callback(lambda _: queue.put_nowait(1))",
        "what may run later",
    ),
    (
        "a function that others call",
        "Queue()",
        "async def get(): await queue.get()\n        return get",
        "may go on",
    ),
    ("made in a line with more", "Queue(); x = 1", "await queue.put(1)", "in a line of a"),
):
    stays("queue", id_, QUEUE.format(make=make, use=use), why)
stays(
    "queue",
    "of an object",
    """
    import asyncio

    class Pool:
        def __init__(self):
            self._free = asyncio.Queue()

        async def take(self):
            return await self._free.get()
    """,
    "in a line of a coroutine",
)

rewritten(
    "subprocess",
    "its output, its end, and a shell",
    """
    import asyncio
    import subprocess

    async def main(*more):
        one = await asyncio.create_subprocess_exec(
            "echo", *more, stdout=asyncio.subprocess.PIPE, cwd="/"
        )
        out, err = await one.communicate()
        print(out, err, one.returncode)
        silent = await asyncio.create_subprocess_shell(
            "exit 3",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        await silent.communicate()
        print(silent.returncode)
        both = await asyncio.create_subprocess_shell(
            "echo 3 >&2",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        outputs = await both.communicate()
        print(outputs)

    if __name__ == "__main__":
        asyncio.run(main())
    """,
    """
    import asyncio
    import anyio
    import subprocess

    async def main(*more):
        one = await anyio.run_process(["echo", *more], stderr=None, cwd="/", check=False)
        out, err = one.stdout, one.stderr
        print(out, err, one.returncode)
        silent = await anyio.run_process("exit 3", stdout=subprocess.DEVNULL, check=False)
        print(silent.returncode)
        both = await anyio.run_process("echo 3 >&2", stderr=subprocess.STDOUT, check=False)
        outputs = both.stdout, both.stderr
        print(outputs)

    if __name__ == "__main__":
        asyncio.run(main())
    """,
    slow=True,
)
PROCESS = """
    import asyncio

    async def main(other=None):
        process = await asyncio.create_subprocess_exec({command})
        {use}

    {start}
    """
COMMUNICATE = "await process.communicate()"
START = "asyncio.run(main())"
for id_, command, use, start, why in (
    ("of a library", "'true'", COMMUNICATE, "", "which cannot be seen; AnyIO kills"),
    (
        "that may be cancelled",
        "'true'",
        COMMUNICATE,
        "async def f(): await asyncio.wait_for(main(), 1)\n    asyncio.run(f())",
        "by who starts main()",
    ),
    (
        "with a limit",
        "'true'",
        f"await asyncio.wait_for({COMMUNICATE[6:]}, 1)",
        START,
        "next line",
    ),
    ("killed", "'true'", f"{COMMUNICATE}\n        process.kill()", START, "for more than"),
    ("waited for later", "'true'", f"print()\n        {COMMUNICATE}", START, "next line"),
    (
        "its output unread",
        "'true', stdout=asyncio.subprocess.PIPE",
        "await process.wait()",
        START,
        "unread",
    ),
    ("written to", "'cat', stdin=asyncio.subprocess.PIPE", COMMUNICATE, START, "written to"),
    ("with an input", "'cat'", "await process.communicate(b'1')", START, "next line"),
    ("a file", "'true', stdout=other", COMMUNICATE, START, "stdout that cannot be seen"),
    ("another option", "'true', limit=1", COMMUNICATE, START, "limit="),
):
    stays("subprocess", id_, PROCESS.format(command=command, use=use, start=start), why)
