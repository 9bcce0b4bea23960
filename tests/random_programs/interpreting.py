"""The interpreter of random programs: the same code for asyncio's names and for portable's.

What a program does is told by lines: each task says when it begins, what each step gives
and how it ends. The lines say nothing of what is declared to look different from inside,
such as the class of a cancellation (D3); what task was cancelled with which message is
asked of the task when main ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import anyio

import portable

from .steps import (
    Await,
    Block,
    Body,
    Cancel,
    Gather,
    Group,
    Limit,
    Protect,
    Raise,
    RandomProgram,
    Say,
    Sleep,
    Spawn,
    Step,
    Try,
    WaitForBlock,
    WaitForTask,
)


class Boom(Exception):
    """What random programs raise."""


class TaskCancelled(Exception):
    """What the model raises for portable's exception of that name (D4)."""


@dataclass(frozen=True)
class Library:
    """The names that a program uses."""

    names: Any
    protected: Callable[[], AbstractContextManager[object]]


async def _wait_for(aw: Any, timeout: float) -> Any:
    """What `asyncio.wait_for()` is since Python 3.12: the coroutine runs in the caller's task.

    That is the meaning portable keeps on every Python; 3.11 made a task of it, which gives
    others a turn that a program can see.
    """
    if timeout <= 0:
        return await asyncio.wait_for(aw, timeout)
    async with asyncio.timeout(timeout):
        return await aw


class _Asyncio:
    """asyncio's names, as they are since Python 3.12."""

    wait_for = staticmethod(asyncio.wait_for if sys.version_info >= (3, 12) else _wait_for)

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


RAW = Library(_Asyncio(), nullcontext)
PORTABLE = Library(portable, lambda: anyio.CancelScope(shield=True))

_CANCELLATIONS = (*portable.CancelledError, TaskCancelled)


class Me:
    """Who runs a step."""

    def __init__(self, number: int) -> None:
        self.number = number

    def says(self, text: str) -> None:
        print(f"t{self.number}: {text}")


