"""What came out of judging a port: a row for each program and backend, and for schedules."""

from __future__ import annotations

from dataclasses import dataclass, field

from .causes import Cause
from .comparison import Comparison
from .run import Run
from .shrinking import Shrunk
from .trace import Observation, Trace


@dataclass(frozen=True, slots=True)
class Judged:
    """A run of one of the programs, and what it came to.

    Attributes:
        program: `original` or `port`.
        run: the run.
        comparison: with what it was compared; `None` if there was nothing to compare.
        causes: what may be behind a difference.
        note: why there is no comparison, if there should be one.
    """

    program: str
    run: Run
    comparison: Comparison | None = None
    causes: tuple[Cause, ...] = ()
    note: str | None = None

    @property
    def verdict(self) -> str:
        """The comparison's verdict; or `reference`, `skipped`, or what kind of failure."""
        if self.run.failure is not None:
            return self.run.failure.kind
        if self.comparison is not None:
            return self.comparison.verdict.value
        if self.run.trace is None:
            return "skipped"
        return "reference" if self.note is None else "unjudged"

    @property
    def equivalent(self) -> bool:
        """Whether nothing speaks against the port.

        The original's own runs on uvloop and trio are reported, but do not speak against the
        port: it is judged by the original on asyncio, and on uvloop by that on uvloop.
        """
        if self.program == "original" and self.run.backend != "asyncio":
            return self.verdict != "unloadable"
        return self.verdict not in ("different", "unjudged", "hang", "crash", "unloadable")


@dataclass(frozen=True, slots=True)
class Explored:
    """What schedules of a port on one backend came to.

    Attributes:
        backend: the backend.
        schedules: how many were run.
        distinct: how many traces were seen that differ from each other.
        failing: those that differ from the original or failed; the shortest way to a
            difference comes first.
        shrunk: what is needed of the first of them; `None`: it could not be had again.
    """

    backend: str
    schedules: int
    distinct: int
    failing: tuple[Judged, ...] = ()
    shrunk: Shrunk | None = None

    @property
    def threads(self) -> bool:
        """Whether threads took part in one that fails, whose order no seed decides."""
        return any(
            one.run.trace is not None
            and one.run.trace.schedule is not None
            and one.run.trace.schedule.threads
            for one in self.failing
        )


@dataclass(frozen=True, slots=True)
class Unsteady:
    """What an original shows at one place when it is run twice: no port can do the same.

    Attributes:
        first: what it showed the first time; `None`: nothing.
        then: what it showed the second time.
    """

    first: Observation | None
    then: Observation | None


@dataclass(frozen=True, slots=True)
class Report:
    """All that came out of comparing two programs.

    Attributes:
        original: the name of the program that is right by definition.
        port: the name of the one that is judged.
        rows: a row for each program and backend.
        explored: what schedules came to, for each backend.
        unsteady: where the original differs from itself, run twice on asyncio.
        sets_of_tasks: whether the port goes through sets of tasks, whose order is chance.
    """

    original: str
    port: str
    rows: tuple[Judged, ...]
    explored: tuple[Explored, ...] = field(default=())
    unsteady: tuple[Unsteady, ...] = ()
    sets_of_tasks: bool = False

    @property
    def equivalent(self) -> bool:
        """Whether the port may stand for its original."""
        return all(row.equivalent for row in self.rows) and not any(
            found.failing for found in self.explored
        )

    @property
    def judged(self) -> bool:
        """Whether there was anything to compare the port with, and to see of it."""
        against = {row.verdict for row in self.rows if not row.equivalent}
        return self.rows[0].run.failure is None and against != {"unjudged"}

    @property
    def faithful(self) -> bool:
        """Whether the original does the same on every backend, in asyncio's order on trio.

        From the time on when trio has a say in the order, any is as good.
        """
        return all(_is_faithful(row) for row in self.rows if row.program == "original")

    @property
    def loadable(self) -> bool:
        """Whether both programs could be loaded."""
        return all(row.verdict != "unloadable" for row in self.rows)

    def traces(self) -> list[Trace]:
        """Return the traces of the rows; a run that failed has none."""
        return [row.run.trace for row in self.rows if row.run.trace is not None]

    def row(self, program: str, backend: str) -> Judged:
        """Return the row of a program on a backend.

        Raises:
            LookupError: there is none.
        """
        for row in self.rows:
            if (row.program, row.run.backend) == (program, backend):
                return row
        raise LookupError(f"there is no row of {program!r} on {backend!r}")


def _is_faithful(row: Judged) -> bool:
    found = row.comparison
    if found is None or found.parting is None or found.verdict.equivalent is False:
        return row.verdict in ("reference", "same", "skipped")
    return row.run.backend != "trio" or found.parting.time >= found.port.ordered_until
