"""The scope of a comparison: what it looked at, and what its runs used beside that."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from .report import Report
from .trace import BESIDE_PYTHON

_COMPARED = (
    "lines on stdout and stderr, log records, warnings and lost errors, how long the loop "
    "stood still, tasks and threads left running, the outcome and exit code"
)
_AROUND = (
    "what children write, the codes they end with, files below the working directory, "
    "children left running"
)
_WIDTH = 76


def scope_of(report: Report) -> Iterator[str]:
    """Yield the lines that say what was compared, and what was not.

    Args:
        report: what was found.
    """
    traces = report.traces()
    if not traces:
        return
    unseen = sorted({one for trace in traces for one in trace.unseen})
    around = BESIDE_PYTHON not in unseen
    yield ""
    compared = f"compared: {_COMPARED}{f', {_AROUND}' if around else ''}; each with its time"
    yield from textwrap.wrap(compared, _WIDTH, subsequent_indent="  ")
    for one in unseen:
        yield f"not looked at: {one}"
