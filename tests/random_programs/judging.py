"""Run one random program every way there is, and say whether portable keeps its promise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from portable.equivalence import (
    Comparison,
    Observation,
    Program,
    Trace,
    Verdict,
    compare,
    explain,
    record,
)
from portable.equivalence.program import Starter

from .interpreting import PORTABLE, RAW, Interpreter
from .modelling import Notes
from .predicting import Model
from .steps import RandomProgram

FEW_SEEDS = 2
MANY_SEEDS = 60


@dataclass(frozen=True)
class Prediction:
    """What a program is expected to show, before portable has run it."""

    expected: Trace
    """What portable shall show: raw asyncio's own trace wherever nothing differs from it."""
    differences: frozenset[str]
    """The declared differences that part it from raw asyncio's trace."""
    free: bool
    """Whether it depends on the order of tasks that are ready in the same instant (D7)."""


def original(program: RandomProgram) -> Trace:
    """What raw asyncio shows."""
    return _recorded("asyncio", lambda: Interpreter(program, RAW))


def ported(program: RandomProgram, backend: str) -> Trace:
    """What portable shows."""
    return _recorded("portable", lambda: Interpreter(program, PORTABLE), backend)


def predict(program: RandomProgram) -> Prediction:
    """Tell what a program shall show under portable, and which differences it touches."""
    raw = original(program)
    notes = Notes()
    modelled = _recorded("model", lambda: Model(program, notes))
    free = notes.free or _depends_on_order(program, modelled, FEW_SEEDS)
    if not _differ(raw, modelled):
        return Prediction(raw, frozenset(), free)
    if not (free or notes.differences):
        free = _depends_on_order(program, modelled, MANY_SEEDS)
        assert free, (
            "raw asyncio and the model differ, and no declared difference says why\n"
            + explain(compare(raw, modelled))
        )
    return Prediction(modelled, frozenset(notes.differences), free)


def misses(program: RandomProgram, prediction: Prediction, backend: str) -> str | None:
    """Say how portable misses the prediction on a backend, if it does."""
    trace = ported(program, backend)
    lost = [seen for seen in trace.observations if seen.stream not in ("stdout", "outcome")]
    if lost:
        return f"on {backend} something is left behind: {lost}"
    comparison = compare(prediction.expected, trace)
    if prediction.free or comparison.verdict is not Verdict.DIFFERENT:
        return None
    if _depends_on_order(program, prediction.expected, MANY_SEEDS):
        return None
    return _report(comparison, prediction, backend)


def _report(comparison: Comparison, prediction: Prediction, backend: str) -> str:
    touched = ", ".join(sorted(prediction.differences)) or "nothing that is declared"
    return f"on {backend}; it touches {touched}\n{explain(comparison)}"


def _depends_on_order(program: RandomProgram, expected: Trace, seeds: int) -> bool:
    def in_another_order(seed: int) -> Trace:
        return _recorded("model", lambda: Model(program, Notes(), seed))

    return any(_differ(expected, in_another_order(seed)) for seed in range(seeds))


def _differ(left: Trace, right: Trace) -> bool:
    return compare(left, right).verdict is Verdict.DIFFERENT


def _recorded(name: str, make: Callable[[], Interpreter], backend: str = "asyncio") -> Trace:
    async def main() -> int:
        # Made in here, so that what has something to say when it is collected can be.
        return await make().main()

    starter: Starter = "portable" if name == "portable" else "asyncio"
    trace = record(Program(name, main, starter=starter), backend)
    # How many tasks are left is counted where main ends, which the model's main does not.
    return replace(
        trace, observations=tuple(seen for seen in trace.observations if _counts(seen))
    )


def _counts(seen: Observation) -> bool:
    return seen.stream != "tasks"
