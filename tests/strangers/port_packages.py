"""`portable port` judged by packages that know nothing of portable.

    python tests/strangers/port_packages.py
    python tests/strangers/port_packages.py --suites asyncio-throttle async-lru
    python tests/strangers/port_packages.py --static
    python tests/strangers/port_packages.py --static --reasons 5
    python tests/strangers/port_packages.py --static --packages redis kopf --keep figures.json

Each package's sdist comes from PyPI, in the version named below. *Static*: all of it is ported,
and each file that changed still compiles, changes no more the second time, keeps its comments,
and is imported as it was before (`importing.py`). *Suites*: the package is installed, ported
where it is installed and in its sources, and its own tests, unedited, run on asyncio, uvloop
and trio, before and after.

It prints the sites, the share rewritten, without and with `--assume calm,quiet,free,plain`, the
processor time, and the tests passed, failed and skipped before and after; then for each name
what became of its sites, and with `--reasons` the most frequent reasons why one stays. `--keep`
adds the figures to those of earlier pieces.

*Task-level* names are those of the "High-level API Index" in Python's documentation, with what
belongs to them (`ensure_future`, the constants of `wait()`), as far as AnyIO has a name or an
idiom for them. The loop and its methods, transports, protocols and futures are not, nor are
queues that are no FIFO, barriers, or pytest-asyncio's names. `sleep` is one of them; as there
are many, the share is told without it, too.

It exits with 1 if a file is broken, or a suite does not end as it did. It is not a part of the
default test run: it needs PyPI, and a quarter of an hour.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import tokenize
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from stand import Run, Stand
from table import SUITES

from portable.porting.files import FileResult, find_targets, port_files
from portable.porting.neighbours import package_root
from portable.porting.report import Report
from portable.porting.rules import CONDITIONS
from portable.porting.site import Site

HERE = pathlib.Path(__file__).resolve().parent
#: What is ported and looked at.
SDISTS = (
    *("aiocache==0.12.3", "aiocoap==0.4.17", "aiogram==3.31.0", "aiohttp==3.14.5"),
    *("aiojobs==1.4.0", "aiomqtt==2.5.1", "aiorwlock==1.5.1", "aiosmtpd==1.4.6"),
    *("aiosqlite==0.22.1", "asgiref==3.13.0", "async-lru==2.4.0", "async-timeout==5.0.1"),
    *("asyncio-throttle==1.0.2", "discord.py==2.7.1", "hypercorn==0.18.0", "kopf==1.45.2"),
    *("openai-agents==0.24.0", "pymodbus==3.16.1", "python-telegram-bot==22.8"),
    *("redis==8.1.0", "slixmpp==1.17.0", "tenacity==9.2.1", "uvicorn==0.54.0"),
    *("websockets==17.4", "zeroconf==0.154.0"),
)
#: What its suite judges, and where its package is, in its sources and where it is installed.
JUDGED = {
    "asyncio-throttle": "asyncio_throttle",
    "async-lru": "async_lru",
    "aiojobs": "aiojobs",
    "async-timeout": "async_timeout",
    "asgiref": "asgiref",
    "aiosqlite": "aiosqlite",
    "hypercorn": "hypercorn",
}
BACKENDS = ("asyncio", "uvloop", "trio")
#: The names of asyncio's high-level API that AnyIO has an idiom for.
TASK_LEVEL = frozenset(
    f"asyncio.{name}"
    for name in (
        *("run", "Runner", "sleep", "create_task", "ensure_future", "gather", "wait_for"),
        *("wait", "FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED", "as_completed"),
        *("shield", "timeout", "timeout_at", "TaskGroup", "Task", "current_task", "all_tasks"),
        *("to_thread", "run_coroutine_threadsafe", "CancelledError", "TimeoutError"),
        *("Event", "Lock", "Semaphore", "BoundedSemaphore", "Condition"),
        *("Queue", "QueueEmpty", "QueueFull"),
        *("open_connection", "open_unix_connection", "start_server", "start_unix_server"),
        *("StreamReader", "StreamWriter", "IncompleteReadError", "LimitOverrunError"),
        *("create_subprocess_exec", "create_subprocess_shell", "subprocess.Process"),
        *("subprocess", "subprocess.PIPE", "subprocess.DEVNULL", "subprocess.STDOUT"),
    )
)


def fetched(requirement: str, cache: pathlib.Path) -> pathlib.Path:
    """Return the folder of an sdist's files, fetched unless it is there."""
    folder = cache / "sdists" / requirement
    if not folder.exists():
        with tempfile.TemporaryDirectory() as place:
            words = ("download", "-q", "--no-deps", "--no-binary", ":all:", "-d", place)
            command = [sys.executable, "-m", "pip", *words, requirement]
            environment = os.environ | {"AIOHTTP_NO_EXTENSIONS": "1"}
            subprocess.run(command, check=True, env=environment)
            (sdist,) = pathlib.Path(place).glob("*.tar.gz")
            with tarfile.open(sdist) as archive:
                archive.extractall(folder, filter="data")
    return folder


