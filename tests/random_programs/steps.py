"""What a random program is made of, and how it reads as text.

A program is a tree of steps. Each coroutine in it (`Body`) has a number, by which other
steps name the task that runs it and by which its lines are told apart; main is number 0.
The text is close to the Python that the interpreters run, so that a program that fails can
be read, and typed in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class Step:
    """One statement."""

    def text(self) -> Iterator[str]:
        """The lines of the statement."""
        raise NotImplementedError

    def parts(self) -> Iterator[Step | Body]:
        """The steps and coroutines inside of it."""
        yield from ()


Block = tuple[Step, ...]


@dataclass(frozen=True)
class Body:
    """A coroutine: its steps, and then its number as the result."""

    number: int
    block: Block

    def text(self) -> Iterator[str]:
        yield f"async def t{self.number}():"
        yield from indented(self.block)
        yield f"    return {self.number}"

    def parts(self) -> Iterator[Step | Body]:
        yield from self.block


@dataclass(frozen=True)
class Say(Step):
    word: int

    def text(self) -> Iterator[str]:
        yield f"print({self.word})"


@dataclass(frozen=True)
class Sleep(Step):
    delay: float

    def text(self) -> Iterator[str]:
        yield f"await sleep({self.delay!r})"


@dataclass(frozen=True)
class Raise(Step):
    word: int

    def text(self) -> Iterator[str]:
        yield f"raise Boom({self.word})"


@dataclass(frozen=True)
class Spawn(Step):
    """Start a task that nothing but the end of the program ends."""

    body: Body

    def text(self) -> Iterator[str]:
        yield from self.body.text()
        yield f"task{self.body.number} = create_task(t{self.body.number}())"

    def parts(self) -> Iterator[Step | Body]:
        yield self.body


@dataclass(frozen=True)
class Await(Step):
    """Await a task; with `shielded`, through `shield`."""

    task: int
    shielded: bool = False

    def text(self) -> Iterator[str]:
        yield f"await shield(task{self.task})" if self.shielded else f"await task{self.task}"


@dataclass(frozen=True)
class Cancel(Step):
    task: int
    message: str | None

    def text(self) -> Iterator[str]:
        yield f"print(task{self.task}.cancel({self.message!r}))"


@dataclass(frozen=True)
class Limit(Step):
    """`async with timeout(...)` around some steps."""

    delay: float
    block: Block

    def text(self) -> Iterator[str]:
        yield f"async with timeout({self.delay!r}):"
        yield from indented(self.block)

    def parts(self) -> Iterator[Step | Body]:
        yield from self.block


@dataclass(frozen=True)
class WaitForTask(Step):
    task: int
    delay: float

    def text(self) -> Iterator[str]:
        yield f"await wait_for(task{self.task}, {self.delay!r})"


@dataclass(frozen=True)
class WaitForBlock(Step):
    """`wait_for` with a coroutine, which is no task of its own and has no number."""

    delay: float
    block: Block

    def text(self) -> Iterator[str]:
        yield "async def inner():"
        yield from indented(self.block)
        yield f"await wait_for(inner(), {self.delay!r})"

    def parts(self) -> Iterator[Step | Body]:
        yield from self.block


@dataclass(frozen=True)
class Group(Step):
    """A `TaskGroup` that starts its tasks first and then does something itself."""

    children: tuple[Body, ...]
    block: Block

    def text(self) -> Iterator[str]:
        yield "async with TaskGroup() as group:"
        for child in self.children:
            yield from ("    " + line for line in child.text())
            yield f"    task{child.number} = group.create_task(t{child.number}())"
        yield from indented(self.block)

    def parts(self) -> Iterator[Step | Body]:
        yield from self.children
        yield from self.block


@dataclass(frozen=True)
class Gather(Step):
    """`gather` of coroutines, and maybe of a task that stands elsewhere."""

    children: tuple[Body, ...]
    task: int | None
    return_exceptions: bool

    def text(self) -> Iterator[str]:
        for child in self.children:
            yield from child.text()
        aws = [f"t{child.number}()" for child in self.children]
        if self.task is not None:
            aws.append(f"task{self.task}")
        if self.return_exceptions:
            aws.append("return_exceptions=True")
        yield f"print(await gather({', '.join(aws)}))"

    def parts(self) -> Iterator[Step | Body]:
        yield from self.children


@dataclass(frozen=True)
class Protect(Step):
    """Steps that a cancellation shall not interrupt: plain code under asyncio."""

    block: Block

    def text(self) -> Iterator[str]:
        yield "with CancelScope(shield=True):"
        yield from indented(self.block)

    def parts(self) -> Iterator[Step | Body]:
        yield from self.block


@dataclass(frozen=True)
class Try(Step):
    """`try` with one `except` clause, if `catches` names what it catches, and `finally`."""

    block: Block
    catches: str | None
    handler: Block
    reraises: bool
    cleanup: Block

    def text(self) -> Iterator[str]:
        yield "try:"
        yield from indented(self.block)
        if self.catches is not None:
            yield f"except {self.catches} as error:"
            yield "    print(error)"
            yield from indented((*self.handler,)) if self.handler else ()
            if self.reraises:
                yield "    raise"
        if self.cleanup or self.catches is None:
            yield "finally:"
            yield from indented(self.cleanup)

    def parts(self) -> Iterator[Step | Body]:
        yield from self.block
        yield from self.handler
        yield from self.cleanup


def indented(block: Block) -> Iterator[str]:
    """The lines of a block one level further in; `pass` where it is empty."""
    lines = [line for step in block for line in step.text()]
    yield from ("    " + line for line in lines or ["pass"])


@dataclass(frozen=True)
class RandomProgram:
    """A whole program."""

    main: Body

    def __repr__(self) -> str:
        return "\n" + "\n".join(self.main.text())

    def walk(self) -> Iterator[Step | Body]:
        """Every step and coroutine, in the order of the text."""
        waiting: list[Step | Body] = [self.main]
        while waiting:
            part = waiting.pop()
            yield part
            waiting += reversed(list(part.parts()))

    @property
    def size(self) -> int:
        """How many steps it has."""
        return sum(isinstance(part, Step) for part in self.walk())
