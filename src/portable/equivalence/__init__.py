"""Proof that a port does what its original did: run both, record both, compare.

A *program* is run once under virtual time and everything that someone outside can see of
it is *recorded*, with the virtual time of each: lines on stdout and stderr, log records,
warnings, the result or exception. Two *traces* are then *compared*, and the comparison is
put into words. Each step is a module; `check()` does all of them for an original and its
ports on every backend, `assert_equivalent()` in a test, `compare_programs()` for a user's own
two files, each run in a process of its own.
"""

from .asserting import assert_equivalent
from .checking import Checked, check
from .comparing import Report, compare_programs
from .comparison import Comparison, DeclaredDifference, Parting, Verdict, compare
from .program import Program
from .reading import Reading
from .recording import record
from .report import explain
from .trace import ExceptionShape, Observation, Outcome, Trace

__all__ = [
    "Checked",
    "Comparison",
    "DeclaredDifference",
    "ExceptionShape",
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
