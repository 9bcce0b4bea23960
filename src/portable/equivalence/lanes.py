"""The lanes of a page: a column of one character for each task, and the sign in it at a moment.

A task has a lane from its start to its end; then another one may have it. Tasks that find none
are shown by their numbers alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .task_marks import Kind, TaskLane, TaskMark, short_place
from .trace import Observation, Trace

SIGNS = {
    "s": "it starts",
    "o": "it shows a line",
    "|": "it may run",
    "w": "it waits from here on",
    ":": "it waits",
    "c": "it is cancelled",
    "e": "it ends",
}
_LANES = 12
_NAMED = 6
_SAID: dict[Kind, str] = {
    "start": "starts",
    "wait": "waits",
    "cancel": "is cancelled",
    "end": "ends",
}


@dataclass(frozen=True, slots=True)
class Changes:
    """What becomes of tasks at a moment, the same for all of them.

    Attributes:
        kind: what it is.
        time: when.
        tasks: the tasks, by their place among those of the trace.
        text: the same in words.
    """

    kind: Kind
    time: float
    tasks: tuple[int, ...]
    text: str


class Lanes:
    """The lanes of one trace, to be gone through from the beginning.

    Args:
        trace: the trace.
    """

    def __init__(self, trace: Trace) -> None:
        self._tasks = trace.lanes
        self._place = {id(seen): place for place, seen in enumerate(trace.observations)}
        self._task_of = {
            lane.writer: task
            for task, lane in enumerate(trace.lanes)
            if lane.writer is not None
        }
        marks = [(mark, task) for task, lane in enumerate(trace.lanes) for mark in lane.marks]
        marks.sort(key=lambda one: one[0].order)
        self._to_come = list(_grouped(marks, trace.lanes))
        self._next = 0
        self._signs: dict[int, str] = {}
        self._time = 0.0
        self._column = _columns(self._to_come)
        self.width: int = max(3, *(column + 1 for column in self._column.values()), 0)

    def changes(self, *, before: Observation | None, time: float) -> Iterator[Changes]:
        """Yield what becomes of tasks before a thing is shown, or before a time."""
        place = None if before is None else self._place[id(before)]
        while self._next < len(self._to_come):
            after, change = self._to_come[self._next]
            due = change.time < time if place is None else after <= place
            if not due:
                return
            self._next += 1
            yield change

    def show(self, change: Changes | None, time: float) -> str:
        """Return the signs for a change, which holds from now on; for none: of the moment."""
        self._move(time)
        tasks = () if change is None else change.tasks
        kind = "" if change is None else change.kind
        for task in tasks:
            self._signs[task] = kind[0]
        row = self._row()
        for task in tasks:
            if kind == "end":
                del self._signs[task]
            else:
                self._signs[task] = ":" if kind == "wait" else "|"
        return row

    def at(self, seen: Observation | None, time: float) -> str:
        """Return the signs for a line; for none: those of the moment."""
        self._move(time)
        task = None if seen is None or seen.writer is None else self._task_of.get(seen.writer)
        if task is None or task not in self._signs:
            return self._row()
        self._signs[task] = "o"
        row = self._row()
        self._signs[task] = "|"
        return row

    def _move(self, time: float) -> None:
        """Go on to a time; where it moves, all wait."""
        if time > self._time:
            self._time = time
            self._signs = dict.fromkeys(self._signs, ":")

    def _row(self) -> str:
        signs = [" "] * self.width
        for task, sign in self._signs.items():
            if task in self._column:
                signs[self._column[task]] = sign
        return "".join(signs)


def _grouped(
    marks: list[tuple[TaskMark, int]], lanes: tuple[TaskLane, ...]
) -> Iterator[tuple[int, Changes]]:
    """Yield changes with how many things were seen before; neighbours of a kind as one."""
    at = 0
    while at < len(marks):
        first, _ = marks[at]
        to = at
        while to < len(marks) and _alike(first, marks[to][0]):
            to += 1
        some = marks[at:to]
        said = list(dict.fromkeys(_named(lanes[task]) for _, task in some))
        text = f"{_SAID[first.kind]}: {', '.join(said[:_NAMED])}"
        if len(said) > _NAMED:
            text += f" and {len(said) - _NAMED} more"
        if first.where is not None:
            text += f" ({short_place(first.where)})"
        tasks = tuple(task for _, task in some)
        yield first.after, Changes(first.kind, first.time, tasks, text)
        at = to


def _alike(one: TaskMark, other: TaskMark) -> bool:
    return (one.kind, one.time, one.after, one.where) == (
        other.kind,
        other.time,
        other.after,
        other.where,
    )


def _named(lane: TaskLane) -> str:
    return lane.name if lane.writer is None else f"#{lane.writer} {lane.name}"


def _columns(changes: list[tuple[int, Changes]]) -> dict[int, int]:
    """Return the columns of tasks: the first that is free when it starts."""
    taken: dict[int, int] = {}
    columns: dict[int, int] = {}
    for _, change in changes:
        for task in change.tasks:
            if change.kind == "end":
                taken = {column: one for column, one in taken.items() if one != task}
            elif task not in columns:
                free = [column for column in range(_LANES) if column not in taken]
                if free:
                    columns[task] = free[0]
                    taken[free[0]] = task
    return columns
