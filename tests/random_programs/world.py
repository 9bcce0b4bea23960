"""What the tasks of one random program share: asyncio's and AnyIO's objects, and the log.

Tasks and scopes are kept in numbered slots, so that a statement can name one that another
statement made. The log says what each task did, and when. Labels of tasks tell who started
them (`m.2.1`: the first that the second of main's started); they depend on nothing else.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import re
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from typing import Any

import anyio
import trio

VAR: contextvars.ContextVar[int] = contextvars.ContextVar("VAR", default=0)

#: What AnyIO on asyncio says in the message of each of its cancellations.
_SCOPES_MESSAGE = "Cancelled via cancel scope"


class Oops(Exception):
    """What programs raise."""


def by_scope(message: object) -> bool:
    """Say whether a cancellation on asyncio is one of AnyIO's, by its message."""
    return isinstance(message, str) and message.startswith(_SCOPES_MESSAGE)


def is_cancellation(error: BaseException) -> bool:
    """Say whether this is asyncio's cancellation or trio's."""
    return isinstance(error, (asyncio.CancelledError, trio.Cancelled))


def is_native(error: BaseException) -> bool:
    """Say, in the task it came to, whether a cancellation is asyncio's own and no scope's."""
    if not isinstance(error, asyncio.CancelledError) or isinstance(error, trio.Cancelled):
        return False
    on_asyncio = anyio.get_cancelled_exc_class() is asyncio.CancelledError
    return not (on_asyncio and anyio.current_effective_deadline() == float("-inf"))