def comments(code: bytes) -> Counter[str]:
    """Return the comments of a file."""
    found = tokenize.tokenize(io.BytesIO(code).readline)
    return Counter(token.string for token in found if token.type == tokenize.COMMENT)


def broken(result: FileResult) -> str:
    """Return what is wrong with a file after its port; empty: nothing."""
    if "please report" in result.error:
        return result.error
    if not result.changed:
        return ""
    try:
        compile(result.after, str(result.path), "exec", dont_inherit=True)
    except SyntaxError as error:
        return str(error)
    if comments(result.before) - comments(result.after):
        return f"lost {comments(result.before) - comments(result.after)}"
    return ""


def module_of(path: pathlib.Path) -> tuple[pathlib.Path, str]:
    """Return the outermost package that a file is in, and its module; empty: in none."""
    root = package_root(path)
    words = path.relative_to(root.parent).with_suffix("").parts
    scripts = {"tests", "test", "examples", "docs", "__main__", "conftest"}
    if not (root / "__init__.py").exists() or not scripts.isdisjoint(words):
        return root, ""
    return root, ".".join(words).removesuffix(".__init__")


def imported(package: pathlib.Path, modules: Sequence[str]) -> dict[str, str]:
    """Return how imports of a package's modules end."""
    command = [sys.executable, str(HERE / "importing.py"), str(package.parent), *modules]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    except subprocess.TimeoutExpired:
        return dict.fromkeys(modules, "takes too long")
    return (
        json.loads(done.stdout) if done.stdout else dict.fromkeys(modules, done.stderr[-300:])
    )


def check_imports(results: Sequence[FileResult]) -> tuple[int, int, list[str]]:
    """Import what was changed, before and after.

    Returns:
        How many modules were changed, how many of them can be imported after it, and what
        ends otherwise than before.
    """
    packages: dict[pathlib.Path, dict[str, FileResult]] = {}
    for result in results:
        root, module = module_of(result.path)
        if module and result.changed and result.path.suffix == ".py":
            packages.setdefault(root, {})[module] = result
    count, good, wrong = 0, 0, []
    for root, found in packages.items():
        with tempfile.TemporaryDirectory() as folder:
            ends = []
            for side in ("before", "after"):
                package = pathlib.Path(folder, side, root.name)
                shutil.copytree(root, package)
                for result in found.values() if side == "after" else ():
                    (package / result.path.relative_to(root)).write_bytes(result.after)
                ends.append(imported(package, sorted(found)))
        count += len(found)
        good += sum(end == "imported" for end in ends[1].values())
        wrong += [
            f"{module}: {ends[0][module]}, then {end}"
            for module, end in ends[1].items()
            if end != ends[0][module]
        ]
    return count, good, wrong


def row_of(*cells: str) -> str:
    """Return one row of the table."""
    return "".join(cell.ljust(22) for cell in cells).rstrip()


def counted(run: Run) -> str:
    """Return how many tests passed, failed and were skipped."""
    return "/".join(map(str, run.counts()))


def reason(site: Site) -> str:
    """Return why a site stays, without the places and names of this one."""
    why = re.sub(r"(?:calls \w+\(\), which )+", "calls what ", site.why)
    why = re.sub(r"\bline \d+", "a line", why)
    why = re.sub(r"(?<=kept by )\w+(?=,)|(?<=attribute, )\w+|(?<=task in )\w+", "NAME", why)
    why = re.sub(r"(?<=imports )(?!its own)[\w.]+(?:, [\w.]+)*(?=, which)", "NAME", why)
    return re.sub(r"\b\w+\(\)(?=, which)", "NAME()", why) or "no condition is known"


