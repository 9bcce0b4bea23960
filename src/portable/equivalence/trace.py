"""Step 3: what was seen of one run, in a form that two runs can be compared in.

A `Trace` is a sequence of `Observation`s; what a run has beside lines and records (its
outcome, the tasks it left running) stands in that sequence as well, so a comparison has one
kind of thing to look at. Texts are made free of what differs between two runs of the *same*
program: object addresses, source positions, the nesting of functions. Times are rounded
to a nanosecond: adding floats in another order is no difference anyone can see.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from math import inf
from typing import Any, Literal

from portable._errors import DeadlockError

Stream = Literal[
    "stdout", "stderr", "log", "warning", "unraisable", "thread", "tasks", "threads", "outcome"
]

# Python writes addresses behind "at"; a short hexadecimal number elsewhere is the program's.
_ADDRESS = re.compile(r"(?<=\bat )0x[0-9a-fA-F]+|\b0x[0-9a-fA-F]{9,}")
_POSITION = re.compile(r"(\b(?:running|defined|created) at )\S+:\d+")
# From the beginning of a word on alone, or a long word would be gone through at each letter.
_NESTING = re.compile(r"(?<![\w.])(?:[\w.]*\w\.<locals>\.)+")


# What a task group says by itself is worded by the library below it.
_GROUP_MESSAGES = {"Exceptions from Trio nursery": "unhandled errors in a TaskGroup"}


def rounded(time: float) -> float:
    """Return a virtual time as traces hold it: to the nanosecond."""
    return round(time, 9)


def normalised(text: str) -> str:
    """Return the text without what differs between two runs of one program.

    Example:
        >>> normalised("<coroutine object main.<locals>.fetch at 0x7f12ab>")
        '<coroutine object fetch at 0x...>'
    """
    return _NESTING.sub("", _POSITION.sub(r"\1...", _ADDRESS.sub("0x...", text)))


def shown(value: object) -> str:
    """Return the normalised `repr` of a value, whatever that `repr` does."""
    try:
        return normalised(repr(value))
    except Exception as error:
        return f"<{type(value).__name__}: its repr raised {type(error).__name__}>"


@dataclass(frozen=True, slots=True)
class Observation:
    """One thing that someone outside of the program can see, at a virtual time.

    Attributes:
        time: virtual seconds since the run began.
        stream: where it was seen: `stdout` and `stderr` (a line), `log` (a record),
            `warning`, `unraisable` (an error Python could only report), `thread` (an error
            that ended a thread), `tasks` (left running when main ended), `threads` (left
            running at the end), `outcome`.
        text: what was seen.
        ended: `False` for text on `stdout` or `stderr` that no newline followed before
            time or another task went on.
        writer: which task it came from, by order of first appearance; `None` if no task
            can be told. No part of what is compared, as it means nothing across runs: it
            says which lines have an order of their own.
        details: more lines for whoever reads a report; no part of what is compared either.
    """

    time: float
    stream: Stream
    text: str
    ended: bool = True
    writer: int | None = field(default=None, compare=False)
    details: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        end = "" if self.ended else " (no newline)"
        return f"{self.time!r} s  {self.stream}  {self.text}{end}"


@dataclass(frozen=True, slots=True)
class ExceptionShape:
    """What of an exception is compared: the class by its name, arguments, notes, cause, group.

    Classes compare by `__name__`: one that a program defines itself lives in another place
    in its port. The members of
    a group have no order. Of a deadlock only the class counts: which tasks wait, and what
    they are called, is the backend's to say, and stands in `details`.
    """

    name: str
    args: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cause: ExceptionShape | None = None
    members: tuple[ExceptionShape, ...] = ()
    details: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(cls, error: BaseException) -> ExceptionShape:
        """Return the shape of an exception."""
        return cls._of(error, frozenset())

    @classmethod
    def _of(cls, error: BaseException, above: frozenset[int]) -> ExceptionShape:
        above |= {id(error)}
        cause = error.__cause__
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
        )

    def __str__(self) -> str:
        lines = [f"{self.name}({', '.join(self.args)})"]
        lines += [f"  note: {note}" for note in self.notes]
        if self.cause is not None:
            lines.append("  cause: " + _indented(str(self.cause)))
        lines += ["  + " + _indented(str(member)) for member in self.members]
        return "\n".join(lines)


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
    """

    time: float
    result: str | None = None
    exception: ExceptionShape | None = None

    def __str__(self) -> str:
        if self.exception is not None:
            return f"raised {self.exception}"
        return f"returned {self.result}"


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
    """

    program: str
    backend: str
    observations: tuple[Observation, ...]
    outcome: Outcome
    left_running: int = 0
    order_free_from: float | None = None

    @property
    def ordered_until(self) -> float:
        """Before what time the order of its tasks is asyncio's on trio as well."""
        return inf if self.order_free_from is None else self.order_free_from

    @property
    def duration(self) -> float:
        """How long the run took, in virtual seconds."""
        return self.outcome.time

    def lines(self, stream: Stream) -> list[str]:
        """Return the texts of one stream, in order."""
        return [seen.text for seen in self.observations if seen.stream == stream]

    def as_dict(self) -> dict[str, Any]:
        """Return the trace as plain data that JSON can hold."""
        return asdict(self) | {"duration": self.duration}

    def __str__(self) -> str:
        return "\n".join(map(str, self.observations))
