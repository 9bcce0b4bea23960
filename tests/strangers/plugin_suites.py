"""Packages that test with AnyIO run their own suites with the pytest plugin, before and after.

    python tests/strangers/plugin_suites.py
    python tests/strangers/plugin_suites.py --python python3.12 starlette httpcore
    python tests/strangers/plugin_suites.py --checkout fps=FOLDER --checkout anysqlite=FOLDER

Each package's sdist comes from PyPI, in the version that `plugin_table.py` names, with its
tests unedited, and gets an environment of its own, as `suites.py` does it. Its suite runs
without the plugin, and then with it: with no option, where not one outcome may change; with
`--anyio-backends`, one backend after the other; in virtual time; and with `no_leaks`. The runs
that are measured take turns, several times; it counts the seconds of the processor. Then it
measures what pytest's start costs with the plugin and without, for no test and for a few.

It prints how many tests passed, failed and were skipped, the seconds, and every test that ended
differently from before, with the last line of its report. A test whose outcome changes without
a reason runs again by itself, without the plugin and with it.

The script exits with 1 if an outcome changes with no option, a run does not come to its end, a
change has no reason in `plugin_table.EXPLAINED` and none in its own report, or `no_leaks` takes
1.2 times the time. It is not a part of the default test run: it needs PyPI, and an hour.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from typing import Any

from plugin_table import EXPLAINED, SUITES, PluginSuite
from servers import NotHere
from stand import HERE, REPOSITORY, Stand

#: What each run adds to the command line; the first is the suite as it was before.
RUNS: dict[str, tuple[str, ...]] = {
    "before": ("-p", "no:portable"),
    "no option": (),
    "asyncio": ("--anyio-backends=asyncio",),
    "uvloop": ("--anyio-backends=uvloop",),
    "trio": ("--anyio-backends=trio",),
    "virtual time": ("--virtual-time",),
    "no leaks": ("-o", "no_leaks=true"),
}
BACKENDS = ("asyncio", "uvloop", "trio")
#: Those whose time is compared with the one before.
MEASURED = ("before", "no option", "no leaks")
#: How much more time of the processor `no_leaks` may take.
LEAKS_LIMIT = 1.2
OPTIONS = ("-q", "-o", "addopts=", "-p", "no:cacheprovider", "-W", "ignore", "--timeout=60")
SECONDS = 600
#: What pytest collects to measure its start.
SMALL_SUITE = """\
import pytest

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("number", range(20))
async def test_coroutine(number): ...


@pytest.mark.parametrize("number", range(20))
def test_plain(number): ...
"""
#: Python keeps what it has compiled, as users' do: compiling is no cost of the plugin.
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
#: How often a test that ended differently is run again by itself, without the plugin and with.
TRIES = 3

_ANOTHER_PLUGIN = "pytest-asyncio in auto mode does"
#: What a report says by itself of a change that the run has asked for.
SAID: dict[str, tuple[str, ...]] = {
    "uvloop": (_ANOTHER_PLUGIN,),
    "trio": (_ANOTHER_PLUGIN,),
    "no leaks": ("left behind by the test",),
    "virtual time": ("virtual_time_io = SECONDS", _ANOTHER_PLUGIN),
}


@dataclasses.dataclass(frozen=True)
class Run:
    """How one run of a suite ended."""

    outcomes: dict[str, str]
    details: dict[str, str]
    seconds: float
    trouble: str | None

    def counts(self) -> list[int]:
        """Return how many passed, failed and were skipped."""
        ended = list(self.outcomes.values())
        return [ended.count(how) for how in ("passed", "failed", "skipped")]

    def row(self, name: str) -> str:
        """Return its line of the table."""
        counts = "/".join(map(str, self.counts()))
        return f"    {name:<14}{counts:<16}{self.seconds:6.1f} s  {self.trouble or ''}".rstrip()


class PluginStand(Stand):
    """The place of a suite that portable's plugin is tried on."""

    extras = "all"

    def __init__(
        self,
        suite: PluginSuite,
        python: str,
        cache: pathlib.Path,
        checkout: pathlib.Path | None,
    ) -> None:
        super().__init__(suite, python, cache)
        self.tag = suite.checkout
        self.checkout = checkout
        if suite.unbuilt:
            self.download = ("--no-build-isolation",)
            self.download_environment = {"PYTHONPATH": str(HERE / "unbuilt")}

    def build(self) -> None:
        """Fetch the sources and install everything.

        Raises:
            NotHere: the sdist has no tests, and no checkout was named that has.
        """
        if self.tag and self.checkout is None:
            name = self.suite.package
            raise NotHere(
                f"no sdist has all its tests; --checkout {name}=FOLDER names a checkout of its "
                f"repository at {self.tag}"
            )
        super().build()
        if self.checkout is not None:
            shutil.copytree(
                self.checkout / "tests", self.source() / "tests", dirs_exist_ok=True
            )

    def try_with(self, name: str, only: tuple[str, ...] = ()) -> Run:
        """Run the suite once, or some of its tests."""
        slug = name.replace(" ", "-") + ("-again" if only else "")
        answer = self.folder / f"plugin-{slug}.json"
        answer.unlink(missing_ok=True)
        environment = os.environ | {
            **COMPILED,
            "STRANGERS_LOOP": "as it is",
            "STRANGERS_OUTCOMES": str(answer),
            "PYTHONPATH": str(HERE),
        }
        command = [str(self.python), "-m", "pytest", "-p", "which_loop", *OPTIONS, *RUNS[name]]
        command += [*self.suite.options, *(only or self.suite.paths)]
        before = _processor()
        trouble = None
        with open(self.folder / f"plugin-{slug}.log", "w") as log:
            try:
                status = subprocess.run(
                    command,
                    cwd=self.source(),
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=SECONDS,
                ).returncode
                if status not in (0, 1):
                    trouble = f"pytest ended with {status}, see {log.name}"
            except subprocess.TimeoutExpired:
                trouble = f"was not through after {SECONDS} seconds, see {log.name}"
        noted = json.loads(answer.read_text()) if answer.exists() else {}
        seconds = _processor() - before
        return Run(noted.get("outcomes", {}), noted.get("details", {}), seconds, trouble)


