"""Step 5: judge a port by its original, on every backend and under schedules.

Like is compared with like: a port on uvloop with the original on uvloop. The original is run on
trio as well, on asyncio's loop there, and what differs is reported. Under schedules the port is
run once more for each seed; each of those runs has to do what the original could have done.

The original itself shows what that is: if a run shows anything else than the original's own
order, the original is run under schedules, too (`repertoire`).

Where the runs come from is not decided here: `check()` makes them in this process,
`compare_programs()` each in a process of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Protocol

from portable._backends import BACKENDS, get_backend
from portable.clock._taken import Seed, Taken

from .busy import with_computing
from .causes import causes
from .comparison import Comparison, DeclaredDifference, Verdict
from .exit_codes import with_unknown_codes
from .reading import Reading
from .repertoire import Repertoire
from .report import Explored, Judged, Report, Unsteady
from .run import Run
from .sets_of_tasks import goes_through_sets
from .shrinking import Shrunk, shrink
from .stretching import StretchedOriginal, for_stretched
from .target import Role
from .trace import Trace


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs of one program on one backend that are wanted.

    Attributes:
        role: which of the programs.
        backend: what to run it on.
        seeds: the schedules, a run for each; `None`: the backend's own order.
    """

    role: Role
    backend: str
    seeds: tuple[Seed | None, ...]


Runs = Callable[[Sequence[Batch]], list[list[Run]]]
"""Makes runs: those of each batch, one for each of its seeds."""


