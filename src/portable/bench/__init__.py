"""Benchmarks: what tasks cost by each loop's own means, with AnyIO and with portable.

This package has the workloads, the measuring and the reports. `portable bench` runs it, and so
does `benchmarks/` in the source tree, under pytest-benchmark. Only the command line imports it.
"""

from __future__ import annotations

from ._budget import SURE, Budget
from ._limits import Excess, Limits, LimitsError, exceeded, limits_of, read_limits
from ._marks import NoPlaceError, put_between
from ._measurement import (
    NO_LOOP,
    Effort,
    Pair,
    Pairing,
    Program,
    Sample,
    WorkNotDoneError,
    measure_pair,
    quiet_collector,
)
from ._meters import CLOCKS, CPU, DEFAULT_CLOCK, MEMORY, WALL, Meter, shown
from ._operations import EFFORTS, LOOPS, Case, Operation, Way, Workload, cases
from ._regression import Change, Changes, changes
from ._report import compare, html, markdown, write_readme, write_report
from ._results import (
    ACROSS,
    NATIVE,
    NO_TIME,
    NOISE_LIMIT,
    PORTABLE,
    Place,
    Prices,
    Ratio,
    Row,
    Unmeasured,
    row_of,
)
from ._run import NoRunError, Run, about
from ._suite import (
    UnknownOperationError,
    bench,
    get_operation,
    measure,
    obstacles,
    suite,
    summary,
)
from ._tables import Table, as_markdown, as_rich, detail_tables, question_tables
from ._timer import advance, in_loop_seconds
from ._verdict import verdict
from .workloads import OPERATIONS

__all__ = [
    "ACROSS", "CLOCKS", "CPU", "DEFAULT_CLOCK", "EFFORTS", "LOOPS", "MEMORY", "NATIVE",
    "NOISE_LIMIT", "NO_LOOP", "NO_TIME", "OPERATIONS", "PORTABLE", "SURE", "WALL", "Budget",
    "Case", "Change", "Changes", "Effort", "Excess", "Limits", "LimitsError", "Meter",
    "NoPlaceError", "NoRunError", "Operation", "Pair", "Pairing", "Place", "Prices", "Program",
    "Ratio", "Row", "Run", "Sample", "Table", "UnknownOperationError", "Unmeasured", "Way",
    "WorkNotDoneError", "Workload", "about", "advance", "as_markdown", "as_rich", "bench",
    "cases", "changes", "compare", "detail_tables", "exceeded", "get_operation", "html",
    "in_loop_seconds", "limits_of", "markdown", "measure", "measure_pair", "obstacles",
    "put_between", "question_tables", "quiet_collector", "read_limits", "row_of", "shown",
    "suite", "summary", "verdict", "write_readme", "write_report",
]  # fmt: skip
