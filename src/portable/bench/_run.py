"""`Run`: the rows of a whole run and what it was measured on, as saved in a file."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from ._results import Row, Unmeasured

_PACKAGES = (
    "portable-tasks",
    "anyio",
    "trio",
    "uvloop",
    "asyncer",
    "aioresult",
    "aiometer",
    "anyioutils",
    "quattro",
    "aiotools",
    "trio-asyncio",
    "starlette",
    "httpx",
)


class NoRunError(ValueError):
    """A file holds no benchmarks that this module understands."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured.

    Attributes:
        rows: its rows, with those that were not measured, in order.
        about: the machine, the packages and so on, from `about()`.
    """

    rows: tuple[Row | Unmeasured, ...]
    about: Mapping[str, str]

    @property
    def measured(self) -> tuple[Row, ...]:
        """The rows that were measured."""
        return tuple(row for row in self.rows if isinstance(row, Row))

    def as_dict(self) -> dict[str, Any]:
        """Return the run as plain data for JSON, in the shape of pytest-benchmark's file."""
        missing = [asdict(row) for row in self.rows if isinstance(row, Unmeasured)]
        return {
            "portable": {"about": dict(self.about), "unmeasured": missing},
            "benchmarks": [{"extra_info": row.as_dict()} for row in self.measured],
        }

    @classmethod
    def read(cls, file: Path) -> Run:
        """Read a run from a file that `--benchmark-json` or `portable bench --json` wrote.

        Raises:
            NoRunError: the file cannot be read, or holds something else.
        """
        try:
            saved = json.loads(file.read_text(encoding="utf-8"))
            rows = [Row.from_dict(each["extra_info"]) for each in saved["benchmarks"]]
            missing = [Unmeasured(**each) for each in saved["portable"]["unmeasured"]]
            told = dict(saved["portable"]["about"])
            if "command" not in told:
                raise KeyError("command")
            return cls((*rows, *missing), told)
        except OSError as error:
            raise NoRunError(f"{file}: {error.strerror}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise NoRunError(
                f"{file}: not from these benchmarks; make one with: "
                "pytest benchmarks/ --benchmark-only --benchmark-json FILE.json"
            ) from error


_CLOCKS = {"wall": "time on the wall", "cpu": "CPU time of the loop's own thread"}


def about(command: str, effort: str, clock: str = "wall") -> dict[str, str]:
    """Return what a reader has to know about a run: date, machine, packages and so on.

    Args:
        command: what started it.
        effort: `smoke`, `small` or `full`.
        clock: `wall` or `cpu`.
    """
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_processor()}, {platform.system()} {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": ", ".join(f"{name} {version}" for name, version in found.items()),
        "command": command,
        "size": effort,
        "clock": _CLOCKS[clock],
    }


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"
