"""What one run of one test needs to know, and how a test is told that it asks too much.

A test of asyncio may ask for things that are asyncio's alone: the event loop object, its
private attributes, a second loop. The stand-ins in this package answer what portable can
answer and *refuse* the rest, by name, so that "not applicable" is a fact about the test and
not somebody's opinion of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

import portable
from portable.clock import VirtualClock


class NotApplicableError(Exception):
    """The test needs an API that portable does not stand for.

    Attributes:
        api: the name of what it asked for.
    """

    def __init__(self, api: str) -> None:
        super().__init__(f"needs {api}")
        self.api = api


@dataclass
class Stage:
    """One run of one test on one backend."""

    method: str
    backend: str
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(start=None))
    director: portable.Task[Any] | None = None
    """The task that runs the lines a test writes outside of any coroutine."""
    loops: list[object] = field(default_factory=list)
    """The event loops that the test asked for; it works with the first, or the only other."""
    judged: bool = False
    """Whether the test has used anything of portable's."""
    refused: list[str] = field(default_factory=list)
    """The APIs that were asked for in vain."""

    def clear(self) -> None:
        """Let go of the test's own objects."""
        self.director = None
        self.loops.clear()


_stages: list[Stage] = []


def enter(stage: Stage) -> None:
    _stages.append(stage)


def leave() -> None:
    _stages.pop()


def current() -> Stage:
    return _stages[-1]


def playing() -> bool:
    """Return whether a test is being run, and not merely loaded."""
    return bool(_stages)


def judged() -> None:
    """Take note that the test judges portable, and not a stand-in alone."""
    if playing():
        current().judged = True


def offstage() -> bool:
    """Return whether this code stands where, in asyncio, no event loop would be running."""
    return portable.current_task() is current().director


def refuse(api: str) -> NoReturn:
    """Tell the test, and whoever judges it, that this is asyncio's alone."""
    if playing():
        current().refused.append(api)
    raise NotApplicableError(api)


class Refusal:
    """Stands for a name of asyncio's that portable does not stand for."""

    def __init__(self, api: str) -> None:
        self._api = api

    def __call__(self, *args: object, **kwargs: object) -> NoReturn:
        refuse(self._api)

    def __getattr__(self, name: str) -> NoReturn:
        if name.startswith("__"):
            raise AttributeError(name)
        refuse(f"{self._api}.{name}")

    def __set_name__(self, owner: type, name: str) -> None:
        """Allow one as a class attribute."""
