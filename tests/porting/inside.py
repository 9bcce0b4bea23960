"""More programs that a rule rewrites, each just inside of one condition."""

from .programs import rewritten

rewritten(
    "wait_for",
    "what is calm: a lock and an event of an object, a function that calls itself, handlers",
    """
    import asyncio

    class Store:
        def __init__(self):
            self._lock = asyncio.Lock()
            self._ready: asyncio.Event = asyncio.Event()

        async def _take(self, times):
            async with self._lock:
                await self._ready.wait()
            try:
                if times:
                    await self._take(times - 1)
                await asyncio.sleep(1)
            except BaseException:
                print("broken off")
                raise
            finally:
                for word in ("put", "back"):
                    print(word)

        async def take(self, times):
            try:
                await asyncio.wait_for(self._take(times), 2.5)
            except TimeoutError:
                print("too late")

        def give(self):
            self._ready.set()

    async def main():
        store = Store()
        await store.take(0)
        store.give()
        await store.take(1)
        await store.take(3)
    """,
    """
    import asyncio
    import anyio

    class Store:
        def __init__(self):
            self._lock = asyncio.Lock()
            self._ready: asyncio.Event = asyncio.Event()

        async def _take(self, times):
            async with self._lock:
                await self._ready.wait()
            try:
                if times:
                    await self._take(times - 1)
                await asyncio.sleep(1)
            except BaseException:
                print("broken off")
                raise
            finally:
                for word in ("put", "back"):
                    print(word)

        async def take(self, times):
            try:
                with anyio.fail_after(2.5):
                    await self._take(times)
            except TimeoutError:
                print("too late")

        def give(self):
            self._ready.set()

    async def main():
        store = Store()
        await store.take(0)
        store.give()
        await store.take(1)
        await store.take(3)
    """,
)
rewritten(
    "create_task",
    "clean-ups in one line; `group` is another thing",
    """
    import asyncio

    async def _work():
        try:
            await asyncio.sleep(2)
        except asyncio.CancelledError:
            # First.
            print("one"); await asyncio.sleep(1)
            raise

    async def _serve():
        try:
            while True:
                await asyncio.sleep(2)
        finally: print("closing"); await asyncio.sleep(1)

    async def main(group="no group"):
        other = asyncio.create_task(_work())
        await asyncio.sleep(1)
        other.cancel()
        await asyncio.wait([other])
        task = asyncio.create_task(_serve())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        print(group)
    """,
    """
    import asyncio
    import anyio

    async def _work():
        try:
            await asyncio.sleep(2)
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                # First.
                print("one")
                await asyncio.sleep(1)
            raise

    async def _serve():
        try:
            while True:
                await asyncio.sleep(2)
        finally:
            with anyio.CancelScope(shield=True):
                print("closing")
                await asyncio.sleep(1)

    async def main(group="no group"):
        async with anyio.create_task_group() as task_group:
            other = task_group.start_soon(_work)
            await asyncio.sleep(1)
            other.cancel()
            await other.wait()
        async with anyio.create_task_group() as task_group:
            task = task_group.start_soon(_serve)
            await asyncio.sleep(1)
            task.cancel()
            await task.wait()
        print(group)
    """,
)
rewritten(
    "sleep",
    "imported where Python is new enough, and a delay that cannot be negative",
    """
    from __future__ import annotations
    import sys

    if sys.version_info >= (3, 11):
        import asyncio

    async def main():
        for delay in (2, 1):
            await asyncio.sleep(delay)
            await asyncio.sleep(abs(delay - 4))
        print("slept")
    """,
    """
    from __future__ import annotations
    import sys
    import anyio

    if sys.version_info >= (3, 11):
        pass

    async def main():
        for delay in (2, 1):
            await anyio.sleep(delay)
            await anyio.sleep(abs(delay - 4))
        print("slept")
    """,
)
rewritten(
    "sleep",
    "exported",
    """
    import asyncio

    __all__ = ["asyncio", "main"]

    async def main():
        await asyncio.sleep(1)
        print("slept")
    """,
    """
    import asyncio
    import anyio

    __all__ = ["asyncio", "main"]

    async def main():
        await anyio.sleep(1)
        print("slept")
    """,
)
rewritten(
    "timeout",
    "a clean-up that AnyIO's scopes alone cancel: under a scope, in a group, by gather",
    """
    import asyncio
    import anyio

    async def _work(seconds):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            print("stopped", seconds)
            raise

    async def _limited(seconds):
        with anyio.move_on_after(9):
            async with asyncio.timeout(2):
                await _work(seconds)

    async def _both():
        await anyio.gather(_limited(1), _limited(1.5))

    async def _run():
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_limited, 3)
                await _both()
        except* TimeoutError:
            print("too late")

    if __name__ == "__main__":
        anyio.run(_run)

    main = _run
    """,
    """
    import asyncio
    import anyio

    async def _work(seconds):
        try:
            await asyncio.sleep(seconds)
        except anyio.get_cancelled_exc_class():
            print("stopped", seconds)
            raise

    async def _limited(seconds):
        with anyio.move_on_after(9):
            with anyio.fail_after(2):
                await _work(seconds)

    async def _both():
        await anyio.gather(_limited(1), _limited(1.5))

    async def _run():
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(_limited, 3)
                await _both()
        except* TimeoutError:
            print("too late")

    if __name__ == "__main__":
        anyio.run(_run)

    main = _run
    """,
)
rewritten(
    "event",
    "asked whether it is there; another class's attribute; none at first; waited for for ever",
    """
    import asyncio

    class Bell:
        size = 1

        def __init__(self):
            self._rung = None

        def hang(self):
            self._rung = asyncio.Event()
            self.weight = 2

        def told(self):
            if self._rung:
                print("hangs")
            return None is self._rung, not self._rung, 1 if self._rung else 0

    class Horn:
        def __init__(self):
            self._rung = 3

    async def forever():
        await asyncio.Event().wait()

    async def main():
        bell = Bell()
        print(bell.told(), bell.size)
        bell.hang()
        print(bell.told(), bell.weight)
        other = None
        print(other is None)
        other = asyncio.Event()
        assert other
        while other:
            other.set()
            break
        task = asyncio.create_task(forever())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        print(other.is_set(), task.cancelled())
    """,
    """
    import asyncio
    import anyio

    class Bell:
        size = 1

        def __init__(self):
            self._rung = None

        def hang(self):
            self._rung = anyio.Event()
            self.weight = 2

        def told(self):
            if self._rung:
                print("hangs")
            return None is self._rung, not self._rung, 1 if self._rung else 0

    class Horn:
        def __init__(self):
            self._rung = 3

    async def forever():
        await anyio.Event().wait()

    async def main():
        bell = Bell()
        print(bell.told(), bell.size)
        bell.hang()
        print(bell.told(), bell.weight)
        other = None
        print(other is None)
        other = anyio.Event()
        assert other
        while other:
            other.set()
            break
        task = asyncio.create_task(forever())
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait([task])
        print(other.is_set(), task.cancelled())
    """,
)
for rule, made in (
    ("lock", "Lock(fast_acquire=True)"),
    ("condition", "Condition(anyio.Lock(fast_acquire=True))"),
):
    SHOP = """
    import {library}

    class Shop:
        def __init__(self):
            self._it = {made}

        async def enter(self):
            if self._it is not None:
                async with self._it:
                    print("inside")

    async def main():
        shop = Shop()
        await shop.enter()
    """
    before = SHOP.format(library="asyncio", made=f"asyncio.{rule.capitalize()}()")
    after = SHOP.format(library="anyio", made=f"anyio.{made}")
    rewritten(rule, "asked whether it is there", before, after)