def _processor() -> float:
    """Return the processor's seconds that children have taken which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def plain(test: str) -> tuple[str, str | None]:
    """Return a test's id without its backend, and that."""
    found = re.fullmatch(r"([^\[]*)\[(.*)\]", test, re.DOTALL)
    if found is None:
        return test, None
    ids = found[2].split("-")
    for at, name in enumerate(ids):
        backend = name.rpartition("+")[2]
        if backend in BACKENDS:
            left = "-".join(ids[:at] + ids[at + 1 :])
            return found[1] + (f"[{left}]" if left else ""), backend
    return test, None


class Before:
    """How tests ended without the plugin, in all the runs there were."""

    def __init__(self) -> None:
        self.outcomes: dict[str, set[str]] = {}
        self._variants: dict[str, dict[str | None, set[str]]] = {}

    def add(self, run: Run) -> None:
        """Take note of a run."""
        for test, outcome in run.outcomes.items():
            name, backend = plain(test)
            self.outcomes.setdefault(test, set()).add(outcome)
            self._variants.setdefault(name, {}).setdefault(backend, set()).add(outcome)

    def changed(self, run: Run) -> list[str]:
        """Return the tests of a run that ended in none of the ways that they did before.

        A backend that the suite did not run a test on is compared with all that it did. A
        test that was skipped as its backend was not chosen has not changed.
        """
        changed = []
        for test, outcome in run.outcomes.items():
            name, backend = plain(test)
            variants = self._variants.get(name, {})
            known = variants.get(backend) or set().union(*variants.values())
            chosen = "not chosen; chosen by" not in run.details.get(test, "")
            if chosen and outcome not in known:
                changed.append(test)
        return changed


@dataclasses.dataclass
class Verdict:
    """What came of one suite.

    Attributes:
        lines: what is to be printed.
        fine: whether all is well.
        kept: what the docs are made from.
    """

    lines: list[str]
    fine: bool
    kept: dict[str, Any]


def judge(stand: PluginStand, rounds: int) -> Verdict:
    """Run one suite in all ways."""
    suite = stand.suite
    try:
        stand.build()
    except NotHere as reason:
        return Verdict([f"{suite.package}: skipped: {reason}"], True, {})
    before, runs = Before(), dict.fromkeys(RUNS, Run({}, {}, 0.0, "did not run"))
    seconds: dict[str, list[float]] = {name: [] for name in MEASURED}
    for _ in range(rounds):
        for name in MEASURED:
            runs[name] = stand.try_with(name)
            seconds[name].append(runs[name].seconds)
            if name == "before":
                before.add(runs[name])
    for name in RUNS:
        if name not in MEASURED:
            runs[name] = stand.try_with(name)
    verdict = Verdict(
        [f"{suite.package} {suite.version}, Python {stand.python_version}"], True, {}
    )
    for name, run in runs.items():
        verdict.lines.append(run.row(name))
        verdict.fine &= run.trouble is None and (bool(run.outcomes) or name in BACKENDS)
        verdict.kept[name] = {"counts": run.counts(), "changes": {}}
        for test in before.changed(run):
            _explain(stand, name, run, test, verdict)
    missing = sorted(before.outcomes.keys() - runs["no option"].outcomes.keys())
    if missing:
        verdict.lines.append(f"    {len(missing)} were not run, the first: {missing[0]}")
        verdict.fine = False
    for name in MEASURED[1:]:
        ratio = min(seconds[name]) / min(seconds["before"])
        verdict.kept[name]["time"] = round(ratio, 2)
        verdict.lines.append(f"    {name}: {ratio:.2f} times the time before")
        verdict.fine &= name != "no leaks" or ratio < LEAKS_LIMIT
    return verdict


