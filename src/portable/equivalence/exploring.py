"""Programs of this process under many schedules: run one after the other, and judged.

What `assert_equivalent()` and `portable check --schedules` do; programs in files are run by
`comparing`, each in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .causes import causes
from .comparing import Judged, Report, explored
from .comparison import DeclaredDifference
from .isolated import Run
from .program import Program
from .reading import Reading
from .recording import record

_ANY_PORT = DeclaredDifference.__dataclass_fields__["programs"].default


def explore(
    original: Program,
    port: Program,
    *,
    backends: Sequence[str],
    seeds: Iterable[int] = (),
    declared: Iterable[DeclaredDifference] = (),
    reading: Reading | None = None,
    progress: Callable[[], object] = lambda: None,
) -> Report:
    """Run a port in the backends' own orders and under schedules, and compare each run.

    Args:
        original: the program that is right by definition.
        port: the program to judge.
        backends: what to judge it on; they have to be installed.
        seeds: the schedules.
        declared: the differences that are meant.
        reading: what counts, and how exactly.
        progress: called after each run of the port.
    """
    how, seeds, declared = reading or Reading(), tuple(seeds), tuple(declared)
    references = {
        name: record(original, name)
        for name in ("asyncio", "uvloop")
        if name == "asyncio" or name in backends
    }
    reference = references["asyncio"]
    rows = [Judged("original", Run("asyncio", None, reference))]
    found = []
    for backend in backends:
        beside = references.get(backend, reference)
        meant = [one for one in declared if _holds(one, port.name, backend)]
        runs = []
        for seed in (None, *seeds):
            trace = record(port, backend, seed=seed)
            # Under one schedule out of many, what is declared need not occur.
            compared = how.compare(beside, trace, meant, stale_counts=seed is None)
            run = Run(backend, seed, trace)
            runs.append(Judged("port", run, compared, causes(compared)))
            progress()
        rows.append(runs.pop(0))
        if runs:
            found.append(explored(backend, runs))
    return Report(original.name, port.name, tuple(rows), tuple(found))


def _holds(one: DeclaredDifference, program: str, backend: str) -> bool:
    if one.programs == _ANY_PORT:
        return one.holds_on(backend)
    return one.holds_for(program, backend)