rewritten(
    "wait_for",
    "what is calm: futures, streams, queues, semaphores and locks, alone and gathered",
    """
    import asyncio

    class Pair:
        def __init__(self, told):
            self._lock = asyncio.Lock()
            self._told: asyncio.Event = told
            self.opened = None

        async def work(self):
            async with self._lock:
                await asyncio.sleep(1)
            try:
                await self._told.wait()
            except BaseException:
                for word in ("broken", "off"):
                    print(word)
                raise

        async def both(self):
            await asyncio.wait_for(asyncio.gather(*[self.work() for _ in range(2)]), 3)

        async def each(self):
            await asyncio.wait_for(asyncio.gather(*(self.work() for _ in range(2))), 9)

    class Other:
        def __init__(self):
            self._lock = 5

        def tell(self, pair):
            pair.opened = asyncio.Event()
            pair.opened.set()
            pair._told.set()

    async def first(items: asyncio.Queue[str], places: asyncio.Semaphore):
        async with places:
            return await asyncio.wait_for(items.get(), 2)

    async def fetch(host):
        reader, writer = await asyncio.open_connection(host, 80)
        await asyncio.wait_for(writer.drain(), 5)
        return await asyncio.wait_for(reader.readline(), 5)

    async def main():
        loop = asyncio.get_running_loop()
        future: asyncio.Future = loop.create_future()
        loop.call_later(1, future.set_result, "in time")
        print(await asyncio.wait_for(future, 2))
        never = asyncio.Future()
        try:
            await asyncio.wait_for(never, 1)
        except TimeoutError:
            print(never.cancelled())
        print(await asyncio.wait_for(loop.run_in_executor(None, max, 1, 2), 5))
        pair = Pair(asyncio.Event())
        try:
            await pair.both()
        except TimeoutError:
            print("too late")
        Other().tell(pair)
        await asyncio.wait_for(pair.opened.wait(), 1)
        await pair.each()
        items, places = asyncio.Queue(), asyncio.Semaphore()
        items.put_nowait("item")
        print(await first(items, places))
        await asyncio.wait_for(places.acquire(), 1)
    """,
    """
    import asyncio
    import anyio

    class Pair:
        def __init__(self, told):
            self._lock = asyncio.Lock()
            self._told: asyncio.Event = told
            self.opened = None

        async def work(self):
            async with self._lock:
                await asyncio.sleep(1)
            try:
                await self._told.wait()
            except BaseException:
                for word in ("broken", "off"):
                    print(word)
                raise

        async def both(self):
            with anyio.fail_after(3):
                await asyncio.gather(*[self.work() for _ in range(2)])

        async def each(self):
            with anyio.fail_after(9):
                await asyncio.gather(*(self.work() for _ in range(2)))

    class Other:
        def __init__(self):
            self._lock = 5

        def tell(self, pair):
            pair.opened = asyncio.Event()
            pair.opened.set()
            pair._told.set()

    async def first(items: asyncio.Queue[str], places: asyncio.Semaphore):
        async with places:
            with anyio.fail_after(2):
                return await items.get()

    async def fetch(host):
        reader, writer = await asyncio.open_connection(host, 80)
        with anyio.fail_after(5):
            await writer.drain()
        with anyio.fail_after(5):
            return await reader.readline()

    async def main():
        loop = asyncio.get_running_loop()
        future: asyncio.Future = loop.create_future()
        loop.call_later(1, future.set_result, "in time")
        with anyio.fail_after(2):
            print(await future)
        never = asyncio.Future()
        try:
            with anyio.fail_after(1):
                await never
        except TimeoutError:
            print(never.cancelled())
        with anyio.fail_after(5):
            print(await loop.run_in_executor(None, max, 1, 2))
        pair = Pair(asyncio.Event())
        try:
            await pair.both()
        except TimeoutError:
            print("too late")
        Other().tell(pair)
        with anyio.fail_after(1):
            await pair.opened.wait()
        await pair.each()
        items, places = asyncio.Queue(), asyncio.Semaphore()
        items.put_nowait("item")
        print(await first(items, places))
        with anyio.fail_after(1):
            await places.acquire()
    """,
)
rewritten(
    "sleep",
    "AnyIO imported in a branch alone",
    """
    import asyncio

    if __name__ == "__main__":
        import anyio

    async def main():
        await asyncio.sleep(1)
        print("slept")
    """,
    """
    import anyio

    if __name__ == "__main__":
        import anyio

    async def main():
        await anyio.sleep(1)
        print("slept")
    """,
)
rewritten(
    "sleep",
    "imports in branches, in one line, and with others",
    """
    from os import *
    import os, sys
    from typing import TYPE_CHECKING
    from asyncio import run, sleep

    if TYPE_CHECKING: import anyio
    if os: import asyncio as first
    if sys: import os; import asyncio as second
    if os: import asyncio as third

    async def main():
        import asyncio; await asyncio.sleep(2); print(run is not asyncio)
        await sleep(1)
        await first.sleep(1)
        await second.sleep(1)
        await asyncio.sleep(1)
        print(third.Lock.__name__)
    """,
    """
    from os import *
    import os, sys
    from typing import TYPE_CHECKING
    from asyncio import run
    import anyio

    if TYPE_CHECKING: import anyio
    if os: pass
    if sys: import os
    if os: import asyncio as third

    async def main():
        import asyncio; import anyio; await anyio.sleep(2); print(run is not asyncio)
        await anyio.sleep(1)
        await anyio.sleep(1)
        await anyio.sleep(1)
        await anyio.sleep(1)
        print(third.Lock.__name__)
    """,
)
rewritten(
    "sleep",
    "imports in branches alone",
    """
    import os, sys

    if os: import asyncio as first
    if sys: import asyncio as second

    async def main():
        await first.sleep(1)
        await second.sleep(1)
        print("slept")
    """,
    """
    import os, sys

    if os: import anyio
    if sys: import anyio

    async def main():
        await anyio.sleep(1)
        await anyio.sleep(1)
        print("slept")
    """,
)
rewritten(
    "sleep",
    "imported where Python is new enough, behind a star and a branch",
    """
    from os.path import *
    import sys

    if sys:
        import os

    if sys.version_info >= (3, 11):
        import asyncio

    async def main():
        await asyncio.sleep(1)
        print(join("a", "b"), os.sep)
    """,
    """
    from os.path import *
    import anyio
    import sys

    if sys:
        import os

    if sys.version_info >= (3, 11):
        pass

    async def main():
        await anyio.sleep(1)
        print(join("a", "b"), os.sep)
    """,
)
rewritten(
    "queue",
    "where a module of AnyIO's is imported",
    """
    import asyncio
    import anyio.abc

    async def _cook(orders: asyncio.Queue[str]):
        print(await orders.get())

    async def main():
        orders = asyncio.Queue()
        await orders.put("soup")
        await _cook(orders)
    """,
    """
    import math
    import anyio.abc

    async def _cook(orders: anyio.abc.ObjectReceiveStream[str]):
        print(await orders.receive())

    async def main():
        send, receive = anyio.create_memory_object_stream(math.inf)
        with send, receive:
            send.send_nowait("soup")
            await _cook(receive)
    """,
)
rewritten(
    "timeout",
    "a clean-up that comes under a shield",
    """
    import asyncio
    import anyio

    async def _serve():
        try:
            while True:
                await asyncio.sleep(2)
                print("served")
        finally:
            print("closing")
            await asyncio.sleep(1)
            print("closed")

    async def _run():
        try:
            async with asyncio.timeout(3):
                await _serve()
        except TimeoutError:
            print("too late")

    if __name__ == "__main__":
        anyio.run(_run)

    main = _run
    """,
    """
    import asyncio
    import anyio

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

    async def _run():
        try:
            with anyio.fail_after(3):
                await _serve()
        except TimeoutError:
            print("too late")

    if __name__ == "__main__":
        anyio.run(_run)

    main = _run
    """,
)
rewritten(
    "event",
    "imported for types alone, twice",
    """
    import asyncio
    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        import anyio

    if TYPE_CHECKING:
        from asyncio import Event

    class Door:
        def __init__(self):
            self._open: "Event" = asyncio.Event()

        def open(self):
            self._open.set()

    async def main():
        Door().open()
        print("open")
    """,
    """
    import anyio
    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        import anyio

    if TYPE_CHECKING:
        pass

    class Door:
        def __init__(self):
            self._open: "anyio.Event" = anyio.Event()

        def open(self):
            self._open.set()

    async def main():
        Door().open()
        print("open")
    """,
)
rewritten(
    "timeout",
    "a clean-up that AnyIO's scopes alone cancel: around a function that calls itself",
    """
    import asyncio
    import anyio

    async def _work(seconds):
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError:
            print("stopped", seconds)
            raise

    async def _limited(seconds):
        async with asyncio.timeout(2):
            await _work(seconds)
        await _limited(seconds + 0.5)

    async def main():
        with open(__import__("os").devnull), anyio.move_on_after(2):
            await _limited(1)
        print("stopped")

    if __name__ == "__main__":
        anyio.run(main)
    """,
    """
    import asyncio
    import anyio

    async def _work(seconds):
        try:
            await asyncio.sleep(seconds)
        except anyio.get_cancelled_exc_class():
            print("stopped", seconds)
            raise

    async def _limited(seconds):
        with anyio.fail_after(2):
            await _work(seconds)
        await _limited(seconds + 0.5)

    async def main():
        with open(__import__("os").devnull), anyio.move_on_after(2):
            await _limited(1)
        print("stopped")

    if __name__ == "__main__":
        anyio.run(main)
    """,
)
rewritten(
    "create_task",
    "a handler in one line; a group beside code that is quiet",
    """
    import asyncio

    async def beat():
        while True:
            await asyncio.sleep(1)
            beats: list[int] = []
            beats.append(1)

    async def main():
        task = asyncio.create_task(coro=beat())
        await asyncio.sleep(1.5)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError: pass
        print("cancelled")
    """,
    """
    import asyncio
    import anyio

    async def beat():
        while True:
            await asyncio.sleep(1)
            beats: list[int] = []
            beats.append(1)

    async def main():
        async with anyio.create_task_group() as group:
            task = group.start_soon(beat)
            await asyncio.sleep(1.5)
            task.cancel()
            await task.wait()
        print("cancelled")
    """,
)
rewritten(
    "queue",
    "of functions that are called more than once, and gathered; of an own type",
    """
    import asyncio
    import anyio

    async def _take(items: asyncio.Queue):
        try:
            return items.get_nowait()
        except asyncio.QueueEmpty:
            return None

    class Thing: ...

    async def main():
        items: asyncio.Queue = asyncio.Queue()

        async def put():
            await items.put(1)

        async def put_more():
            await put()

        await anyio.gather(put(), put_more())
        print(await _take(items), await _take(items))
        things: asyncio.Queue[Thing] = asyncio.Queue(0)
        await things.put(Thing())
        print(await things.get() is None)
    """,
    """
    import math
    import anyio.abc
    import anyio

    async def _take(items: anyio.abc.ObjectReceiveStream):
        try:
            return items.receive_nowait()
        except anyio.WouldBlock:
            return None

    class Thing: ...

    async def main():
        send_items, receive_items = anyio.create_memory_object_stream(math.inf)
        with send_items, receive_items:

            async def put():
                send_items.send_nowait(1)

            async def put_more():
                await put()

            await anyio.gather(put(), put_more())
            print(await _take(receive_items), await _take(receive_items))
            send_things, receive_things = anyio.create_memory_object_stream(math.inf)
            with send_things, receive_things:
                send_things.send_nowait(Thing())
                print(await receive_things.receive() is None)
    """,
)
rewritten(
    "sleep",
    "imported from where it is defined",
    """
    import asyncio.tasks
    from asyncio.tasks import sleep as pause

    async def main():
        await pause(1)
        await asyncio.tasks.sleep(1)
        print("slept")
    """,
    """
    import asyncio.tasks
    import anyio

    async def main():
        await anyio.sleep(1)
        await anyio.sleep(1)
        print("slept")
    """,
)
rewritten(
    "gather",
    "of functions that catch all; a type is no subscript",
    """
    import asyncio

    async def attempt(number):
        found: list[int] = []
        try:
            found.append(1 // number)
            open("nowhere/none")
        except Exception:
            print("failed")
        await asyncio.sleep(number)

    async def main():
        await asyncio.gather(attempt(0), attempt(1))
    """,
    """
    import asyncio
    import anyio

    async def attempt(number):
        found: list[int] = []
        try:
            found.append(1 // number)
            open("nowhere/none")
        except Exception:
            print("failed")
        await asyncio.sleep(number)

    async def main():
        await anyio.gather(attempt(0), attempt(1))
    """,
)
rewritten(
    "gather",
    "lists of coroutines and of tasks that are made for it alone",
    """
    import asyncio

    async def fetch(number):
        await asyncio.sleep(number)
        print("page", number)
        return number

    async def main():
        pages = [fetch(2), fetch(1)]
        print(len("pages"))
        await asyncio.sleep(1)
        print(await asyncio.gather(*pages))
        tasks = [asyncio.create_task(fetch(n)) for n in (3, 1)]
        one, two = await asyncio.gather(*tasks)
        print(one, two)
        more = [asyncio.ensure_future(fetch(5))]
        for number in (4, 1):
            more.append(asyncio.create_task(fetch(number)))
        for number in await asyncio.gather(fetch(2), *more, return_exceptions=True):
            print(number)
        await asyncio.gather(asyncio.create_task(fetch(2)), *(fetch(1), fetch(1)))
    """,
    """
    import asyncio
    import anyio

    async def fetch(number):
        await asyncio.sleep(number)
        print("page", number)
        return number

    async def main():
        pages = [fetch(2), fetch(1)]
        print(len("pages"))
        await asyncio.sleep(1)
        print(list(await anyio.gather(*pages)))
        tasks = [fetch(n) for n in (3, 1)]
        one, two = await anyio.gather(*tasks)
        print(one, two)
        more = [fetch(5)]
        for number in (4, 1):
            more.append(fetch(number))
        for number in await anyio.gather(fetch(2), *more):
            print(number)
        await anyio.gather(fetch(2), *(fetch(1), fetch(1)))
    """,
)
rewritten(
    "gather",
    "comments in what goes are above the line",
    """
    import asyncio

    async def fetch(number):
        await asyncio.sleep(number)
        print(number)

    async def main():
        # Both.
        await asyncio.gather(  # a
            fetch(1),  # b
            asyncio.create_task(  # c
                fetch(2),  # d
            ),
            # e
            return_exceptions=True,  # f
        )  # g
    """,
    """
    import asyncio
    import anyio

    async def fetch(number):
        await asyncio.sleep(number)
        print(number)

    async def main():
        # Both.
        # c
        # d
        # e
        await anyio.gather(  # a
            fetch(1),  # b
            fetch(2),  # f
        )  # g
    """,
)
rewritten(
    "task_group",
    "groups in groups, and in functions that come first or last",
    """
    import asyncio

    async def first():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1))
            group.create_task(last())
        print("first")

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(first())
            async with asyncio.TaskGroup() as inner:
                inner.create_task(last())
            print("inner")

    async def last():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(2))
        print("last")
    """,
    """
    import asyncio
    import anyio

    async def first():
        async with anyio.create_task_group() as group:
            group.start_soon(asyncio.sleep, 1)
            group.start_soon(last)
        print("first")

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(first)
            async with anyio.create_task_group() as inner:
                inner.start_soon(last)
            print("inner")

    async def last():
        async with anyio.create_task_group() as group:
            group.start_soon(asyncio.sleep, 2)
        print("last")
    """,
)
rewritten(
    "gather",
    "methods of what can be seen to be a list, a dict, a string, a logger, an event, a task",
    """
    import asyncio
    import logging

    log = logging.getLogger(__name__)
    told = []

    class Other:
        def __init__(self, seen):
            self.seen = seen

    class Work:
        def __init__(self):
            self.seen = {}

        async def one(self, name: str, others: list[str], event: asyncio.Event):
            self.seen.update(name=name.upper())
            others.append(", ".join(["a", name]))
            told.extend(others)
            log.info("seen")
            logging.debug("seen")
            event.set()
            task = asyncio.ensure_future(asyncio.sleep(5))
            task.cancel()
            print(name, self.seen.get("name"), task.done())

        async def both(self, event: asyncio.Event):
            await asyncio.gather(self.one("x", [], event), self.one("y", [], event))

    async def main():
        await Work().both(asyncio.Event())
    """,
    """
    import asyncio
    import anyio
    import logging

    log = logging.getLogger(__name__)
    told = []

    class Other:
        def __init__(self, seen):
            self.seen = seen

    class Work:
        def __init__(self):
            self.seen = {}

        async def one(self, name: str, others: list[str], event: asyncio.Event):
            self.seen.update(name=name.upper())
            others.append(", ".join(["a", name]))
            told.extend(others)
            log.info("seen")
            logging.debug("seen")
            event.set()
            task = asyncio.ensure_future(asyncio.sleep(5))
            task.cancel()
            print(name, self.seen.get("name"), task.done())

        async def both(self, event: asyncio.Event):
            await anyio.gather(self.one("x", [], event), self.one("y", [], event))

    async def main():
        await Work().both(asyncio.Event())
    """,
)
rewritten(
    "create_task",
    "of what is handed on to it",
    """
    import asyncio

    async def _wait(event, gate, name="one"):
        async with gate:
            await event.wait()
            print(name, "is through")

    async def _enter(gate, event):
        await _wait(event, name="two", gate=gate)

    class Door:
        async def _pass(self, event):
            await event.wait()
            print("passed")

        async def open(self, event: asyncio.Event):
            task = asyncio.create_task(self._pass(event))
            await asyncio.sleep(1)
            event.set()
            await task

    async def main():
        event, gate = asyncio.Event(), asyncio.Semaphore(1)
        one = asyncio.create_task(_wait(event, gate))
        two = asyncio.create_task(_enter(gate, event))
        await asyncio.sleep(1)
        event.set()
        await one
        await two
        await Door().open(asyncio.Event())
    """,
    """
    import asyncio
    import anyio

    async def _wait(event, gate, name="one"):
        async with gate:
            await event.wait()
            print(name, "is through")

    async def _enter(gate, event):
        await _wait(event, name="two", gate=gate)

    class Door:
        async def _pass(self, event):
            await event.wait()
            print("passed")

        async def open(self, event: asyncio.Event):
            async with anyio.create_task_group() as group:
                task = group.start_soon(self._pass, event)
                await asyncio.sleep(1)
                event.set()
                await task

    async def main():
        event, gate = asyncio.Event(), asyncio.Semaphore(1)
        async with anyio.create_task_group() as group:
            one = group.start_soon(_wait, event, gate)
            two = group.start_soon(_enter, gate, event)
            await asyncio.sleep(1)
            event.set()
            await one
            await two
        await Door().open(asyncio.Event())
    """,
)
