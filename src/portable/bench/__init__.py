"""What tasks cost: native, on AnyIO, on portable; on asyncio, uvloop and trio.

The workloads and the way they are measured; `benchmarks/` in the source tree runs them
under pytest-benchmark. Nothing else in portable imports this package.
"""

from __future__ import annotations

from ._answer import answer
from ._limits import Excess, Limits, LimitsError, exceeded, read_limits
from ._measure import (
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
from ._meters import CLOCKS, CPU, MEMORY, WALL, Meter, shown
from ._operations import EFFORTS, LOOPS, Case, Operation, Way, Workload, cases
from ._readme import NoPlaceError, write_readme
from ._report import changes, html, markdown, write_report
from ._results import NATIVE, NATIVE_AGAIN, NOISE_LIMIT, Ratio, Row, Unmeasured, row_of
from ._run import NoRunError, Run, about
from ._suite import UnknownOperationError, bench, get_operation, measured, suite
from ._tables import LEGEND, tables
from ._timer import advance, in_loop_seconds
from .workloads import OPERATIONS

__all__ = [
    "CLOCKS",
    "CPU",
    "EFFORTS",
    "LEGEND",
    "LOOPS",
    "MEMORY",
    "NATIVE",
    "NATIVE_AGAIN",
    "NOISE_LIMIT",
    "NO_LOOP",
    "OPERATIONS",
    "WALL",
    "Case",
    "Effort",
    "Excess",
    "Limits",
    "LimitsError",
    "Meter",
    "NoPlaceError",
    "NoRunError",
    "Operation",
    "Pair",
    "Pairing",
    "Program",
    "Ratio",
    "Row",
    "Run",
    "Sample",
    "UnknownOperationError",
    "Unmeasured",
    "Way",
    "WorkNotDoneError",
    "Workload",
    "about",
    "advance",
    "answer",
    "bench",
    "cases",
    "changes",
    "exceeded",
    "get_operation",
    "html",
    "in_loop_seconds",
    "markdown",
    "measure_pair",
    "measured",
    "quiet_collector",
    "read_limits",
    "row_of",
    "shown",
    "suite",
    "tables",
    "write_readme",
    "write_report",
]
