"""What a run says about its backends: the header, and the count for each at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from portable._backends import BACKENDS

from ._selection import Selection
from ._use import value_for
from ._values import name_of

_ATTRIBUTE = "anyio_backend"
# As pytest's own last line has them.
_ORDER = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "error")


def header(selection: Selection) -> list[str]:
    """Return the lines of the header: the backends with their versions, then what is not."""
    known = [f"{name} {BACKENDS[name].version}" for name in selection.names]
    lines = [f"backends: {', '.join(known)} ({selection.source})"]
    lines += [
        f"backend {name}: not installed; {BACKENDS[name].install_command}"
        for name in selection.missing
    ]
    return lines


def note_backend(report: pytest.TestReport, item: pytest.Item) -> None:
    """Write the backend into the report of a test, which may go to another process."""
    name = name_of(value_for(item))
    if name is not None:
        vars(report)[_ATTRIBUTE] = name


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


def _rank(outcome: str) -> int:
    return _ORDER.index(outcome) if outcome in _ORDER else len(_ORDER)
