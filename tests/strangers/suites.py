"""Packages that know nothing of portable run their own test suites on trio.

    python tests/strangers/suites.py
    python tests/strangers/suites.py --python python3.11 --python python3.14 asgiref aiosqlite

Each package's sdist comes from PyPI, in the version named below, with its tests unedited. Each
gets a virtual environment of its own, in a cache folder, with what its tests need and with
portable from this working tree. Its suite runs twice, on asyncio and on trio. Only what starts
the loop is ours: `which_loop.py`, a pytest plugin that sets asyncio's event loop policy.

It prints how many tests passed, failed and were skipped on each, and every test that ended
differently. A test that passes on asyncio and fails on trio runs a second time on both. The
script exits with 1 if one fails again and `EXPLAINED` below gives no reason. It is not a part
of the default test run: it needs PyPI, and a few minutes.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]

#: What runs every suite.
TOOLS = ("pytest==9.1.1", "pytest-asyncio==1.5.0", "pytest-timeout==2.4.0")
#: Ours: addopts are about coverage in these packages, and portable's own plugin is not asked.
#: Native tracebacks: the others parse sources, which before 3.11.8 may fail (gh-106905).
OPTIONS = (
    *("-q", "--tb=native", "-o", "addopts="),
    *("-p", "no:portable", "-p", "no:cacheprovider"),
)
#: Seconds for one test, and for one suite.
TEST_TIMEOUT, SUITE_TIMEOUT = 60, 1800


@dataclasses.dataclass(frozen=True)
class Suite:
    """One package and how its tests are run.

    Attributes:
        package: the name on PyPI.
        version: the version of the sdist.
        starts: how its suite starts the loop.
        paths: which of its test files run; empty: those its own configuration names.
        options: what pytest needs beyond the package's own configuration.
        needs: what its tests import beyond `TOOLS` and its own dependencies.
        added: files that are laid beside the sdist's: the place there, the place here.
        environment: variables that its build and its tests are given.
        server: a command that is to run beside its tests. In it and in `options`, PORT stands
            for a free port.
    """

    package: str
    version: str
    starts: str
    paths: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    server: tuple[str, ...] = ()


SUITES = (
    Suite(
        "asyncio-throttle",
        "1.0.2",
        "pytest-asyncio",
        # Its sdists have no tests; this is the one file of its repository's, as it is there.
        added=(("tests/test_simple.py", "asyncio_throttle/test_simple.py.txt"),),
    ),
    Suite("async-lru", "2.4.0", "pytest-asyncio, new_event_loop()"),
    Suite(
        "aiojobs",
        "1.4.0",
        "pytest-asyncio, new_event_loop()",
        # Without its aiohttp part. The sdist leaves out its pytest.ini, which says this.
        paths=("tests/test_job.py", "tests/test_scheduler.py"),
        options=("-o", "asyncio_mode=auto"),
    ),
    Suite("async-timeout", "5.0.1", "pytest-asyncio"),
    Suite(
        "tenacity",
        "9.2.1",
        "asyncio.run()",
        paths=("tests/test_asyncio.py",),
        needs=("tornado==6.6.1", "typeguard==4.4.4"),
    ),
    Suite("asgiref", "3.13.0", "pytest-asyncio, asyncio.run() in threads"),
    Suite(
        "aiosqlite",
        "0.22.1",
        "IsolatedAsyncioTestCase",
        paths=("aiosqlite/tests/smoke.py",),
    ),
    # What follows opens sockets.
    Suite(
        "aiohttp",
        "3.14.5",
        "its own pytest plugin, new_event_loop(), asyncio.run()",
        # The tests of what opens sockets: client, server, connections, web sockets, proxies.
        paths=(
            *("tests/test_client_functional.py", "tests/test_client_ws_functional.py"),
            *("tests/test_connector.py", "tests/test_proxy_functional.py"),
            *("tests/test_run_app.py", "tests/test_test_utils.py"),
            *("tests/test_web_functional.py", "tests/test_web_runner.py"),
            *("tests/test_web_sendfile_functional.py", "tests/test_web_server.py"),
            "tests/test_web_websocket_functional.py",
        ),
        needs=(
            *("pytest-mock==3.17.0", "freezegun==1.5.5", "trustme==1.2.1", "re-assert==1.1.0"),
            *("proxy.py==2.4.10", "pytest-xdist==3.8.0", "pytest-codspeed==5.0.4"),
            *("blockbuster==1.5.29", "isal==1.9.1", "zlib-ng==1.1.0", "Brotli==1.2.1"),
            "coverage==7.17.5",
        ),
        # Its parsers in Python: the tests import the sources, beside which nothing is built.
        environment=(("AIOHTTP_NO_EXTENSIONS", "1"),),
    ),
    Suite(
        "hypercorn",
        "0.18.0",
        "pytest-asyncio",
        paths=("tests/asyncio", "tests/e2e", "tests/middleware", "tests/protocol"),
        needs=("httpx==0.28.1", "hypothesis", "mock==5.2.0", "pytest-trio==0.8.0"),
    ),
    Suite(
        "redis",
        "8.1.0",
        "pytest-asyncio",
        paths=(
            *("tests/test_asyncio/test_encoding.py", "tests/test_asyncio/test_lock.py"),
            *("tests/test_asyncio/test_monitor.py", "tests/test_asyncio/test_pipeline.py"),
            *("tests/test_asyncio/test_pubsub.py", "tests/test_asyncio/test_scripting.py"),
        ),
        options=("--redis-url=redis://localhost:PORT/0",),
        needs=("numpy", "pybreaker==1.4.1", "cryptography", "xxhash==3.6.0"),
        server=("redis-server", "--port", "PORT", "--save", ""),
    ),
    # It knows trio: the one whose queues wait in trio, in tasks of asyncio's.
    Suite("culsans", "0.11.0", "IsolatedAsyncioTestCase, asyncio.run()"),
)

_COUNTS = (
    "It counts the loop's iterations until a wait is over. culsans waits in trio where it sees "
    "trio, and there their number is left open, as the order is (T1)."
)
_READY = (
    "It cancels a task that a value was handed to. culsans waits in trio where it sees trio, "
    "and what trio has handed over is delivered (T4)."
)
#: Why a test that passes on asyncio fails on trio: package, pattern of the test, reason.
EXPLAINED: tuple[tuple[str, str, str], ...] = (
    ("culsans", r"::QueueBasicTests::test_maxsize$", _COUNTS),
    ("culsans", r"::QueueGetTests::test_get_(cancelled_race|with_putters)$", _COUNTS),
    ("culsans", r"::QueuePutTests::test_put_cancelled_race$", _COUNTS),
    (
        "culsans",
        r"ShutdownTests::test_shutdown_(immediate_with_unfinished|nonempty)$",
        _COUNTS,
    ),
    ("culsans", r"::test_get_cancel_drop_many_pending_readers$", _READY),
    ("culsans", r"::test_cancelled_put_silence_value_error_exception$", _READY),
)


@dataclasses.dataclass(frozen=True)
class Run:
    """How the tests of a suite ended on one backend."""

    outcomes: dict[str, str]
    details: dict[str, str]
    trouble: str | None = None

    def counted(self) -> str:
        """Return `passed/failed/skipped`."""
        ended = list(self.outcomes.values())
        return "/".join(str(ended.count(how)) for how in ("passed", "failed", "skipped"))


class Stand:
    """The place of one suite in the cache: its sources, its environment, its runs."""

    def __init__(self, suite: Suite, python: str, cache: pathlib.Path) -> None:
        self.suite = suite
        tag = output(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
        self.python_version = tag
        self.folder = cache / tag / f"{suite.package}-{suite.version}"
        self.python = self.folder / "env" / "bin" / "python"
        self.base = python

    def build(self) -> None:
        """Fetch the sdist and install everything, unless that was done before."""
        suite = self.suite
        wanted = [*TOOLS, *suite.needs, "-e", f"{REPOSITORY}[trio]"]
        ready = self.folder / "ready.json"
        if ready.exists() and json.loads(ready.read_text()) == wanted:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        ready.unlink(missing_ok=True)
        output(self.base, "-m", "venv", "--clear", str(self.folder / "env"))
        pip = [str(self.python), "-m", "pip"]
        output(
            *(*pip, "download", "-q", "--no-deps", "--no-binary", suite.package),
            *("-d", str(self.folder), f"{suite.package}=={suite.version}"),
            **dict(suite.environment),
        )
        sdist = self.sdist()
        with tarfile.open(sdist) as archive:
            archive.extractall(self.folder / "source", filter="data")
        for there, here in suite.added:
            copy = self.source() / there
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((HERE / here).read_bytes())
        output(*pip, "install", "-q", str(sdist), *wanted, **dict(suite.environment))
        ready.write_text(json.dumps(wanted))

    def sdist(self) -> pathlib.Path:
        """Return the downloaded file."""
        (found,) = self.folder.glob("*.tar.gz")
        return found

    def source(self) -> pathlib.Path:
        """Return the folder that the sdist holds."""
        (found,) = (self.folder / "source").iterdir()
        return found

    def run(self, backend: str, only: list[str] | None = None) -> Run:
        """Run the suite, or some of its tests."""
        suite = self.suite
        name = f"{backend}-again" if only else backend
        answer = self.folder / f"{name}.json"
        answer.unlink(missing_ok=True)
        environment = os.environ | {
            "STRANGERS_LOOP": backend,
            "STRANGERS_OUTCOMES": str(answer),
            "PYTHONPATH": str(HERE),
            **dict(suite.environment),
        }
        command = [str(self.python), "-m", "pytest", "-p", "which_loop", *OPTIONS]
        port = str(free_port())
        options = [option.replace("PORT", port) for option in suite.options]
        command += [f"--timeout={TEST_TIMEOUT}", *options]
        command += only or suite.paths
        trouble = None
        server = [part.replace("PORT", port) for part in suite.server]
        with open(self.folder / f"{name}.log", "w") as log, running(server, port, self.folder):
            try:
                status = subprocess.run(
                    command,
                    cwd=self.source(),
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=SUITE_TIMEOUT,
                ).returncode
                if status not in (0, 1):  # 1: some tests failed
                    trouble = f"pytest ended with {status}, see {log.name}"
            except subprocess.TimeoutExpired:
                trouble = f"was not through after {SUITE_TIMEOUT} seconds, see {log.name}"
        noted = json.loads(answer.read_text()) if answer.exists() else {}
        foreign = [name for name in noted.get("loops", {}) if name.startswith("portable.")]
        if trouble is None and bool(foreign) != (backend == "trio"):
            trouble = f"its loops were {noted.get('loops')}"
        return Run(noted.get("outcomes", {}), noted.get("details", {}), trouble)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("localhost", 0)) as unused:
        port: int = unused.getsockname()[1]
        return port


@contextlib.contextmanager
def running(command: list[str], port: str, folder: pathlib.Path) -> Iterator[None]:
    """Run a server, if there is a command, until it is no longer needed."""
    if not command:
        yield
        return
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                try:
                    socket.create_connection(("localhost", int(port))).close()
                    break
                except ConnectionRefusedError:
                    time.sleep(0.1)
            yield
        finally:
            server.terminate()


def judge(stand: Stand) -> tuple[list[str], bool]:
    """Run one suite on both backends; return what is to be printed, and whether all is well."""
    suite = stand.suite
    stand.build()
    control, trio = stand.run("asyncio"), stand.run("trio")
    troubles = [
        f"    on {backend}: {run.trouble}"
        for backend, run in (("asyncio", control), ("trio", trio))
        if run.trouble is not None
    ]
    missing = [test for test in control.outcomes if test not in trio.outcomes]
    if missing:
        troubles.append(f"    {len(missing)} were not run on trio, the first: {missing[0]}")
    fine = not troubles and "passed" in control.outcomes.values()
    lost = [
        test
        for test, outcome in trio.outcomes.items()
        if control.outcomes.get(test) == "passed" and outcome != "passed"
    ]
    puzzling = [test for test in lost if reason_for(suite, test) is None]
    again = {
        backend: stand.run(backend, puzzling) if puzzling else Run({}, {})
        for backend in ("asyncio", "trio")
    }
    lines = []
    explained: dict[str, list[str]] = {}
    for test, on_trio in trio.outcomes.items():
        on_asyncio = control.outcomes.get(test, "not run")
        if on_asyncio == on_trio:
            continue
        line = f"    {test}: {on_asyncio} on asyncio, {on_trio} on trio"
        if test in lost:
            reason = reason_for(suite, test)
            if reason is not None:
                explained.setdefault(reason, []).append(line)
                continue
            if again["trio"].outcomes.get(test) == "passed":
                line += "; passed on trio the second time"
            elif again["asyncio"].outcomes.get(test) != "passed":
                line += "; did not pass on asyncio the second time"
            else:
                fine = False
                line += f"\n        NOT EXPLAINED: {error_of(trio.details.get(test, ''))}"
        lines.append(line)
    for reason, tests in explained.items():
        lines += [*tests, f"        explained: {reason}"]
    row = row_of(
        suite.package, suite.version, stand.python_version, control.counted(), trio.counted()
    )
    return [row, *troubles, *lines], fine


def reason_for(suite: Suite, test: str) -> str | None:
    """Return why a test fails on trio, if that is known."""
    for package, pattern, reason in EXPLAINED:
        if package == suite.package and re.search(pattern, test):
            return reason
    return None


def error_of(report: str) -> str:
    """Return the last line of a report: the error."""
    return (report.strip().splitlines() or ["no report"])[-1]


def row_of(*cells: str) -> str:
    """Return one row of the table."""
    return "".join(
        cell.ljust(width) for cell, width in zip(cells, (18, 9, 8, 15, 15), strict=True)
    ).rstrip()


def output(*command: str, **environment: str) -> str:
    """Run a command; return what it prints, or end with all of that if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [suite.package for suite in SUITES]
    parser.add_argument("package", nargs="*", help=f"of {', '.join(names)}; default: all")
    parser.add_argument(
        "--python", action="append", help="an interpreter; more than once: several"
    )
    parser.add_argument(
        "--cache",
        type=pathlib.Path,
        default=pathlib.Path(tempfile.gettempdir()) / "portable-strangers",
        help="where environments and sources are kept (default: %(default)s)",
    )
    options = parser.parse_args()
    unknown = set(options.package) - set(names)
    if unknown:
        parser.error(f"no suite of {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    cache = options.cache.resolve()
    if cache.is_relative_to(REPOSITORY):
        parser.error("--cache has to be outside of the repository")

    print("passed/failed/skipped")
    print(row_of("package", "version", "Python", "asyncio", "trio"))
    fine = True
    for python in options.python or [sys.executable]:
        for suite in SUITES:
            if not options.package or suite.package in options.package:
                lines, good = judge(Stand(suite, python, cache))
                print("\n".join(lines), flush=True)
                fine = fine and good
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
