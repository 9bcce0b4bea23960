"""The statements of AnyIO's names."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import anyio
import anyio.lowlevel

from .statements import Block, Statement
from .world import World, is_cancellation, is_native


@dataclass(frozen=True)
class AnyioSleep(Statement):
    seconds: float

    async def run(self, world: World, who: str) -> None:
        await anyio.sleep(world.delay(self, self.seconds))
        world.note(who, "slept")


@dataclass(frozen=True)
class Scope(Statement):
    """`move_on_after()`, `fail_after()`, or a shield."""

    slot: int
    seconds: float | None
    fail: bool
    shield: bool
    block: Block

    async def run(self, world: World, who: str) -> None:
        make = anyio.fail_after if self.fail else anyio.move_on_after
        with make(world.limit(self, self.seconds), shield=self.shield) as scope:
            world.scopes[self.slot] = scope
            await world.run(who, self.block)
            world.note(who, "body of the scope done")
        world.note(who, "scope left", scope.cancelled_caught)


@dataclass(frozen=True)
class CancelScope(Statement):
    slot: int

    async def run(self, world: World, who: str) -> None:
        scope = world.scopes.get(self.slot)
        if scope is not None:
            scope.cancel()
            world.note(who, "cancels a scope")


@dataclass(frozen=True)
class MoveDeadline(Statement):
    slot: int
    seconds: float

    async def run(self, world: World, who: str) -> None:
        scope = world.scopes.get(self.slot)
        if scope is not None:
            scope.deadline = world.loop.time() + (world.delay(self, self.seconds))


@dataclass(frozen=True)
class AnyioGroup(Statement):
    """An AnyIO task group; its children are plain tasks on trio.

    What T2 says of a cancellation of asyncio's that passes through it is undone here, as a
    program would have to: it goes on as asyncio's. And the body ends with a checkpoint, as
    leaving a group is one on asyncio, and on trio not always.

    A cancellation that the body finds in a future, and nobody has asked of this task, ends the
    body and goes no further: AnyIO's groups make different things of it on their backends.
    """

    slot: int
    children: tuple[Block, ...]
    block: Block

    async def run(self, world: World, who: str) -> None:
        task = asyncio.current_task()
        before = 0 if task is None else task.cancelling()
        try:
            async with anyio.create_task_group() as group:
                world.scopes[self.slot] = group.cancel_scope
                for block in self.children:
                    group.start_soon(world.plain_body, world.child(who), block)
                try:
                    await world.run(who, self.block)
                except asyncio.CancelledError as error:
                    if not is_native(error) or (task is not None and task.cancelling()):
                        raise
                await anyio.lowlevel.checkpoint()
                world.note(who, "body of the group done")
        except BaseExceptionGroup as errors:
            cancellations, others = errors.split(is_cancellation)
            if others is not None:
                raise others from None
            assert cancellations is not None
            raise _asyncios(cancellations) or asyncio.CancelledError from None
        except BaseException as error:
            # AnyIO on trio has made trio's class of a group of cancellations.
            if (
                type(error) is not asyncio.CancelledError
                and is_cancellation(error)
                and task is not None
                and task.cancelling() > before
            ):
                raise asyncio.CancelledError from None
            raise
        world.note(who, "group done")


def _asyncios(group: BaseExceptionGroup) -> BaseException | None:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            error = _asyncios(error) or error
        if isinstance(error, asyncio.CancelledError):
            return error
    return None


@dataclass(frozen=True)
class SetAnyioEvent(Statement):
    event: int

    async def run(self, world: World, who: str) -> None:
        world.anyio_events[self.event].set()


@dataclass(frozen=True)
class WaitAnyioEvent(Statement):
    event: int

    async def run(self, world: World, who: str) -> None:
        await world.anyio_events[self.event].wait()
        world.note(who, "event")


@dataclass(frozen=True)
class Send(Statement):
    stream: int

    async def run(self, world: World, who: str) -> None:
        await world.streams[self.stream][0].send(who)
        world.note(who, "sent")


@dataclass(frozen=True)
class Receive(Statement):
    stream: int

    async def run(self, world: World, who: str) -> None:
        world.note(who, "received", await world.streams[self.stream][1].receive())
