"""The proof of a port: a program or its tests, before and after, on every backend.

The folder that holds it all (git's, or the one that the files have in common) is copied twice,
and the port is written into the second copy alone. A program is then compared as by `portable
compare`; tests are run by pytest in both copies, once for each backend. What loads no
file that was ported proves nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

from portable._backends import installed_backends
from portable._pytest import _loading
from portable._pytest._loading import CHILD, NOTES
from portable.equivalence import Judged, Report, compare_programs
from portable.equivalence.footprint import CHILDREN

from .files import FileResult, git
from .neighbours import SKIPPED

_COPIES = "portable-prove-"
SCHEDULES = 10
"""Orders of ready tasks that a port is run under."""


@dataclass(frozen=True, slots=True)
class TestRun:
    """How tests ended on one backend, before the port and after it.

    Attributes:
        backend: the backend.
        before: the outcome of each test before, by its name.
        after: the same after.
        trouble: what pytest printed if it could not run them; empty: it could.
        unsteady: the tests that passed in one of two runs, before or after.
        unloaded: the ported files, if no test on any backend loads one of them.
    """

    __test__ = False  # no test, though pytest takes its name for one

    backend: str
    before: dict[str, str]
    after: dict[str, str]
    trouble: str = ""
    unsteady: tuple[str, ...] = ()
    unloaded: tuple[Path, ...] = ()

    @property
    def differing(self) -> list[str]:
        """The tests that end otherwise after the port."""
        names = dict.fromkeys([*self.before, *self.after])
        return [name for name in names if self.before.get(name) != self.after.get(name)]

    @property
    def passed(self) -> int:
        """How many tests passed before; one that failed proves nothing."""
        return sum(outcome == "passed" for outcome in self.before.values())

    @property
    def failed(self) -> int:
        """How many tests failed before."""
        return sum(outcome in ("failure", "error") for outcome in self.before.values())

    @property
    def holds(self) -> bool:
        """Whether each test ends as it did before, and most of those that ran passed."""
        same = not self.differing and not self.trouble
        return same and self.passed > self.failed and not self.unloaded


@dataclass(frozen=True, slots=True)
class ProgramRun:
    """What a program came to, before the port and after it.

    Attributes:
        report: the comparison of both.
        unloaded: the ported files, if the program loads none of them.
    """

    report: Report
    unloaded: tuple[Path, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether both do the same, and something of it was ported."""
        return self.report.equivalent and self.report.loadable and not self.unloaded


def is_test(path: Path) -> bool:
    """Say whether a path is that of tests, and not of a program."""
    return path.is_dir() or path.name.startswith("test_") or path.stem.endswith("_test")


@contextmanager
def copies(results: Sequence[FileResult], what: Path) -> Iterator[tuple[Path, Path]]:
    """Copy what is proved twice, before and after, and return where it is in both copies.

    Args:
        results: what became of the files.
        what: the program or tests.
    """
    paths = [result.path.resolve() for result in results]
    what = what.resolve()
    root = _root([*paths, what])
    with tempfile.TemporaryDirectory(prefix=_COPIES) as folder:
        found = []
        for side in ("before", "after"):
            copy = Path(folder, side)
            shutil.copytree(root, copy, ignore=_ignored, symlinks=True)
            found.append(copy / what.relative_to(root))
            if side == "after":
                for result, path in zip(results, paths, strict=True):
                    (copy / path.relative_to(root)).write_bytes(result.after)
        yield found[0], found[1]


def _root(paths: Sequence[Path]) -> Path:
    folder = Path(
        os.path.commonpath([path if path.is_dir() else path.parent for path in paths])
    )
    top = git(folder, "rev-parse", "--show-toplevel").strip()
    return Path(top) if top else folder


def _ignored(folder: str, names: Sequence[str]) -> list[str]:
    """Return what is not copied; a hidden file is, such as `.pytest.ini`."""
    return [
        name
        for name in names
        if name in SKIPPED
        or name.startswith(_COPIES)  # the copies are in the folder that is copied
        or name == ".git"  # a file in a work tree
        or (name.startswith(".") and Path(folder, name).is_dir())
    ]


def prove_program(
    results: Sequence[FileResult],
    program: Path,
    function: str,
    progress: Callable[[], object] = lambda: None,
    backends: Sequence[str] | None = None,
) -> ProgramRun:
    """Compare a program before the port with itself after it, also under schedules.

    Args:
        results: what became of the files.
        program: the file that is run.
        function: the function in it; empty: its `main`, or all of it.
        progress: called after each run.
        backends: where it is run; `None`: on all that are installed.
    """
    with copies(results, program) as (before, after):
        ending = f":{function}" if function else ""
        report = compare_programs(
            f"{before}{ending}",
            f"{after}{ending}",
            backends=backends or installed_backends(),
            seeds=range(SCHEDULES),
            time_limit=60.0,
            progress=progress,
        )
        traces = [
            row.run.trace
            for row in report.rows
            if row.program == "port" and row.run.trace is not None
        ]
        loaded = {name for trace in traces for name in trace.loaded}
        # A run that failed has no trace, and a child may have loaded anything.
        known = traces and not any(CHILDREN in trace.unseen for trace in traces)
        unloaded = _unloaded(results, program, after, loaded) if known else ()
    # The copies are gone by the time that somebody reads where they were.
    name = f"{program}{ending}"
    naming = partial(_naming, program=program, copies=(before, after))
    report = replace(
        report,
        original=f"{name} before the port",
        port=f"{name} after the port",
        rows=tuple(map(naming, report.rows)),
    )
    return ProgramRun(report, unloaded)


