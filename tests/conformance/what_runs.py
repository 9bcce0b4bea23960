"""Makes the page that says what runs on trio, from the results of the tests that found out.

    python -m tests.conformance.what_runs

It writes `docs/reference/what-runs-on-trio.md`. The results come from these tests, on each
Python (`python -m tests.conformance --keep tests/conformance/results.json`), and from the
packages' suites (`python tests/strangers/suites.py --keep tests/strangers/results.json`); the
reasons from the tables of both.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from typing import Any

from . import verdicts
from .judging import ROOT

PAGE = ROOT / "docs" / "reference" / "what-runs-on-trio.md"
CONFORMANCE = ROOT / "tests" / "conformance" / "results.json"
STRANGERS = ROOT / "tests" / "strangers" / "results.json"

TOP = """\
<!-- Made by `python -m tests.conformance.what_runs` from the results of the tests. -->
# What runs on trio

On asyncio and uvloop the library is asyncio's own. This page is about trio, and about two kinds
of tests that nobody wrote for portable: CPython's of asyncio, and those that packages bring
along. They run unedited, but for the loop. A test counts if it passes on asyncio's own loop on
the same machine.
"""

CPYTHON = """\
## CPython's tests

So many pass on trio, of those that apply. A test that makes no loop of ours says nothing of it
and is not counted.
"""

FAILING = "These do not pass:"

NOT_APPLICABLE = "These do not apply: they are about how asyncio's own loop is made."

PACKAGES = """\
## Packages' own tests

How many pass on asyncio's loop, and on trio. Redis and PostgreSQL are real servers. AnyIO's are
those for trio: in trio's own tasks, and in tasks of asyncio's on trio.
"""

LOST = "These pass on asyncio and not on trio:"


def load(file: Any) -> Any:
    """Return what a file of results holds."""
    return json.loads(file.read_text("utf-8"))


def suites() -> Any:
    """Return the table of the packages, which is in no package of Python's."""
    path = ROOT / "tests" / "strangers" / "table.py"
    spec = importlib.util.spec_from_file_location("strangers_table", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def render() -> str:
    """Return the page."""
    return "\n".join([TOP, *_cpython(load(CONFORMANCE)), *_packages(load(STRANGERS))])


def _cpython(results: Any) -> Iterator[str]:
    tables = {python: verdicts.read(python=python) for python in verdicts.PYTHONS}
    versions = [f"Python {results[python]['version']}" for python in tables]
    yield CPYTHON
    yield from _head("", *versions)
    newest = tables[verdicts.PYTHONS[-1]]
    groups = (
        ("tasks and the loop", newest.judged),
        ("sockets, streams, TLS, subprocesses", newest.network),
        ("other parts of the library that use asyncio", newest.beside),
    )
    for title, modules in groups:
        cells = [_share(results[python]["modules"], modules) for python in tables]
        yield _row(f"**{title}**", *cells)
        for module in modules:
            cells = [_share(results[python]["modules"], [module]) for python in tables]
            if any(cells):
                yield _row(f"`{module}`", *cells)
    for kind, heading in (("fails", FAILING), ("not_applicable", NOT_APPLICABLE)):
        reasons: dict[str, list[str]] = {}
        for table in tables.values():
            for entry in table.entries:
                if entry.kind == kind:
                    reasons[" ".join(entry.reason.split())] = list(entry.tests)
        yield f"\n{heading}\n"
        for reason, tests in reasons.items():
            yield f"- {', '.join(f'`{test}`' for test in tests)}: {reason}"
    yield ""


def _share(counted: Any, modules: Any) -> str:
    """Return how many pass of those that apply; nothing if there are none on this Python."""
    here = [counted[module] for module in modules if module in counted]
    passed = sum(counts.get(verdicts.PASSED, 0) for counts in here)
    failed = sum(counts.get(verdicts.FAILED, 0) for counts in here)
    return f"{passed} of {passed + failed}" if passed + failed else ""


def _packages(results: Any) -> Iterator[str]:
    table = suites()
    yield PACKAGES
    yield from _head("Package", "its tests start the loop by", "Python", "asyncio", "trio")
    for suite in table.SUITES:
        for python, result in _pythons(results, suite):
            yield _row(
                f"{suite.package} {suite.version}",
                suite.starts.replace("`", ""),
                python,
                str(result["asyncio"][0]),
                _passed_on_trio(result),
            )
    waiting = [suite.package for suite in table.SUITES if suite.package not in results]
    if waiting:
        yield f"\nNot counted here yet: {', '.join(waiting)}."
    yield f"\n{LOST}\n"
    for suite in table.SUITES:
        lost: dict[str, int] = {}
        for _, result in _pythons(results, suite):
            for reason, count in result["explained"].items():
                lost[reason] = max(count, lost.get(reason, 0))
        for reason, count in lost.items():
            yield f"- {suite.package}, {count} {'tests' if count > 1 else 'test'}: {reason}"
    yield ""


def _passed_on_trio(result: Any) -> str:
    passed, again = result["trio"][0], result["the second time"]
    return f"{passed}, and {again} the second time" if again else str(passed)


def _pythons(results: Any, suite: Any) -> Any:
    """Return the results of a suite by Python; none if it has not run to its end anywhere."""
    return results.get(suite.package, {"pythons": {}})["pythons"].items()


def _head(*cells: str) -> Iterator[str]:
    yield _row(*cells)
    yield "|" + "---|" * len(cells)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
