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
