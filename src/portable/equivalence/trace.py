"""Step 3: what was seen of one run, in a form that two runs can be compared in.

A `Trace` is a sequence of `Observation`s; what a run has beside lines and records (its
outcome, the tasks it left running) stands in that sequence as well, so a comparison has one
kind of thing to look at. Texts are made free of what differs between two runs of the *same*
program: object addresses, source positions, the nesting of functions. Times are rounded
to a nanosecond: adding floats in another order is no difference anyone can see.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from math import inf
from typing import Any, Literal

from portable._errors import DeadlockError
from portable.clock._taken import Taken

from .causality import NOBODY
from .noise import normalised, raised_at
from .task_marks import TaskLane

Stream = Literal[
    "stdout",
    "stderr",
    "log",
    "warning",
    "unraisable",
    "thread",
    "blocking",
    "tasks",
    "threads",
    "children",
    "files",
    "outcome",
]

Written = Literal["stdout", "stderr"]
"""The streams that hold lines."""

BESIDE_PYTHON = "what is written past Python, files and child processes"
"""In `Trace.unseen` of a run that had no process of its own."""

DRAWS = "which task draws which number from `random`"
"""In `Trace.unseen` of a run that drew numbers from the one generator that all share."""

_SHOWN = 60

# What a task group says by itself is worded by the library below it.
_GROUP_MESSAGES = {"Exceptions from Trio nursery": "unhandled errors in a TaskGroup"}


def rounded(time: float) -> float:
    """Return a virtual time as traces hold it: to the nanosecond."""
    return round(time, 9)


def shown(value: object) -> str:
    """Return the normalised `repr` of a value, whatever that `repr` does."""
    try:
        return normalised(repr(value))
    except Exception as error:
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"


def shortened(text: str) -> str:
    """Return so much of a text as there is room for within a sentence."""
    first, *more = text.split("\n")
    return first[:_SHOWN] + ("..." if more or len(first) > _SHOWN else "")


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that someone outside of the program can see, at a virtual time.

    Attributes:
        time: virtual seconds since the run began.
        stream: where it was seen: `stdout` and `stderr` (a line), `log` (a record),
            `warning`, `unraisable` (an error Python could only report), `thread` (an error
            that ended a thread), `blocking` (how long the loop stood still), `tasks` (left
            running when main ended), `threads` (left running at the end), `children` (the
            same, or ended with another code than 0), `files` (left below the working
            directory), `outcome`.
        text: what was seen.
        ended: `False` for text on `stdout` or `stderr` that no newline followed before
            time or another task went on.
        writer: which task it came from, by order of first appearance; `None` if no task
            can be told. No part of what is compared, as it means nothing across runs: it
            says which lines have an order of their own.
        details: more lines for whoever reads a report; no part of what is compared either.
        after: how many things each writer had shown that had to come before this one, of
            those of the same instant, itself included; empty where that is not known.
    """

    time: float
    stream: Stream
    text: str
    ended: bool = True
    writer: int | None = field(default=None, compare=False)
    details: tuple[str, ...] = field(default=(), compare=False)
    after: Mapping[int, int] = field(default_factory=dict, compare=False, repr=False)

    def has_to_follow(self, other: Observation) -> bool:
        """Whether this one came because of another of the same instant and run."""
        own = other.after.get(other.who, 0)
        return 0 < own <= self.after.get(other.who, 0)

    @property
    def who(self) -> int:
        """The writer as a number, `NOBODY` if no task can be told."""
        return NOBODY if self.writer is None else self.writer

    @property
    def what(self) -> tuple[Stream, str]:
        """Its stream and text, without its time."""
        return self.stream, self.text

    @property
    def quoted(self) -> str:
        """Its text in quotes, for a sentence; behind the stream if that is not stdout."""
        text = repr(shortened(self.text))
        return text if self.stream == "stdout" else f"[{self.stream}] {text}"

    def __str__(self) -> str:
        end = "" if self.ended else " (no newline)"
        return f"{self.time!r} s  {self.stream}  {self.text}{end}"


def contents(observations: Iterable[Observation]) -> Counter[tuple[Stream, str]]:
    """Return how often each thing was seen, at any time."""
    return Counter(seen.what for seen in observations)


