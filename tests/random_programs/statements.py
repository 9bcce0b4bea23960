"""The statements of asyncio's names: each a node of a program, with how it is run."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import anyio
import anyio.lowlevel

import portable

from .world import VAR, Oops, World, is_cancellation, is_native

if TYPE_CHECKING:
    from collections.abc import Awaitable

Block: TypeAlias = "tuple[Statement, ...]"


@dataclass(frozen=True)
class Statement:
    """One statement."""

    async def run(self, world: World, who: str) -> None:
        raise NotImplementedError


# Waiting and tasks ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Sleep(Statement):
    seconds: float

    async def run(self, world: World, who: str) -> None:
        await asyncio.sleep(world.delay(self, self.seconds))
        world.note(who, "slept")


@dataclass(frozen=True)
class Spawn(Statement):
    slot: int
    block: Block

    async def run(self, world: World, who: str) -> None:
        world.keep(self.slot, who, asyncio.create_task(world.coro(who, self.block)))


@dataclass(frozen=True)
class SpawnEagerly(Statement):
    slot: int
    block: Block

    async def run(self, world: World, who: str) -> None:
        task = world.make_eagerly(world.coro(who, self.block))
        world.keep(self.slot, who, task)
        world.note(who, "spawned", task.done(), len(asyncio.all_tasks()))


@dataclass(frozen=True)
class Cancel(Statement):
    slot: int
    message: str | None

    async def run(self, world: World, who: str) -> None:
        task: Any = world.slots.get(self.slot)
        if task is None:
            return
        if world.mixed:
            if task in world.asked or task is asyncio.current_task():
                return
            world.asked.add(task)
        said = task.cancel() if self.message is None else task.cancel(self.message)
        world.note(who, "cancel", said, *world.finely(task.cancelling()))


@dataclass(frozen=True)
class CancelSelf(Statement):
    message: str | None

    async def run(self, world: World, who: str) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel(self.message)
        world.note(who, "cancels itself")


@dataclass(frozen=True)
class Uncancel(Statement):
    slot: int | None

    async def run(self, world: World, who: str) -> None:
        task: Any = asyncio.current_task() if self.slot is None else world.slots.get(self.slot)
        if task is not None:
            world.note(who, "uncancel", task.uncancel())


@dataclass(frozen=True)
class Await(Statement):
    slot: int

    async def run(self, world: World, who: str) -> None:
        task = world.later(self.slot, who)
        if task is not None:
            world.note(who, "awaited", await task)


@dataclass(frozen=True)
class Gather(Statement):
    blocks: tuple[Block, ...]
    slots: tuple[int, ...]
    return_exceptions: bool

    async def run(self, world: World, who: str) -> None:
        tasks = [world.later(slot, who) for slot in self.slots]
        aws: list[Awaitable[Any]] = [world.coro(who, block) for block in self.blocks]
        aws += [task for task in tasks if task is not None]
        results = await asyncio.gather(*aws, return_exceptions=self.return_exceptions)
        told = [world.describe(r) if isinstance(r, BaseException) else r for r in results]
        world.note(who, "gathered", told)


@dataclass(frozen=True)
class Wait(Statement):
    slots: tuple[int, ...]
    seconds: float | None
    until: str

    async def run(self, world: World, who: str) -> None:
        found = [world.slots.get(slot) for slot in self.slots]
        tasks = {task for task in found if task is not None}
        seconds = world.limit(self, self.seconds)
        if world.mixed and (seconds == 0 or all(task.done() for task in tasks)):
            return
        if tasks:
            parts = await asyncio.wait(tasks, timeout=seconds, return_when=self.until)
            world.note(who, "waited", *(sorted(map(world.label, part)) for part in parts))


@dataclass(frozen=True)
class WaitFor(Statement):
    what: Block | int
    seconds: float | None

    async def run(self, world: World, who: str) -> None:
        aw: Any
        if isinstance(self.what, int):
            aw = world.later(self.what, who)
            if aw is None:
                return
        else:
            aw = world.coro(who, self.what)
        result = await asyncio.wait_for(aw, world.limit(self, self.seconds))
        world.note(who, "waited for", result)


@dataclass(frozen=True)
class AsCompleted(Statement):
    blocks: tuple[Block, ...]
    seconds: float | None

    async def run(self, world: World, who: str) -> None:
        tasks = [asyncio.ensure_future(world.coro(who, block)) for block in self.blocks]
        for next_one in asyncio.as_completed(tasks, timeout=world.limit(self, self.seconds)):
            world.note(who, "completed", await next_one)


@dataclass(frozen=True)
class Shield(Statement):
    slot: int
    block: Block | None

    async def run(self, world: World, who: str) -> None:
        if self.block is not None:
            world.keep(self.slot, who, asyncio.ensure_future(world.coro(who, self.block)))
        task = world.later(self.slot, who)
        if task is not None:
            world.note(who, "shielded", await asyncio.shield(task))


# Blocks --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Timeout(Statement):
    slot: int
    seconds: float | None
    block: Block

    async def run(self, world: World, who: str) -> None:
        async with asyncio.timeout(world.limit(self, self.seconds)) as timeout:
            world.timeouts[self.slot] = timeout
            await world.run(who, self.block)
            world.note(who, "in time", timeout.expired())


@dataclass(frozen=True)
class Reschedule(Statement):
    slot: int
    seconds: float | None

    async def run(self, world: World, who: str) -> None:
        timeout = world.timeouts.get(self.slot)
        if timeout is None:
            return
        seconds = world.limit(self, self.seconds)
        try:
            timeout.reschedule(None if seconds is None else world.loop.time() + seconds)
        except (RuntimeError, AssertionError) as error:
            world.note(who, "not rescheduled", type(error).__name__)


@dataclass(frozen=True)
class Group(Statement):
    children: tuple[tuple[int, Block], ...]
    block: Block

    async def run(self, world: World, who: str) -> None:
        async with asyncio.TaskGroup() as group:
            for slot, block in self.children:
                world.keep(slot, who, group.create_task(world.coro(who, block)))
            await world.run(who, self.block)
            world.note(who, "body of the group done")
        world.note(who, "group done")


@dataclass(frozen=True)
class Supervise(Statement):
    children: tuple[tuple[int, Block], ...]
    block: Block

    async def run(self, world: World, who: str) -> None:
        async with portable.Supervisor() as supervisor:
            for slot, block in self.children:
                world.keep(slot, who, supervisor.create_task(world.coro(who, block)))
            await world.run(who, self.block)
        world.note(who, "supervised")


@dataclass(frozen=True)
class Race(Statement):
    blocks: tuple[Block, ...]

    async def run(self, world: World, who: str) -> None:
        first = await portable.race(*[world.coro(who, block) for block in self.blocks])
        world.note(who, "first", first)


KINDS: dict[str, type[BaseException]] = {
    "cancelled": asyncio.CancelledError,
    "oops": Oops,
    "exception": Exception,
    "anything": BaseException,
    "timeout": TimeoutError,
}


@dataclass(frozen=True)
class Try(Statement):
    """`except` that awaits, and raises again or swallows.

    In mixed programs `cancelled` means a scope's cancellation, too; and what is asyncio's and
    swallowed is taken back, as it should be.
    """

    block: Block
    kind: str
    handler: Block
    swallow: bool

    async def run(self, world: World, who: str) -> None:
        try:
            await world.run(who, self.block)
        except BaseException as error:
            if not self._catches(world, error):
                raise
            world.note(who, "caught", world.describe(error))
            native = world.mixed and is_native(error)
            await world.run(who, self.handler)
            world.note(who, "handled")
            if not self.swallow:
                raise
            task = asyncio.current_task()
            if native and task is not None and task.cancelling():
                world.asked.discard(task)
                task.uncancel()

    def _catches(self, world: World, error: BaseException) -> bool:
        if world.mixed and self.kind == "cancelled":
            return is_cancellation(error)
        return isinstance(error, KINDS[self.kind])


@dataclass(frozen=True)
class Finally(Statement):
    block: Block
    cleanup: Block

    async def run(self, world: World, who: str) -> None:
        try:
            await world.run(who, self.block)
        finally:
            world.note(who, "cleans up")
            await world.run(who, self.cleanup)
            world.note(who, "has cleaned up")


@dataclass(frozen=True)
class Raise(Statement):
    async def run(self, world: World, who: str) -> None:
        raise Oops(who)


@dataclass(frozen=True)
class Generate(Statement):
    """An async generator with a clean-up that awaits, left in the middle or not."""

    block: Block
    items: int
    inner: Block
    close: bool

    async def run(self, world: World, who: str) -> None:
        async def generate() -> Any:
            try:
                for item in range(3):
                    await world.run(who, self.block)
                    yield item
            finally:
                world.note(who, "the generator ends")
                await asyncio.sleep(0)
                world.note(who, "the generator has ended")

        generator = generate()
        try:
            async for item in generator:
                world.note(who, "item", item)
                await world.run(who, self.inner)
                if item >= self.items:
                    break
        finally:
            if self.close:
                await generator.aclose()


# Queues, locks, events, futures --------------------------------------------------------------


@dataclass(frozen=True)
class Put(Statement):
    queue: int

    async def run(self, world: World, who: str) -> None:
        await world.queues[self.queue].put(who)
        world.note(who, "put")


@dataclass(frozen=True)
class Get(Statement):
    queue: int

    async def run(self, world: World, who: str) -> None:
        world.note(who, "got", await world.queues[self.queue].get())


@dataclass(frozen=True)
class TaskDone(Statement):
    queue: int

    async def run(self, world: World, who: str) -> None:
        try:
            world.queues[self.queue].task_done()
        except ValueError:
            world.note(who, "too many")


@dataclass(frozen=True)
class Join(Statement):
    queue: int

    async def run(self, world: World, who: str) -> None:
        await world.queues[self.queue].join()
        world.note(who, "joined")


@dataclass(frozen=True)
class ShutDown(Statement):
    queue: int
    immediate: bool

    async def run(self, world: World, who: str) -> None:
        queue: Any = world.queues[self.queue]  # since 3.13
        queue.shutdown(self.immediate)
        world.note(who, "shut down")


@dataclass(frozen=True)
class Locked(Statement):
    lock: str
    block: Block

    async def run(self, world: World, who: str) -> None:
        lock = world.locks[self.lock]
        if self.lock == "anyio" and lock.statistics().owner == anyio.get_current_task():
            # AnyIO refuses it: on asyncio before it looks for a cancellation, on trio after it.
            await anyio.lowlevel.checkpoint_if_cancelled()
        async with lock:
            world.note(who, "locked")
            await world.run(who, self.block)
        world.note(who, "unlocked")


@dataclass(frozen=True)
class WaitCondition(Statement):
    async def run(self, world: World, who: str) -> None:
        async with world.condition:
            await world.condition.wait()
            world.note(who, "notified")


@dataclass(frozen=True)
class Notify(Statement):
    number: int

    async def run(self, world: World, who: str) -> None:
        async with world.condition:
            world.condition.notify(self.number)


@dataclass(frozen=True)
class SetEvent(Statement):
    event: int

    async def run(self, world: World, who: str) -> None:
        world.events[self.event].set()


@dataclass(frozen=True)
class ClearEvent(Statement):
    event: int

    async def run(self, world: World, who: str) -> None:
        world.events[self.event].clear()


@dataclass(frozen=True)
class WaitEvent(Statement):
    event: int

    async def run(self, world: World, who: str) -> None:
        world.note(who, "event", await world.events[self.event].wait())


@dataclass(frozen=True)
class WaitBarrier(Statement):
    async def run(self, world: World, who: str) -> None:
        world.note(who, "barrier", await world.barrier.wait())


@dataclass(frozen=True)
class AwaitFuture(Statement):
    future: int

    async def run(self, world: World, who: str) -> None:
        world.note(who, "future", await world.futures[self.future])


@dataclass(frozen=True)
class EndFuture(Statement):
    future: int
    how: str

    async def run(self, world: World, who: str) -> None:
        future = world.futures[self.future]
        if future.done():
            world.futures[self.future] = world.loop.create_future()
        elif self.how == "cancel":
            future.cancel("a future")
        elif self.how == "result":
            future.set_result(who)
        else:
            future.set_exception(Oops(who))


# Callbacks -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """What a callback does."""

    what: str
    number: int

    def __call__(self, world: World, who: str, *_: object) -> None:
        world.note(who, "callback", self.what, VAR.get())
        number = self.number
        if self.what == "event":
            world.events[number % 2].set()
        elif self.what == "future":
            if not world.futures[number % 3].done():
                world.futures[number % 3].set_result("called back")
        elif self.what == "cancel":
            if (task := world.slots.get(number)) is not None:
                task.cancel("called back")
        elif self.what == "put":
            try:
                world.queues[number % 3].put_nowait("called back")
            except Exception as error:
                world.note(who, type(error).__name__)
        elif self.what == "raise":
            raise Oops("called back")
        elif self.what == "spawn":
            coro = world.coro(who, (Sleep(number),))
            world.keep(number, who, world.loop.create_task(coro))


@dataclass(frozen=True)
class Call(Statement):
    seconds: float | None
    action: Action

    async def run(self, world: World, who: str) -> None:
        callback = partial(self.action, world, world.child(who))
        if self.seconds is None:
            world.loop.call_soon(callback)
        else:
            world.loop.call_later(self.seconds, callback)


@dataclass(frozen=True)
class CallWhenDone(Statement):
    slot: int
    action: Action

    async def run(self, world: World, who: str) -> None:
        task = world.slots.get(self.slot)
        if task is not None:
            task.add_done_callback(partial(self.action, world, world.child(who)))