def static(requirement: str, cache: pathlib.Path) -> dict[str, Any]:
    """Port an sdist, print what became of it, and return the figures."""
    folder = fetched(requirement, cache)
    began, started = time.process_time() + sum(os.times()[2:4]), time.perf_counter()
    results = port_files(find_targets([str(folder)]), places_after=True)
    processor = time.process_time() + sum(os.times()[2:4]) - began
    wall = time.perf_counter() - started
    sites = [site for result in results for site in result.sites]
    names = Counter(site.name for site in sites)
    done = Counter(site.name for site in sites if site.rewritten)
    whys = Counter((site.name, reason(site)) for site in sites if not site.rewritten)
    count, good, otherwise = check_imports(results)
    vouched = port_files(
        find_targets([str(folder)]), places_after=True, assumed=frozenset(CONDITIONS)
    )
    more = Counter(site.name for each in vouched for site in each.sites if site.rewritten)
    wrong = {(str(each.path), why) for each in (*results, *vouched) if (why := broken(each))}
    found: dict[str, Any] = {
        "files": sum(result.changed for result in results),
        "lines": sum(result.before.count(b"\n") for result in results),
        "names": {name: [often, done[name]] for name, often in names.most_common()},
        "assumed": list(CONDITIONS),
        "vouched": {name: [often, more[name]] for name, often in names.most_common()},
        "reasons": [[name, why, often] for (name, why), often in whys.most_common()],
        "modules": [count, good],
        "broken": otherwise + [f"{path}: {why}" for path, why in sorted(wrong)],
        "seconds": {"processor": round(processor, 1), "wall": round(wall, 1)},
    }
    name, _, version = requirement.partition("==")
    cells = [
        "/".join(map(str, shares(found, only, kind)[::-1]))
        for kind in ("names", "vouched")
        for only in (None, TASK_LEVEL)
    ]
    print(row_of(name, version, str(found["files"]), *cells), flush=True)
    for each in found["broken"]:
        print(f"    BROKEN {each}")
    return found


def shares(
    found: dict[str, Any], only: frozenset[str] | None, kind: str = "names"
) -> tuple[int, int]:
    """Return how many sites of some names a package has, and how many are rewritten.

    Args:
        found: the figures of the package.
        only: the names; `None`: all.
        kind: `names`, or `vouched` for what is rewritten if a human vouches for it.
    """
    pairs = [pair for name, pair in found[kind].items() if only is None or name in only]
    return sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs)


def summary(packages: dict[str, dict[str, Any]], reasons: int) -> Iterator[str]:
    """Return what became of all packages: the shares, and a table of the names.

    Args:
        packages: the figures of each.
        reasons: how many reasons are told for each name.
    """
    found = list(packages.values())

    def share(only: frozenset[str] | None, kind: str = "names") -> str:
        pairs = (shares(each, only, kind) for each in found)
        sites, done = map(sum, zip(*pairs, strict=True))
        return f"{done} of {sites} ({100 * done / max(sites, 1):.0f} %)"

    halves = [
        each for each in found if 2 * shares(each, TASK_LEVEL)[1] >= shares(each, TASK_LEVEL)[0]
    ]
    lines = sum(each["lines"] for each in found)
    wall, processor = (
        sum(each["seconds"][kind] for each in found) * 100_000 / max(lines, 1)
        for kind in ("wall", "processor")
    )
    modules, imported = map(sum, zip(*(each["modules"] for each in found), strict=True))
    yield (
        f"{len(found)} packages: {share(None)} of all sites, {share(TASK_LEVEL)} of task-level "
        f"names, {share(TASK_LEVEL - {'asyncio.sleep'})} without sleep; "
        f"{share(TASK_LEVEL, 'vouched')} with --assume calm,quiet,free,plain; half or more in "
        f"{len(halves)} packages; {imported} of {modules} changed modules are imported; "
        f"{lines} lines in files that name asyncio; to port 100,000 of them twice takes "
        f"{wall:.0f} s in {os.cpu_count()} processes, {processor:.0f} s of processor time"
    )
    names: Counter[str] = Counter()
    done: Counter[str] = Counter()
    whys: dict[str, Counter[str]] = {}
    for each in found:
        names.update({name: pair[0] for name, pair in each["names"].items()})
        done.update({name: pair[1] for name, pair in each["names"].items()})
        for name, why, often in each["reasons"]:
            whys.setdefault(name, Counter())[why] += often
    yield row_of("name", "sites", "rewritten", "left", "task-level")
    for name, count in names.most_common():
        task = "yes" if name in TASK_LEVEL else "no"
        cells = (count, done[name], count - done[name], task)
        yield row_of(name.removeprefix("asyncio."), *map(str, cells))
        for why, often in whys.get(name, Counter()).most_common(reasons):
            yield f"    {often} x {why}"