class Declared(Protocol):
    """A difference that is meant, in whatever form it was declared."""

    def found_in(self, original: Trace, port: Trace) -> DeclaredDifference:
        """Return it with the times that it has in these traces."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Measure:
    """By what a port is judged.

    Attributes:
        declared: the differences that are meant.
        reading: what counts, and how exactly.
        source: the source of the port, if it is at hand.
    """

    declared: tuple[Declared, ...] = ()
    reading: Reading = field(default_factory=Reading)
    source: str | None = None


def judge(
    original: str,
    port: str,
    runs: Runs,
    measure: Measure,
    *,
    backends: Iterable[str] = tuple(BACKENDS),
    seeds: Iterable[Seed] = (),
    schedulable: bool = True,
) -> Report:
    """Have two programs run on every backend, and judge the port.

    Args:
        original: the name of the program that is right by definition.
        port: the name of the program to judge.
        runs: makes the runs; of a backend that is not installed none is wanted.
        measure: what counts.
        backends: what to judge the port on, and to run the original on as well.
        seeds: the schedules to run the port under.
        schedulable: whether the original can be run under schedules, too.

    Raises:
        UnknownBackendError: there is no backend of one of the names.
    """
    chosen = [get_backend(name).name for name in dict.fromkeys(backends)]
    seeds = tuple(seeds)
    others = [name for name in chosen if name != "asyncio"]
    # Twice on asyncio, to know what is not the program's to decide.
    batches = [Batch("original", "asyncio", (None, None) if schedulable else (None,))]
    batches += [Batch("original", name, (None,)) for name in others]
    batches += [Batch("port", name, (None,)) for name in chosen]
    wanted = [batch for batch in batches if BACKENDS[batch.backend].installed]
    made = {
        (batch.role, batch.backend): found
        for batch, found in zip(wanted, runs(wanted), strict=True)
    }
    reference, *twin = made["original", "asyncio"]
    # What hangs or dies without a schedule would do so under each.
    alive = [
        batch.backend
        for batch in wanted
        if batch.role == "port" and made["port", batch.backend][0].trace is not None
    ]
    scheduled: dict[str, list[Run]] = {}
    if seeds and reference.trace is not None:
        more = runs([Batch("port", name, seeds) for name in alive])
        scheduled = dict(zip(alive, more, strict=True))
    judging = _Judge(reference, runs, measure, seeds, schedulable=schedulable)
    right = dict.fromkeys(chosen, reference)
    rows = [Judged("original", reference)]
    for name in others:
        [run] = made.get(("original", name), [Run(name, None)])
        rows.append(judging.judged("original", reference, run))
        # On uvloop timers of one instant have an order of uvloop's own.
        if name == "uvloop" and run.trace is not None:
            right[name] = run
    explored = []
    right_on_asyncio = False
    for name in chosen:
        [plain] = made.get(("port", name), [Run(name, None)])
        row = judging.judged("port", right[name], plain, right_on_asyncio=right_on_asyncio)
        rows.append(row)
        if name == "asyncio":
            right_on_asyncio = row.equivalent
        if name in scheduled:
            # Where the port is wrong without a schedule, the order is not what is wrong.
            shrinking = row.equivalent
            explored.append(judging.explored(right[name], scheduled[name], shrinking=shrinking))
    unsteady = _unsteady(reference, twin, measure.reading)
    sets_of_tasks = measure.source is not None and goes_through_sets(measure.source)
    return Report(original, port, tuple(rows), tuple(explored), unsteady, sets_of_tasks)


def _unsteady(reference: Run, twin: Sequence[Run], reading: Reading) -> tuple[Unsteady, ...]:
    """Return what differs between two runs of the original under the same conditions."""
    if reference.trace is None or not twin or twin[0].trace is None:
        return ()
    left, right = (
        reading.read(trace).observations for trace in (reference.trace, twin[0].trace)
    )
    pairs = zip_longest(left, right)
    return tuple(Unsteady(one, other) for one, other in pairs if one != other)


class _Judge:
    """Judges runs by the original's on asyncio, and by all else that the original shows.

    Args:
        reference: the original's run on asyncio.
        runs: makes more runs.
        measure: what counts.
        seeds: the schedules of the port.
        schedulable: whether the original can be run under schedules.
    """

    def __init__(
        self,
        reference: Run,
        runs: Runs,
        measure: Measure,
        seeds: Sequence[Seed],
        *,
        schedulable: bool,
    ) -> None:
        self._runs = runs
        self._measure = measure
        self._repertoire: Repertoire | None = None
        self._stretched: StretchedOriginal | None = None
        plain, reading = reference.trace, measure.reading
        if plain is None or not schedulable:
            return
        if not reading.strict_order:
            self._repertoire = Repertoire(
                reading.read(plain),
                lambda seeds: [reading.read(trace) for trace in self._traces(seeds)],
            )
        stretched = [seed for seed in seeds if isinstance(seed, str)]
        self._stretched = StretchedOriginal(plain, reading, lambda: self._traces(stretched))

    def _traces(self, seeds: Sequence[Seed]) -> list[Trace]:
        """Run the original under schedules."""
        [more] = self._runs([Batch("original", "asyncio", tuple(seeds))])
        return [run.trace for run in more if run.trace is not None]

    def judged(
        self,
        program: Role,
        original: Run,
        run: Run,
        *,
        scheduled: bool = False,
        right_on_asyncio: bool = False,
    ) -> Judged:
        """Judge one run.

        Args:
            program: whose run it is.
            original: the run that is right.
            run: the run.
            scheduled: whether it is one out of many, in which not all needs to occur.
            right_on_asyncio: whether the port is known to be equivalent on asyncio.
        """
        if run.trace is None:
            return Judged(program, run)
        if original.trace is None:
            note = "the original has no trace to compare it with"
            return Judged(program, run, note=note)
        if original.trace.silent and run.trace.silent:
            note = "nothing was seen of it; let it print what it does"
            return Judged(program, run, note=note)
        found = self._compared(program, original.trace, run.trace, scheduled=scheduled)
        reasons = causes(found, self._measure.source, right_on_asyncio=right_on_asyncio)
        return Judged(program, run, found, reasons)

    def _compared(
        self, program: Role, original: Trace, trace: Trace, *, scheduled: bool
    ) -> Comparison:
        reading = self._measure.reading
        trace = with_unknown_codes(original, trace)
        stretched = trace.schedule is not None and bool(trace.schedule.stretches)
        if stretched:
            reading = for_stretched(reading)
        meant: list[DeclaredDifference] = []
        computes, ordered_until = False, 0.0
        if program == "port":
            left, right = reading.read(original), reading.read(trace)
            found_in = (one.found_in(left, right) for one in self._measure.declared)
            meant = [one for one in found_in if one.holds_on(trace.backend)]
            if "blocking" not in reading.ignore:
                judged = with_computing(original, trace)
                computes, trace = judged is not trace, judged
        elif trace.backend == "trio":
            # The original has asyncio's order there, until trio has a say in it.
            ordered_until = trace.ordered_until
        found = reading.compare(
            original,
            trace,
            meant,
            stale_counts=not scheduled,
            ordered_until=ordered_until,
        )
        # The original's own order on uvloop is for uvloop to choose.
        own_order = program == "original" and found.verdict is Verdict.REORDERED
        # No other order of the original's excuses long computing.
        if self._repertoire is not None and not own_order and not computes:
            found = _by_all_it_shows(found, self._repertoire)
        if stretched and self._stretched is not None:
            found = self._stretched.judged(found)
        return found

    def explored(self, original: Run, runs: Sequence[Run], *, shrinking: bool) -> Explored:
        """Judge a port's runs under schedules on one backend.

        Args:
            original: the run that is right.
            runs: the runs.
            shrinking: whether to look for the least of the first schedule that fails.
        """
        judged = [self.judged("port", original, run, scheduled=True) for run in runs]
        traces = {one.run.trace.observations for one in judged if one.run.trace is not None}
        # The shortest way to a difference comes first.
        failing = sorted((one for one in judged if not one.equivalent), key=_length)
        shrunk = self._shrunk(failing[0], original) if failing and shrinking else None
        return Explored(runs[0].backend, len(judged), len(traces), tuple(failing), shrunk)

    def _shrunk(self, first: Judged, original: Run) -> Shrunk | None:
        """Return the least of a failing schedule that fails in the same way."""
        if first.run.trace is None or first.run.trace.schedule is None:
            return None

        def attempt(candidates: Sequence[str]) -> list[Taken | None]:
            [made] = self._runs([Batch("port", first.run.backend, tuple(candidates))])
            return [did(run) for run in made]

        def did(run: Run) -> Taken | None:
            judged = self.judged("port", original, run, scheduled=True)
            failed = judged.verdict == first.verdict and run.trace is not None
            return run.trace.schedule if failed and run.trace is not None else None

        return shrink(first.run.trace.schedule, attempt)


def _by_all_it_shows(found: Comparison, repertoire: Repertoire) -> Comparison:
    """Return the comparison with its verdict by all that the original can show."""
    if found.parting is None or found.stale:
        return found
    objection = repertoire.objection(found)
    if objection is not None:
        return replace(found, verdict=Verdict.DIFFERENT, reasons=(objection,))
    verdict = Verdict.DECLARED if found.declared else Verdict.REORDERED
    return replace(found, verdict=verdict, reasons=())


def _length(judged: Judged) -> int:
    """Say how much happened until the traces part: less is easier to understand."""
    found = judged.comparison
    if judged.verdict == "unjudged":  # that says less than any difference
        return sys.maxsize
    if found is None or found.parting is None or found.verdict is not Verdict.DIFFERENT:
        return 0
    return len(found.parting.before)
