"""The report header and summary: the versions of the backends, and the results on each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from portable._backends import BACKENDS

from ._isolated_cases import factory_of
from ._items import FIXTURE, params_of, value_for
from ._loop_factories import LoopFactory
from ._selection import Selection
from ._values import name_of

_SHOWN = 5
_ATTRIBUTE = "anyio_backend"
# The order of pytest's own last line.
_ORDER = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "error")


def header(selection: Selection) -> list[str]:
    """Return the lines of the header: backends with their versions, then missing ones."""
    known = [f"{name} {BACKENDS[name].version}" for name in selection.names]
    lines = [f"backends: {', '.join(known)} ({selection.source})"]
    lines += [
        f"backend {name}: not installed; {BACKENDS[name].install_command}"
        for name in selection.missing
    ]
    return lines


def note_backend(report: pytest.TestReport, item: pytest.Item) -> None:
    """Write the backend into a test's report, which may be sent to another process."""
    name = name_of(value_for(item)) or _asyncios_backend(item)
    if name is not None:
        vars(report)[_ATTRIBUTE] = name


def _asyncios_backend(item: pytest.Item) -> str | None:
    """Return the backend of a test that runs by one of our loop factories."""
    found = [*params_of(item).values(), factory_of(item)]
    return next((one.backend for one in found if isinstance(one, LoopFactory)), None)


def note_cut_off(report: pytest.TestReport, jumps: Sequence[str]) -> None:
    """Say in the report of a failed test which jumps of virtual time cut off what was real.

    The test may have failed for that reason alone.
    """
    if jumps:
        more = [f"... and {len(jumps) - _SHOWN} more"] if len(jumps) > _SHOWN else []
        advice = (
            "If that was too short: virtual_time_io = SECONDS in the ini file, or "
            "@pytest.mark.virtual_time(io=SECONDS), gives I/O more; "
            "@pytest.mark.virtual_time(False) leaves the test in real time."
        )
        report.sections.append(("virtual time", "\n".join([*jumps[:_SHOWN], *more, advice])))


def summary(stats: Mapping[str, Iterable[Any]], selection: Selection) -> list[tuple[str, bool]]:
    """Return a line for each backend, and whether any test ran on it.

    Args:
        stats: the reports of the run by outcome, as pytest's terminal reporter has them.
        selection: the backends that were chosen.
    """
    counts: dict[str, Counter[str]] = {name: Counter() for name in selection.names}
    for outcome, reports in stats.items():
        for report in reports:
            name = getattr(report, _ATTRIBUTE, None)
            if outcome and name is not None:
                counts.setdefault(name, Counter())[outcome] += 1
    width = max(map(len, counts))
    lines = []
    for name, count in counts.items():
        ran = any(outcome != "skipped" for outcome in count)
        told = ", ".join(f"{count[outcome]} {outcome}" for outcome in sorted(count, key=_rank))
        text = told if ran else f"no test ran{f' ({told})' if told else ''}"
        lines.append((f"{name:<{width}}  {text}", ran))
    return lines


def kept_values(needs: Iterable[str]) -> str:
    """Return the line that says why a project's own fixture kept its values."""
    return (
        f"a fixture {FIXTURE} takes its value from {', '.join(sorted(needs))}, so its "
        "values were kept, and skipped where they were not chosen"
    )


def _rank(outcome: str) -> int:
    return _ORDER.index(outcome) if outcome in _ORDER else len(_ORDER)