class World:
    """What the tasks of one run share.

    Args:
        program: the statements of main.
        mixed: whether AnyIO's statements are among them. Only what has to be equal is
            written down then: no messages and counts of cancellations.
    """

    def __init__(self, program: tuple[Any, ...], *, mixed: bool) -> None:
        self.mixed = mixed
        self.make_eagerly: Callable[[Any], asyncio.Future[Any]]
        self.log: list[tuple[Any, ...]] = []
        self.told: list[tuple[Any, ...]] = []
        self.made: dict[str, asyncio.Future[Any]] = {}
        self.slots: dict[int, asyncio.Future[Any]] = {}
        self.timeouts: dict[int, asyncio.Timeout] = {}
        self.scopes: dict[int, anyio.CancelScope] = {}
        self.asked: set[asyncio.Future[Any]] = set()
        self._born: dict[object, int] = {}
        self._births = itertools.count()
        self._children: defaultdict[str, int] = defaultdict(int)
        self._numbers = {id(node): number for number, node in enumerate(nodes(program))}
        self._program = program  # keeps the ids above true

    def open(self) -> None:
        """Make the objects; inside the run."""
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(self._tell)
        self.queues = [asyncio.Queue[Any](1), asyncio.Queue[Any](), asyncio.LifoQueue[Any](2)]
        self.locks: dict[str, Any] = {
            "lock": asyncio.Lock(),
            "semaphore": asyncio.Semaphore(1),
            "condition": asyncio.Condition(),
            "anyio": anyio.Lock(),
        }
        self.condition = self.locks["condition"]
        self.events = [asyncio.Event(), asyncio.Event()]
        self.anyio_events = [anyio.Event(), anyio.Event()]
        self.streams = [
            anyio.create_memory_object_stream[Any](0),
            anyio.create_memory_object_stream[Any](1),
        ]
        self.futures = [self.loop.create_future() for _ in range(3)]
        self.barrier = asyncio.Barrier(2)

    def close(self) -> None:
        """Forget them, so that what is collected next says what it has to say."""
        for stream in self.streams:
            for end in stream:
                with suppress(RuntimeError):  # the loop is closed already
                    end.close()
        for kept in (self.made, self.slots, self.timeouts, self.scopes, self.asked, self._born):
            kept.clear()
        self.futures.clear()

    # The log -------------------------------------------------------------------------------

    def note(self, who: str, *what: Any) -> None:
        if not self._is_broken_off():
            self.log.append((who, self.loop.time(), *what))

    def _is_broken_off(self) -> bool:
        """Say whether a deadlock has ended a run of both languages in the midst of clean-ups.

        They are the clean-ups of tasks that were cancelled in vain till the end. asyncio
        leaves them where they wait, and closes the loop; what they do then they do as garbage.
        trio ends no run before its tasks: who waits there is cancelled, and goes on.
        """
        loop: Any = self.loop
        is_over = loop.is_closed() or getattr(loop, "ending", False)
        return self.mixed and is_over and self.is_immortal()

    def is_immortal(self) -> bool:
        """Say whether something was left that no cancellation ended."""
        return any(what and what[0] == "immortal" for _, _, *what in self.log)

    def finely(self, *what: Any) -> tuple[Any, ...]:
        """What is noted of programs in asyncio's names alone."""
        return () if self.mixed else what

    def describe(self, error: BaseException | None) -> Any:
        if self.mixed and error is not None and is_cancellation(error):
            return "cancelled"
        if isinstance(error, BaseExceptionGroup):
            errors = [self.describe(member) for member in error.exceptions]
            return "a group", sorted(errors, key=repr) if self.mixed else errors
        return None if error is None else f"{type(error).__name__}{error.args!r}"

    def outcome(self, future: asyncio.Future[Any]) -> Any:
        if not future.done():
            return "pending"
        if future.cancelled():
            return "cancelled"
        error = future.exception()
        return self.describe(error) if error is not None else future.result()

    def _tell(self, _: object, context: dict[str, Any]) -> None:
        message = re.sub("0x[0-9a-f]+|<.*>", "", context["message"])
        self.told.append((message, self.describe(context.get("exception"))))

    # Tasks ---------------------------------------------------------------------------------

    async def run(self, who: str, block: tuple[Any, ...]) -> None:
        for statement in block:
            await statement.run(self, who)

    async def body(self, who: str, block: tuple[Any, ...]) -> str:
        """Run a block as the whole of a task."""
        VAR.set(VAR.get() + 1)
        self.note(who, "begins", *self.finely(VAR.get()))
        try:
            await self.run(who, block)
        except BaseException as error:
            self.note(
                who,
                "raises",
                self.describe(error),
                *self.finely(self.describe(error.__context__)),
            )
            raise
        task = asyncio.current_task()
        self.note(who, "ends", *self.finely(task.cancelling() if task is not None else None))
        return who

    async def plain_body(self, who: str, block: tuple[Any, ...]) -> None:
        """Run a block as a child of an AnyIO group.

        What is asyncio's cancellation, of a future it awaited say, ends it quietly: AnyIO's
        groups make different things of that on their backends.
        """
        try:
            await self.body(who, block)
        except asyncio.CancelledError as error:
            if not is_native(error):
                raise

    def child(self, who: str) -> str:
        """Return the label of the next child of a task."""
        self._children[who] += 1
        label = f"{who}.{self._children[who]}"
        self._born[label] = next(self._births)
        return label

    def coro(self, who: str, block: tuple[Any, ...]) -> Any:
        return self.body(self.child(who), block)

    def keep(self, slot: int, who: str, task: asyncio.Future[Any]) -> None:
        """Put the task that `who` has just started into a slot."""
        label = f"{who}.{self._children[who]}"
        self.made[label] = self.slots[slot] = task
        self._born[task] = self._born[label]

    def later(self, slot: int, who: str) -> asyncio.Future[Any] | None:
        """Return the task of a slot if it is younger than `who`: nobody awaits in circles."""
        task = self.slots.get(slot)
        if task is None or self._born[task] <= self._born.get(who, -1):
            return None
        return task

    def label(self, future: object) -> str:
        return next((label for label, task in self.made.items() if task is future), "?")

    def limit(self, statement: object, seconds: float | None) -> float | None:
        """Return the time limit of a statement; there may be none, or no time at all."""
        return self.delay(statement, seconds) if seconds else seconds

    def delay(self, statement: object, seconds: float) -> float:
        """Return how long a statement waits.

        No two of a mixed program's wait equally long, and no sums of their times are equal:
        trio leaves the order of what ends at the same time free.
        """
        if not self.mixed:
            return seconds
        return seconds + 2.0 ** -(4 + self._numbers[id(statement)] % 40)


def nodes(tree: Any) -> Any:
    """Yield the statements of a program."""
    if isinstance(tree, tuple):
        for part in tree:
            yield from nodes(part)
    elif is_dataclass(tree):
        yield tree
        for field in fields(tree):
            yield from nodes(getattr(tree, field.name))