class Interpreter:
    """Runs one program with one library."""

    def __init__(self, program: RandomProgram, library: Library) -> None:
        self.program = program
        self.library = library
        self.names = library.names
        self.tasks: dict[int, Any] = {}
        self.catchable: dict[str, Any] = {
            "CancelledError": self.names.CancelledError,
            "Boom": Boom,
            "Exception": Exception,
            "TimeoutError": TimeoutError,
        }

    async def main(self) -> int:
        me = self.somebody(0)
        try:
            return await self.life(me, self.program.main)
        finally:
            self.report(me)

    def report(self, me: Me) -> None:
        for number, task in sorted(self.tasks.items()):
            me.says(f"t{number} is {state(task)}")

    def somebody(self, number: int) -> Any:
        return Me(number)

    async def life(self, me: Any, body: Body) -> int:
        """The coroutine of a body."""
        me.says("begins")
        try:
            await self.block(me, body.block)
        except BaseException as error:
            me.says(f"ends: {described(error)}")
            strip(error)
            raise
        me.says("returns")
        return body.number

    async def block(self, me: Any, block: Block) -> None:
        for step in block:
            await self.step(me, step)

    async def step(self, me: Any, step: Step) -> None:
        match step:
            case Say(word):
                me.says(f"word {word}")
            case Sleep(delay):
                await self.sleep(me, delay)
                me.says("slept")
            case Raise(word):
                raise Boom(word)
            case Spawn(body):
                self.tasks[body.number] = self.spawn(me, body)
            case Limit(delay, block):
                async with self.limit(me, delay):
                    await self.block(me, block)
            case WaitForBlock(delay, block):
                await self.wait_for_block(me, delay, block)
            case Group():
                await self.group(me, step)
            case Gather():
                values = await self.gather(me, step)
                me.says(f"gathered {[shown(value) for value in values]}")
            case Protect(block):
                with self.protected(me):
                    await self.block(me, block)
            case Try():
                await self.attempt(me, step)
            case Await() | Cancel() | WaitForTask():
                if step.task in self.tasks:
                    await self.with_task(me, step, self.tasks[step.task])
                else:
                    me.says(f"no t{step.task} yet")
            case _:
                raise AssertionError(step)

    async def with_task(self, me: Any, step: Await | Cancel | WaitForTask, task: Any) -> None:
        match step:
            case Cancel(number, message):
                me.says(f"cancels t{number}: {self.cancel(me, task, message)}")
            case Await(number, shielded):
                value = await (self.shield if shielded else self.wait)(me, task)
                me.says(f"t{number} gave {value}")
            case WaitForTask(number, delay):
                value = await self.wait_for_task(me, delay, task)
                me.says(f"t{number} gave {value} in time")

    async def attempt(self, me: Any, step: Try) -> None:
        try:
            try:
                await self.block(me, step.block)
            except self.catchable.get(step.catches or "", ()) as error:
                me.says(f"caught {described(error)}")
                await self.block(me, step.handler)
                if step.reraises:
                    raise
        finally:
            await self.block(me, step.cleanup)

    # -- what the libraries do -----------------------------------------------------------

    def coroutine(self, body: Body) -> Coroutine[Any, Any, int]:
        return self.life(Me(body.number), body)

    def spawn(self, me: Any, body: Body) -> Any:
        return self.names.create_task(self.coroutine(body))

    async def sleep(self, me: Any, delay: float) -> None:
        await self.names.sleep(delay)

    def cancel(self, me: Any, task: Any, message: str | None) -> bool:
        done: bool = task.cancel(message)
        return done

    async def wait(self, me: Any, task: Any) -> int:
        value: int = await task
        return value

    async def shield(self, me: Any, task: Any) -> int:
        value: int = await self.names.shield(task)
        return value

    def limit(self, me: Any, delay: float) -> AbstractAsyncContextManager[object]:
        limit: AbstractAsyncContextManager[object] = self.names.timeout(delay)
        return limit

    async def wait_for_task(self, me: Any, delay: float, task: Any) -> int:
        value: int = await self.names.wait_for(task, delay)
        return value

    async def wait_for_block(self, me: Any, delay: float, block: Block) -> None:
        await self.names.wait_for(self.block(me, block), delay)

    async def group(self, me: Any, step: Group) -> None:
        async with self.names.TaskGroup() as group:
            for body in step.children:
                self.tasks[body.number] = group.create_task(self.coroutine(body))
            await self.block(me, step.block)

    async def gather(self, me: Any, step: Gather) -> list[object]:
        aws = [self.coroutine(body) for body in step.children]
        if step.task in self.tasks:
            aws.append(self.tasks[step.task])
        values: list[object] = await self.names.gather(
            *aws, return_exceptions=step.return_exceptions
        )
        return values

    def protected(self, me: Any) -> AbstractContextManager[object]:
        return self.library.protected()


def state(task: Any) -> str:
    """What anyone can ask of a task without retrieving a failure."""
    if not task.done():
        return "pending"
    if not task.cancelled():
        return "done"
    try:
        task.result()
    except _CANCELLATIONS as error:
        return f"cancelled {error.args}"
    raise AssertionError(f"{task!r} is cancelled and has a result")


def shown(value: object) -> str:
    return described(value) if isinstance(value, BaseException) else str(value)


def described(error: BaseException) -> str:
    """The exception without what is declared to differ."""
    if isinstance(error, BaseExceptionGroup):
        return f"group of {sorted(map(described, error.exceptions))}"
    if isinstance(error, _CANCELLATIONS):
        return "cancelled"
    return f"{type(error).__name__}{error.args}"


def strip(error: BaseException) -> None:
    """Take away what else an exception carries: causes and notes may hold cancellations."""
    error.__cause__ = None
    error.__dict__.pop("__notes__", None)
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            strip(member)
