"""The place where one package's suite runs: its sources, its environment, its runs."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
from collections.abc import Mapping

import debian
from servers import SERVERS, Served
from table import Suite

HERE = pathlib.Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]

#: What runs every suite.
TOOLS = ("pytest==9.1.1", "pytest-asyncio==1.5.0", "pytest-timeout==2.4.0")
#: Ours: addopts are about coverage in these packages.
#: Native tracebacks: the others parse sources, which before 3.11.8 may fail (gh-106905).
OPTIONS = ("-q", "--tb=native", "-o", "addopts=", "-p", "no:cacheprovider")
#: Seconds for one test, and for one suite.
TEST_TIMEOUT, SUITE_TIMEOUT = 60, 1800


@dataclasses.dataclass(frozen=True)
class Run:
    """How the tests of a suite ended on one backend."""

    outcomes: dict[str, str]
    details: dict[str, str]
    trouble: str | None = None

    def counts(self) -> list[int]:
        """Return how many passed, failed and were skipped."""
        ended = list(self.outcomes.values())
        return [ended.count(how) for how in ("passed", "failed", "skipped")]


class Stand:
    """The place of one suite in the cache.

    Attributes:
        extras: what of portable is installed beside it.
        download: what pip needs beyond that to hand out the sdist.
        download_environment: the variables that it needs for it.
    """

    extras = "trio"
    download: tuple[str, ...] = ()
    download_environment: Mapping[str, str] = {}

    def __init__(self, suite: Suite, python: str, cache: pathlib.Path) -> None:
        self.suite = suite
        tag = output(python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").strip()
        self.python_version = tag
        self.folder = cache / tag / f"{suite.package}-{suite.version}"
        self.python = self.folder / "env" / "bin" / "python"
        self.base = python

    def build(self) -> None:
        """Fetch the sources and install everything, unless that was done before.

        Raises:
            NotHere: the sources cannot be had on this machine.
        """
        suite = self.suite
        wanted = [*TOOLS, *suite.needs, "-e", f"{REPOSITORY}[{self.extras}]"]
        ready = self.folder / "ready.json"
        if ready.exists() and json.loads(ready.read_text()) == wanted:
            return
        # What an earlier attempt has left would be in the way, or be taken for what is new.
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        output(self.base, "-m", "venv", "--clear", str(self.folder / "env"))
        pip = [str(self.python), "-m", "pip"]
        output(
            *(*pip, "download", "-q", "--no-deps", "--no-binary", suite.package),
            *("-d", str(self.folder), f"{suite.package}=={suite.version}", *self.download),
            **dict(suite.environment) | self.download_environment,
        )
        sdist = self.folder / self.sdist()
        if suite.debian is None:
            with tarfile.open(sdist) as archive:
                archive.extractall(self.folder / "source", filter="data")
        else:
            place = self.folder / "debian"
            place.mkdir(exist_ok=True)
            debian.unpack(*suite.debian, place)
            (place / "source").rename(self.folder / "source")
        for there, here in suite.added:
            copy = self.source() / there
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((HERE / here).read_bytes())
        package = f"{suite.package}=={suite.version}" if suite.wheel else str(sdist)
        output(*pip, "install", "-q", package, *wanted, **dict(suite.environment))
        ready.write_text(json.dumps(wanted))

    def sdist(self) -> str:
        """Return the name of the downloaded file."""
        (found,) = self.folder.glob("*.tar.gz")
        return found.name

    def source(self) -> pathlib.Path:
        """Return the folder that the sources are in."""
        (found,) = (self.folder / "source").iterdir()
        return found

    def run(self, backend: str, only: list[str] | tuple[str, ...] = ()) -> Run:
        """Run the suite, or some of its tests.

        Raises:
            NotHere: it needs a server that is not on this machine.
        """
        suite = self.suite
        name = f"{backend}-again" if only else backend
        answer = self.folder / f"{name}.json"
        answer.unlink(missing_ok=True)
        serve = SERVERS[suite.server] if suite.server else _no_server
        with serve(self.folder) as (variables, prefix):
            environment = os.environ | {
                "STRANGERS_LOOP": backend,
                "STRANGERS_OUTCOMES": str(answer),
                "PYTHONPATH": str(HERE),
                **dict(suite.environment),
                **variables,
            }
            pytest = [str(self.python), "-m", "pytest"]  # with the sources in Python's path
            if suite.wheel:
                pytest = [str(self.python.with_name("pytest"))]
            command = [*prefix, *pytest, "-p", "which_loop", *OPTIONS]
            port = variables.get("PORT", "")
            if suite.plugin and backend == "trio":
                command += ["-o", "asyncio_on_trio=true"]
            else:
                command += ["-p", "no:portable"]
            command += [f"--timeout={TEST_TIMEOUT}"]
            command += [option.replace("PORT", port) for option in suite.options]
            command += only or suite.paths
            trouble = self._pytest(command, environment, f"{name}.log")
        noted = json.loads(answer.read_text()) if answer.exists() else {}
        foreign = [name for name in noted.get("loops", {}) if name.startswith("portable.")]
        if trouble is None and bool(foreign) != (backend == "trio"):
            trouble = f"its loops were {noted.get('loops')}"
        return Run(noted.get("outcomes", {}), noted.get("details", {}), trouble)

    def _pytest(self, command: list[str], environment: dict[str, str], log: str) -> str | None:
        """Run pytest; return what went wrong, but for tests that failed."""
        with open(self.folder / log, "w") as file:
            try:
                status = subprocess.run(
                    command,
                    cwd=self.source(),
                    env=environment,
                    stdout=file,
                    stderr=subprocess.STDOUT,
                    timeout=SUITE_TIMEOUT,
                ).returncode
            except subprocess.TimeoutExpired:
                return f"was not through after {SUITE_TIMEOUT} seconds, see {log}"
        return None if status in (0, 1) else f"pytest ended with {status}, see {log}"


def _no_server(_: pathlib.Path) -> contextlib.AbstractContextManager[Served]:
    return contextlib.nullcontext(({}, []))


def output(*command: str, **environment: str) -> str:
    """Run a command; return what it prints, or end with all of that if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout
