"""One run of a program, and what it came to: a trace, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from portable.clock._taken import Seed

from .trace import Trace


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no trace of a run.

    Attributes:
        kind: `unloadable` (a missing file, a syntax error …), `hang` (over the time limit),
            `crash` (the process died).
        message: what happened, in a line.
        details: more lines, such as where it hung.
    """

    kind: Literal["unloadable", "hang", "crash"]
    message: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a program, and what it came to.

    Attributes:
        backend: what it ran on.
        seed: the schedule; `None`: the backend's own order.
        trace: what was recorded; `None` if it failed.
        failure: why there is no trace.
    """

    backend: str
    seed: Seed | None
    trace: Trace | None = None
    failure: Failure | None = None