@dataclass(frozen=True, slots=True)
class ExceptionShape:
    """What of an exception is compared: the class by its name, arguments, notes, cause, group.

    Classes compare by `__name__`: one that a program defines itself lives in another place
    in its port. The members of a group have no order. Of a deadlock only the class counts: the
    names of tasks that wait differ from backend to backend, and are in `details`.
    The place `where` it was raised does not count.
    """

    name: str
    args: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cause: ExceptionShape | None = None
    members: tuple[ExceptionShape, ...] = ()
    details: tuple[str, ...] = field(default=(), compare=False)
    where: str | None = field(default=None, compare=False)

    @classmethod
    def of(cls, error: BaseException) -> ExceptionShape:
        """Return the shape of an exception."""
        return cls._of(error, frozenset())

    @classmethod
    def _of(cls, error: BaseException, above: frozenset[int]) -> ExceptionShape:
        above |= {id(error)}
        cause = _cause(error)
        if isinstance(error, BaseExceptionGroup):
            args: tuple[object, ...] = (_GROUP_MESSAGES.get(error.message, error.message),)
            members = [cls._of(member, above) for member in error.exceptions]
        else:
            args, members = error.args, []
        notes: tuple[object, ...] = tuple(getattr(error, "__notes__", ()))
        details: tuple[str, ...] = ()
        if isinstance(error, DeadlockError):
            details = (str(error), *map(str, notes))
            args, notes = (), ()
        return cls(
            name=type(error).__name__,
            args=tuple(map(shown, args)),
            notes=tuple(map(shown, notes)),
            # Causes can form a circle; following one back up would never end.
            cause=None if cause is None or id(cause) in above else cls._of(cause, above),
            members=tuple(sorted(members, key=str)),
            details=details,
            where=raised_at(error),
        )

    def __str__(self) -> str:
        lines = [f"{self.name}({', '.join(self.args)})"]
        lines += [f"  note: {note}" for note in self.notes]
        if self.cause is not None:
            lines.append("  cause: " + _indented(str(self.cause)))
        lines += ["  + " + _indented(str(member)) for member in self.members]
        return "\n".join(lines)


def _cause(error: BaseException) -> BaseException | None:
    """Return what an error was raised from, if its program says so and no time limit."""
    cause = error.__cause__
    by_a_limit = isinstance(error, TimeoutError) and isinstance(cause, CancelledError)
    return None if by_a_limit else cause


def _indented(text: str) -> str:
    return text.replace("\n", "\n    ")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended.

    Attributes:
        time: the virtual time at which whoever started the program had it back: clean-up
            of tasks that were left over is included.
        result: the `repr` of what main returned, `None` if it raised.
        exception: the shape of what it raised, `None` if it returned.
        otherwise: how it ended if it neither returned nor raised, in words.
    """

    time: float
    result: str | None = None
    exception: ExceptionShape | None = None
    otherwise: str | None = None

    def __str__(self) -> str:
        if self.otherwise is not None:
            return self.otherwise
        if self.exception is not None:
            return f"raised {self.exception}"
        return f"returned {self.result}"


@dataclass(frozen=True, slots=True)
class ChildExit:
    """The end of a child process that the program waited for.

    Attributes:
        name: its command, or what the program calls it; `None`: not known.
        code: its exit code; below 0: the signal that ended it.
    """

    name: str | None
    code: int

    @property
    def text(self) -> str:
        """What is compared: another command may be the port's way to the same."""
        return f"a child ended with {self.code}"

    def __str__(self) -> str:
        return self.text if self.name is None else f"child `{self.name}` ended with {self.code}"


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that was seen of one run.

    Attributes:
        program: the name of the program.
        backend: what it ran on.
        observations: in the order in which they were seen; the last one is the outcome.
        outcome: how it ended.
        left_running: how many tasks main left running when it ended.
        order_free_from: when trio first had a say in the order of its tasks (T1); `None`: it
            had none, and the order is asyncio's.
        schedule: what its schedule did; no part of what is compared. `None`: it had none.
        unseen: what the run used that was not looked at, in words.
        loaded: the files whose code was run, but not those that a child process ran; no part of
            what is compared.
        lanes: what became of its tasks; no part of what is compared.
        exits: the children that ended; those with another code than 0 are observations as well.
        unknown_exits: how many children there were for whose code nobody waited.
        busy: the instant in which it computed longest, and for how many real seconds; it is
            judged by itself, as it is never the same twice.
    """

    program: str
    backend: str
    observations: tuple[Observation, ...]
    outcome: Outcome
    left_running: int = 0
    order_free_from: float | None = None
    schedule: Taken | None = field(default=None, compare=False)
    unseen: tuple[str, ...] = field(default=(), compare=False)
    loaded: frozenset[str] = field(default=frozenset(), compare=False)
    lanes: tuple[TaskLane, ...] = field(default=(), compare=False)
    exits: tuple[ChildExit, ...] = field(default=(), compare=False)
    unknown_exits: int = field(default=0, compare=False)
    busy: tuple[float, float] = field(default=(0.0, 0.0), compare=False)

    @property
    def ordered_until(self) -> float:
        """Before what time the order of its tasks is asyncio's on trio as well."""
        return inf if self.order_free_from is None else self.order_free_from

    @property
    def silent(self) -> bool:
        """Whether nothing was seen but that it ended: two such traces prove nothing."""
        return len(self.observations) == 1 and self.outcome.result == "None"

    @property
    def duration(self) -> float:
        """How long the run took, in virtual seconds."""
        return self.outcome.time

    def lines(self, stream: Stream) -> list[str]:
        """Return the texts of one stream, in order."""
        return [seen.text for seen in self.observations if seen.stream == stream]

    def as_dict(self) -> dict[str, Any]:
        """Return the trace as plain data that JSON can hold."""
        schedule = None if self.schedule is None else self.schedule.replay
        plain = asdict(replace(self, schedule=None, lanes=()))
        for name in ("lanes", "loaded", "exits", "unknown_exits", "busy"):
            del plain[name]
        for seen in plain["observations"]:
            del seen["after"]
        return plain | {"duration": self.duration, "schedule": schedule}

    def __str__(self) -> str:
        return "\n".join(map(str, self.observations))
