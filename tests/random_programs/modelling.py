"""What the model is made of: scopes, tasks and their owners, and a loop that dawdles."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from .interpreting import Me, TaskCancelled

Future = asyncio.Future[None]

MESSAGE = "message"
"""The note that asyncio tells another message, or none, of a cancellation in rare cases."""


@dataclass
class Notes:
    """What the model has to say of a program beside its trace."""

    differences: set[str] = field(default_factory=set)
    """The declared differences it has met."""
    free: bool = False
    """Whether what happens depends on the order of tasks in an instant (D7)."""


class Scope:
    """A part of a program that can be cancelled, and everything inside it with it."""

    def __init__(self, parent: Scope | None, *, shielded: bool = False) -> None:
        self.parent = parent
        self.cancelled = False
        self.shielded = shielded
        self.has_no_time = False

    def effective(self) -> bool:
        """Whether code in this scope is cancelled: at every `await` (D1)."""
        scope: Scope | None = self
        while scope is not None:
            if scope.cancelled:
                return True
            scope = None if scope.shielded else scope.parent
        return False

    def hurries(self) -> bool:
        """Whether a time limit of zero is somewhere around."""
        return self.has_no_time or (self.parent is not None and self.parent.hurries())


class Owner:
    """What a task belongs to: the run, a group, or a gather()."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.failed: list[Job] = []
        self.stands_and_falls = False
        self.caller: Job | None = None
        """Whoever has called the gather(), with whom its tasks fall."""

    def ends_what_has_not_begun(self) -> bool:
        """Whether a task that has not begun never shall."""
        return self.scope.cancelled if self.caller is None else self.scope.effective()


class Job(Me):
    """A task of the model."""

    def __init__(self, number: int, owner: Owner) -> None:
        super().__init__(number)
        self.owner = owner
        self.root = self.scope = Scope(owner.scope)
        self.begun = self.requested = self.told = False
        self.message: str | None = None
        self.ended: Future = asyncio.get_running_loop().create_future()
        self.watchers: list[Callable[[Job], object]] = []
        self.waits_for: list[Future] = []
        self.poke: asyncio.Future[bool] | None = None
        self.value: int | None = None
        self.error: BaseException | None = None
        self.cancel_args: tuple[object, ...] | None = None

    def done(self) -> bool:
        return self.ended.done()

    def cancelled(self) -> bool:
        return self.cancel_args is not None

    def result(self) -> int | None:
        if self.cancel_args is not None:
            raise TaskCancelled(*self.cancel_args)
        if self.error is not None:
            raise self.error
        return self.value

    def request_message(self) -> str | None:
        """What it was cancelled with, if it was told one."""
        if self.requested or self.owner.caller is None:
            return self.message if self.requested else None
        return self.owner.caller.request_message()


def args(message: str | None) -> tuple[object, ...]:
    return () if message is None else (message,)


def dawdle(random: Random) -> None:
    """Let each callback of the running loop wait for a random number of turns.

    Half of the time only timers wait, and long: then what one timer sets off is over, however
    many tasks it goes through, before another of the same instant strikes.
    """
    loop = asyncio.get_running_loop()
    soon, later = loop.call_soon, loop.call_later
    only_timers = random.random() < 0.5

    def call_soon(callback: Callable[..., object], *args: Any, **options: Any) -> Any:
        turns = 0 if only_timers else random.choice((0, 0, 0, 1, 2, 5, 12))
        return soon(take_turn, turns, callback, args, **options)

    def call_later(delay: float, callback: Callable[..., object], *args: Any) -> Any:
        turns = random.choice((0, 0, 100, 200)) if only_timers and delay > 0 else 0
        return later(delay, take_turn, turns, callback, args)

    def take_turn(turns: int, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        if turns:
            soon(take_turn, turns - 1, callback, args)
        else:
            callback(*args)

    loop.call_soon = call_soon  # type: ignore[method-assign]
    loop.call_later = call_later  # type: ignore[method-assign]