def _naming(row: Judged, program: Path, copies: Sequence[Path]) -> Judged:
    """Have a run that failed name the program in place of its copy."""
    failure = row.run.failure
    if failure is None:
        return row
    message = failure.message
    for copy in copies:
        message = message.replace(str(copy), str(program))
    return replace(row, run=replace(row.run, failure=replace(failure, message=message)))


def _unloaded(
    results: Sequence[FileResult], what: Path, after: Path, loaded: Collection[str]
) -> tuple[Path, ...]:
    """Return the ported files, if none of their copies was loaded.

    Args:
        results: what became of the files.
        what: what was run.
        after: its copy after the port.
        loaded: the files that were loaded.
    """
    root = _root([*(result.path.resolve() for result in results), what.resolve()])
    top = _top(results, what, after)
    # Nobody loads a file of types.
    ported = [one.path for one in results if one.changed and one.path.suffix != ".pyi"]
    copied = {top / path.resolve().relative_to(root) for path in ported}
    return () if copied & {Path(name).resolve() for name in loaded} else tuple(ported)


def prove_tests(
    results: Sequence[FileResult],
    tests: Path,
    progress: Callable[[], object] = lambda: None,
    backends: Sequence[str] | None = None,
) -> list[TestRun]:
    """Run tests before and after the port, once for each backend.

    Where they end differently they run once more: a test that waits in real time may fail on a
    busy machine. One that passes in either run counts as passed, and is reported as unsteady.

    Args:
        results: what became of the files.
        tests: the file or folder of tests.
        progress: called after each run.
        backends: where they are run; `None`: on all that are installed.
    """
    runs = []
    with copies(results, tests) as both:
        roots = [_top(results, tests, place) for place in both]
        for backend in backends or installed_backends():
            outcomes: list[dict[str, str]] = []
            trouble = ""
            for root, place in zip(roots, both, strict=True):
                found, said = _run_tests(root, place, backend)
                outcomes.append(found)
                trouble = trouble or said
                progress()
            unsteady: dict[str, None] = {}
            if outcomes[0] != outcomes[1] and not trouble:
                for side, (root, place) in enumerate(zip(roots, both, strict=True)):
                    again, _ = _run_tests(root, place, backend)
                    outcomes[side], changing = merged(outcomes[side], again)
                    unsteady |= dict.fromkeys(changing)
            run = TestRun(backend, outcomes[0], outcomes[1], trouble, tuple(unsteady))
            runs.append(run)
        if not any(run.after for run in runs):
            return runs
        loaded = os.fsdecode(_notes(roots[1]).read_bytes()).splitlines()
        if CHILD in loaded:
            return runs  # it may have loaded anything
        unloaded = _unloaded(results, tests, both[1], loaded)
    return [replace(run, unloaded=unloaded) for run in runs]


def merged(first: dict[str, str], second: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return the best outcome of each test in two runs, and those that passed in one alone."""
    changing = [
        name
        for name, outcome in first.items()
        if outcome != (then := second.get(name, outcome)) and "passed" in (outcome, then)
    ]
    return first | dict.fromkeys(changing, "passed"), changing


def _top(results: Sequence[FileResult], what: Path, place: Path) -> Path:
    """Return the copy of the whole folder in which a copy of what is proved is."""
    root = _root([*(result.path.resolve() for result in results), what.resolve()])
    return Path(place, *[".."] * len(what.resolve().relative_to(root).parts)).resolve()


def _notes(root: Path) -> Path:
    """Return the file that has what the tests of a copy have loaded; it is beside the copy."""
    return root.with_name(f"{root.name}.loaded")


def _run_tests(root: Path, tests: Path, backend: str) -> tuple[dict[str, str], str]:
    answer = root / ".portable-prove.xml"
    answer.unlink(missing_ok=True)
    # The copy comes before what is installed: a package beside the tests, or beneath src.
    paths = [str(root / "src"), str(root), os.environ.get("PYTHONPATH", "")]
    # pytest-asyncio's tests run on that backend as well.
    more = ["--asyncio-backends"] if find_spec("pytest_asyncio") else []
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", _loading.__name__),
            *(f"--junitxml={answer}", f"--anyio-backends={backend}", *more, str(tests)),
        ],
        cwd=root,
        env=os.environ
        | {"PYTHONPATH": os.pathsep.join(filter(None, paths)), NOTES: str(_notes(root))},
        capture_output=True,
        text=True,
        check=False,
    )
    trouble = ""
    if done.returncode not in (0, 1) or not answer.exists():
        trouble = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
    return (_outcomes(answer, backend) if answer.exists() else {}), trouble


def _outcomes(answer: Path, backend: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for case in ElementTree.parse(answer).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        given = case.get("name") or ""
        name = f"{case.get('classname')}::{_without(backend, given)}"
        if name in found:
            name = f"{case.get('classname')}::{given}"
        found[name] = kinds[0] if kinds else "passed"
    return found


def _without(backend: str, test: str) -> str:
    """Return a test's name without the backend: pytest-asyncio's has none, AnyIO's has."""
    name, bracket, rest = test.partition("[")
    if not bracket:
        return test
    words = rest.removesuffix("]").split("-")
    if backend in words:
        words.remove(backend)
    return f"{name}[{'-'.join(words)}]" if any(words) else name