def _explain(stand: PluginStand, name: str, run: Run, test: str, verdict: Verdict) -> None:
    """Say why one test ended differently in a run, if that is known."""
    report = run.details.get(test, "")
    reason = reason_for(stand.suite.package, name, test)
    if reason is None and any(words in report for words in SAID.get(name, ())):
        reason = "said in the report"
    if reason is None:
        for _ in range(TRIES):
            runs = [stand.try_with(kind, (_same(test, kind),)) for kind in ("before", name)]
            without, again = ({*one.outcomes.values()} for one in runs)
            if run.outcomes[test] in without:
                reason = "at times it ends so without the plugin, too"
            elif run.outcomes[test] not in again:
                reason = "not once more when it ran by itself"
            if reason is not None:
                break
    last = (report.strip().splitlines() or ["no report"])[-1]
    verdict.lines.append(f"        {test}: {run.outcomes[test]}: {reason or 'NOT EXPLAINED'}")
    verdict.lines.append(f"            {last}")
    verdict.fine &= reason is not None
    changes = Counter(verdict.kept[name]["changes"])
    changes[reason or "not explained"] += 1
    verdict.kept[name]["changes"] = dict(changes)


def _same(test: str, run: str) -> str:
    """Return the id that a test has in a run: without the plugin uvloop's has another."""
    return test.replace("[uvloop", "[asyncio") if run == "before" else test


def reason_for(package: str, run: str, test: str) -> str | None:
    """Return why a test ends differently in a run, if that is known."""
    for whose, runs, pattern, reason in EXPLAINED:
        if whose == package and re.fullmatch(runs, run) and re.search(pattern, test):
            return reason
    return None


def start_up(stand: PluginStand, starts: int) -> dict[str, dict[str, float]]:
    """Return what it costs to collect nothing, and a few tests, without the plugin and with.

    Milliseconds of the processor: medians, and the median difference of two runs in a row.
    """
    found = {}
    for title, text in {"no test": "", "a small suite": SMALL_SUITE}.items():
        taken: dict[str, list[float]] = {"before": [], "no option": []}
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "test_small.py").write_text(text)
            for turn in range(starts + 1):
                for name, each in taken.items():
                    before = _processor()
                    subprocess.run(
                        [str(stand.python), "-m", "pytest", "-q", "--co", *RUNS[name]],
                        cwd=folder,
                        env=os.environ | COMPILED,
                        stdout=subprocess.DEVNULL,
                    )
                    if turn:  # the first one compiles
                        each.append(1000 * (_processor() - before))
        more = [after - before for before, after in zip(*taken.values(), strict=True)]
        medians = {name: statistics.median(each) for name, each in taken.items()}
        medians["more"] = statistics.median(more)
        found[title] = {name: round(each, 1) for name, each in medians.items()}
    return found


def keep(file: pathlib.Path, python: str, name: str, result: Mapping[str, Any]) -> None:
    """Put a result into the file that the docs are made from."""
    results = json.loads(file.read_text()) if file.exists() else {}
    results.setdefault(name, {})[python] = result
    file.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [suite.package for suite in SUITES]
    parser.add_argument("package", nargs="*", help=f"of {', '.join(names)}; default: all")
    parser.add_argument("--python", default=sys.executable, help="an interpreter")
    parser.add_argument(
        "--cache",
        type=pathlib.Path,
        default=pathlib.Path(tempfile.gettempdir()) / "portable-strangers-plugin",
        help="where environments and sources are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--checkout",
        action="append",
        default=[],
        metavar="PACKAGE=FOLDER",
        help="where the tests are of a package whose sdist has none",
    )
    parser.add_argument(
        "--rounds", type=int, default=2, help="of the measured runs (%(default)s)"
    )
    parser.add_argument(
        "--starts",
        type=int,
        default=30,
        help="of pytest, each time, to measure what they cost (%(default)s; 0: none)",
    )
    parser.add_argument("--keep", type=pathlib.Path, help="a file to put the results into")
    options = parser.parse_args()
    checkouts = {
        name: pathlib.Path(at) for name, _, at in (o.partition("=") for o in options.checkout)
    }
    unknown = {*options.package, *checkouts} - set(names)
    if unknown:
        parser.error(f"no suite of {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    cache = options.cache.resolve()
    if cache.is_relative_to(REPOSITORY):
        parser.error("--cache has to be outside of the repository")
    stands = [
        PluginStand(suite, options.python, cache, checkouts.get(suite.package))
        for suite in SUITES
        if suite.package in (options.package or names)
    ]
    fine = True
    for stand in stands:
        verdict = judge(stand, options.rounds)
        print("\n".join(verdict.lines), flush=True)
        fine = fine and verdict.fine
        if options.keep is not None and verdict.kept:
            keep(options.keep, stand.python_version, stand.suite.package, verdict.kept)
    ready = [stand for stand in stands if stand.python.exists()]
    if ready and options.starts:
        starts = start_up(ready[0], options.starts)
        for title, taken in starts.items():
            print(f"pytest's start with {title}, ms of the processor: {taken}")
        if options.keep is not None:
            keep(options.keep, ready[0].python_version, "start-up", starts)
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
