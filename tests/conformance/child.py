"""Runs tests of one module in this process and reports each as a line of JSON.

Called by `judging.py`: `python -m tests.conformance.child KIND MODULE`, where KIND is `trio` or
`asyncio`. The names of the tests to run come on standard input, one a line; without any, the
tests are only listed. The reports go to the standard output that the process was given; what
the tests print goes to standard error.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import sys
import traceback
import unittest
from collections.abc import Callable, Iterator
from typing import Any, TextIO


def tests_of(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def name_of(test: unittest.TestCase) -> str:
    return ".".join(test.id().split(".")[-2:])


class Reporter(unittest.TestResult):
    """Writes down the start and the end of each test.

    The end has the verdict `passed`, `failed` or `skipped`, the last error, and whether a loop
    of ours was made.
    """

    def __init__(self, out: TextIO, loops_made: Callable[[], int]) -> None:
        super().__init__()
        self._out = out
        self._loops_made = loops_made
        self._verdict = "passed"
        self._detail = ""
        self._before = 0

    def _say(self, **report: object) -> None:
        print(json.dumps(report), file=self._out, flush=True)

    def startTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        self._verdict, self._detail = "passed", ""
        self._before = self._loops_made()
        faulthandler.dump_traceback_later(float(os.environ["CONFORMANCE_LIMIT"]) - 1)
        print(f"== {name_of(test)}", file=sys.stderr, flush=True)
        self._say(start=name_of(test))
        super().startTest(test)

    def stopTest(self, test: unittest.TestCase) -> None:  # noqa: N802
        super().stopTest(test)
        faulthandler.cancel_dump_traceback_later()
        self._say(
            end=name_of(test),
            verdict=self._verdict,
            detail=self._detail,
            loops=self._loops_made() - self._before,
        )
        if self._verdict == "failed":
            self.stop()  # what it left behind is no business of the next test

    def _fail(self, error: Any) -> None:
        lines = traceback.format_exception(*error)
        print("".join(lines), file=sys.stderr, flush=True)
        if self._verdict != "failed":
            self._verdict = "failed"
            self._detail = lines[-1].strip().splitlines()[0][:300]

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        if not isinstance(test, unittest.TestCase):  # a fixture of a class or module
            self._say(fixture=str(test), detail=str(err[1]))
            return
        self._fail(err)

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        self._fail(err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        if err is not None:
            self._fail(err)

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802
        if self._verdict == "passed":
            self._verdict, self._detail = "skipped", reason

    def addExpectedFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        pass

    def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802
        self._verdict, self._detail = "failed", "unexpected success"


def main() -> None:
    kind, module_name = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    wanted = sys.stdin.read().split()
    loops_made: Callable[[], int] = int
    if kind == "trio":
        from . import substitution

        substitution.substitute()
        loops_made = lambda: substitution.made  # noqa: E731
    module = importlib.import_module(module_name)
    tests = list(tests_of(unittest.defaultTestLoader.loadTestsFromModule(module)))
    if not wanted:
        print(json.dumps({"tests": [name_of(test) for test in tests]}), file=out, flush=True)
        os._exit(0)
    print(json.dumps({"ready": len(tests)}), file=out, flush=True)
    by_name = {name_of(test): test for test in tests}
    unittest.TestSuite(by_name[name] for name in wanted).run(Reporter(out, loops_made))
    out.flush()
    os._exit(0)  # threads that a failed test left must not keep the process


if __name__ == "__main__":
    main()