class PortedStand(Stand):
    """The place of a suite, whose package can be ported and put back."""

    extras = "trio,uvloop,port"

    def packages(self) -> list[pathlib.Path]:
        """Return where the package is: in the sources, and where it is installed."""
        name = JUDGED[self.suite.package]
        (library,) = (self.folder / "env" / "lib").glob("python*")
        places = [library / "site-packages", self.source(), self.source() / "src"]
        return [place / name for place in places if (place / name).is_dir()]

    def port(self) -> Report:
        """Port the package where it is, and return what was done."""
        done: list[FileResult] = []
        for package in self.packages():
            shutil.copytree(package, package.with_name(f"{package.name}.before"))
            files = [str(path) for path in package.rglob("*.py") if "tests" not in path.parts]
            done = port_files(find_targets(files))
            for result in done:
                if result.changed:
                    result.path.write_bytes(result.after)
        return Report(done)

    def restore(self) -> None:
        """Put the package back as it was."""
        for package in self.packages():
            before = package.with_name(f"{package.name}.before")
            if before.exists():
                shutil.rmtree(package)
                before.rename(package)


def judge(stand: PortedStand, kept: dict[str, Any]) -> bool:
    """Run a suite before and after, print both, and return whether they end alike.

    Args:
        stand: where the suite is.
        kept: gets the figures.
    """
    stand.build()
    stand.restore()
    before = {backend: stand.run(backend) for backend in BACKENDS}
    try:
        report = stand.port()
        after = {backend: stand.run(backend) for backend in BACKENDS}
        # A test that waits in real time may fail once on a machine that is busy.
        again = {backend: _again(stand, backend, before, after) for backend in BACKENDS}
    finally:
        stand.restore()
    print(f"{stand.suite.package} {stand.suite.version}: {report.summary()}")
    fine = True
    runs: dict[str, list[str]] = {}
    name = f"{stand.suite.package} {stand.suite.version}"
    kept["suites"][name] = {"sites": report.total, "rewritten": report.rewritten, "runs": runs}
    for backend in BACKENDS:
        was, now = before[backend], after[backend]
        runs[backend] = [counted(was), counted(now)]
        print(f"    {backend}: {counted(was)} before, {counted(now)} after", flush=True)
        for trouble in filter(None, (was.trouble, now.trouble)):
            print(f"        {trouble}")
            fine = False
        for test, outcome in was.outcomes.items():
            then = [now.outcomes.get(test, "not run"), again[backend].outcomes.get(test)]
            if outcome not in then:
                fine = fine and outcome != "passed"
            if outcome != then[0]:
                print(f"        {test}: {outcome}, then {', then '.join(filter(None, then))}")
    return fine


def _again(
    stand: PortedStand, backend: str, before: dict[str, Run], after: dict[str, Run]
) -> Run:
    """Run once more what passed before the port and not after it."""
    lost = [
        test
        for test, outcome in before[backend].outcomes.items()
        if outcome == "passed" and after[backend].outcomes.get(test) != "passed"
    ]
    return stand.run(backend, lost) if lost else Run({}, {})


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--static", action="store_true", help="port the sdists alone")
    parser.add_argument(
        "--reasons", type=int, default=0, metavar="N", help="print N reasons for each name"
    )
    parser.add_argument("--packages", nargs="*", help="port these sdists; default: all")
    parser.add_argument("--suites", nargs="*", help=f"of {', '.join(JUDGED)}; default: all")
    parser.add_argument(
        "--cache",
        type=pathlib.Path,
        default=pathlib.Path(tempfile.gettempdir()) / "portable-strangers-ported",
        help="where environments and sources are kept (default: %(default)s)",
    )
    parser.add_argument(
        "--keep", type=pathlib.Path, metavar="FILE", help="write the figures there, as JSON"
    )
    options = parser.parse_args()
    known = {"--packages": [each.partition("==")[0] for each in SDISTS], "--suites": [*JUDGED]}
    for option, names in known.items():
        unknown = set(getattr(options, option[2:]) or ()) - set(names)
        if unknown:
            parser.error(f"{option}: no {', '.join(unknown)}; there are {', '.join(names)}")
    cache = options.cache.resolve()
    kept: dict[str, Any] = {"packages": {}, "suites": {}}
    if options.keep and options.keep.exists():
        kept = json.loads(options.keep.read_text("utf-8"))

    def keep() -> None:
        if options.keep:
            options.keep.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")

    fine = True
    if options.static or options.suites is None:
        print(row_of("package", "version", "files", *2 * ("sites", "task-level")))
        for requirement in SDISTS:
            if not options.packages or requirement.partition("==")[0] in options.packages:
                kept["packages"][requirement] = found = static(requirement, cache)
                fine = fine and not found["broken"]
                keep()
        for line in summary(kept["packages"], options.reasons):
            print(line)
    if not options.static:
        chosen = options.suites or list(JUDGED)
        for suite in SUITES:
            if suite.package in chosen:
                fine = judge(PortedStand(suite, sys.executable, cache), kept) and fine
                keep()
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
