"""The marks of tasks, for the lanes of a page: when each starts, waits, is cancelled and ends.

Marks are not compared. A loop reports each task that it makes. Whether one waits, was cancelled
or has ended is looked up each time something is seen, and before time moves on, so the program
runs as it does without. Tasks are held weakly: one that is kept alive can no longer say that it
was destroyed.
"""

from __future__ import annotations

import asyncio
import re
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from portable.clock._stacks import module, place

Kind = Literal["start", "wait", "cancel", "end"]

_MOST_ALIVE = 64  # a look takes time for each of them, and a page has few lanes
_MOST_MARKS = 2000
_MACHINERY = ("shutdown_asyncgens", "shutdown_default_executor")  # a runner's own, at its end
_NAME_OF_ASYNCIO = re.compile(r"Task-\d+")


@dataclass(frozen=True, slots=True)
class TaskMark:
    """What became of a task at one moment.

    Attributes:
        kind: `start`, `wait`, `cancel` or `end`.
        time: virtual seconds since the run began.
        after: how many things had been seen by then.
        order: how many marks there were by then.
        where: the line at which it waits.
    """

    kind: Kind
    time: float
    after: int
    order: int
    where: str | None = None


@dataclass(frozen=True, slots=True)
class TaskLane:
    """One task of a run.

    Attributes:
        name: what it runs.
        writer: its number among those that have shown something; `None`: it has shown nothing.
        marks: what became of it.
    """

    name: str
    writer: int | None
    marks: tuple[TaskMark, ...]


@dataclass(slots=True)
class _Followed:
    task: weakref.ref[object]
    name: str
    coro: weakref.ref[object] | None
    writer: int | None = None
    marks: list[TaskMark] = field(default_factory=list)
    ended: bool = False
    cancelled: int = 0  # the requests at the last look


class TaskMarks:
    """Follows the tasks of one run.

    Args:
        now: returns the virtual time.
        seen: returns how many things were seen.
        writer: returns the number of a task among those that have shown something.
    """

    def __init__(
        self,
        now: Callable[[], float],
        seen: Callable[[], int],
        writer: Callable[[object], int | None],
    ) -> None:
        self._now = now
        self._seen = seen
        self._writer = writer
        self._all: list[_Followed] = []
        self._alive: list[_Followed] = []
        self._marks = 0

    def started(self, task: object) -> None:
        """Record a task that was made."""
        self.look()  # another one's end comes first
        full = len(self._alive) >= _MOST_ALIVE or self._marks >= _MOST_MARKS
        if full or any(one.task() is task for one in self._alive):
            return
        coro = _coro(task)
        name = _name(task, coro)
        if name in _MACHINERY or _is_ours(coro):
            return
        found = _Followed(weakref.ref(task), name, _reference(coro))
        self._all.append(found)
        self._alive.append(found)
        self._mark(found, "start")

    def woken(self, task: object) -> None:
        """Record the cancellation of a task that is to go on, if it was cancelled.

        AnyIO may uncancel the task again before anything is seen.
        """
        if isinstance(task, asyncio.Task) and task.cancelling():
            for one in self._alive:
                if one.task() is task:
                    self._cancel(one, task)

    def cancelled(self, task: object) -> None:
        """Record a task of trio's that is cancelled."""
        for one in self._alive:
            if one.task() is task:
                self._mark(one, "cancel")

    def ended(self, task: object) -> None:
        """Record a task that has ended."""
        for one in self._alive:
            if one.task() is task:
                self._end(one)
        self._alive = [one for one in self._alive if not one.ended]

    def look(self, *, waiting: bool = False) -> None:
        """Record what has become of the tasks.

        Args:
            waiting: whether all of them wait now.
        """
        for one in self._alive:
            task = one.task()
            if task is not None and one.writer is None:
                one.writer = self._writer(task)
            if isinstance(task, asyncio.Task):
                self._cancel(one, task)
                if task.done():
                    self._end(one)
            elif task is None:
                self._end(one)
            if waiting and not one.ended:
                self._wait(one)
        self._alive = [one for one in self._alive if not one.ended]

    def lanes(self) -> tuple[TaskLane, ...]:
        """Return what was seen of each task, in the order in which they were made."""
        return tuple(TaskLane(one.name, one.writer, tuple(one.marks)) for one in self._all)

    def _cancel(self, one: _Followed, task: asyncio.Task[object]) -> None:
        if task.cancelling() > one.cancelled:
            self._mark(one, "cancel")
        one.cancelled = task.cancelling()

    def _wait(self, one: _Followed) -> None:
        coro = None if one.coro is None else one.coro()
        where = None if coro is None else place(coro)
        last = one.marks[-1]
        if last.kind != "wait" or where != last.where:
            self._mark(one, "wait", where)

    def _end(self, one: _Followed) -> None:
        one.ended = True
        task = one.task()
        if one.writer is None and task is not None:
            one.writer = self._writer(task)
        known = any(mark.kind == "cancel" for mark in one.marks)
        if isinstance(task, asyncio.Task) and task.cancelled() and not known:
            self._mark(one, "cancel")
        self._mark(one, "end")

    def _mark(self, one: _Followed, kind: Kind, where: str | None = None) -> None:
        one.marks.append(TaskMark(kind, self._now(), self._seen(), self._marks, where))
        self._marks += 1


def short_place(where: str) -> str:
    """Return `line N of FILE` for a place in a program."""
    file, _, rest = where.rpartition(":")
    return f"line {rest.partition(',')[0]} of {PurePath(file).name}"


def _name(task: object, coro: object) -> str:
    """Return what a task was called, by the program or by AnyIO; else what it runs."""
    name = task.get_name() if isinstance(task, asyncio.Task) else getattr(task, "name", "")
    if not name or _NAME_OF_ASYNCIO.fullmatch(name):
        name = str(getattr(coro, "__qualname__", type(coro).__name__))
    return str(name).rpartition(".")[2]


def _is_ours(coro: object) -> bool:
    """Say whether it is what the loop on trio runs at its end."""
    frame = getattr(coro, "cr_frame", None)
    return frame is not None and module(frame).startswith("portable.asyncio_on_trio")


def _coro(task: object) -> object:
    if isinstance(task, asyncio.Task):
        return task.get_coro()
    return getattr(task, "coro", None)


def _reference(coro: object) -> weakref.ref[object] | None:
    try:
        return weakref.ref(coro)
    except TypeError:
        return None
