"""Proof that a port does what its original did: run both, record both, compare.

A *program* is run once under virtual time and everything that someone outside can see of
it is *recorded*, with the virtual time of each: lines on stdout and stderr, log records,
warnings, the result or exception. Two *traces* are then *compared*, and the comparison is
put into words. Each step is a module, and there is one of each: `trace` is the model,
`recording` makes one, `comparison` lays two side by side, `judging` says what they come to on
all backends and under schedules, `rendering` makes text of that. `check()` does all of it for
two programs of this process, `assert_equivalent()` in a test, `compare_programs()` for a user's
own two files, each run in a process of its own.
"""

from .asserting import assert_equivalent
from .checking import check
from .comparing import compare_programs
from .comparison import Comparison, DeclaredDifference, Parting, Verdict, compare
from .program import Program
from .reading import Reading
from .recording import record
from .rendering import explain
from .report import Explored, Judged, Report
from .trace import ExceptionShape, Observation, Outcome, Trace

__all__ = [
    "Comparison",
    "DeclaredDifference",
    "ExceptionShape",
    "Explored",
    "Judged",
    "Observation",
    "Outcome",
    "Parting",
    "Program",
    "Reading",
    "Report",
    "Trace",
    "Verdict",
    "assert_equivalent",
    "check",
    "compare",
    "compare_programs",
    "explain",
    "record",
]
