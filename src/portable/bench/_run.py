"""A whole run of benchmarks, as it stands in a file: its rows, and what it was run on."""

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
)


class NoRunError(ValueError):
    """A file holds no benchmarks that this module understands."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run measured.

    Attributes:
        rows: its rows, and those that are missing, in order.
        about: what they were measured on, as `about()` tells it.
    """

    rows: tuple[Row | Unmeasured, ...]
    about: Mapping[str, str]

    @property
    def measured(self) -> tuple[Row, ...]:
        """The rows that there are."""
        return tuple(row for row in self.rows if isinstance(row, Row))

    def as_dict(self) -> dict[str, Any]:
        """Return what JSON can hold of it, in the places where pytest-benchmark's has it."""
        missing = [asdict(row) for row in self.rows if isinstance(row, Unmeasured)]
        return {
            "portable": {"about": dict(self.about), "unmeasured": missing},
            "benchmarks": [{"extra_info": row.as_dict()} for row in self.measured],
        }

    @classmethod
    def read(cls, file: Path) -> Run:
        """Return the run that a file holds, written by `--benchmark-json` or by `as_dict()`.

        Raises:
            NoRunError: the file cannot be read, or is of another kind.
        """
        try:
            saved = json.loads(file.read_text(encoding="utf-8"))
            rows = [Row.from_dict(each["extra_info"]) for each in saved["benchmarks"]]
            missing = [Unmeasured(**each) for each in saved["portable"]["unmeasured"]]
            return cls((*rows, *missing), dict(saved["portable"]["about"]))
        except (OSError, ValueError) as error:
            raise NoRunError(f"{file}: {error}") from error
        except (KeyError, TypeError) as error:
            raise NoRunError(
                f"{file}: not from these benchmarks; make one with: "
                "pytest benchmarks/ --benchmark-only --benchmark-json FILE.json"
            ) from error


_CLOCKS = {"wall": "time on the wall", "cpu": "CPU time of the loop's own thread"}


def about(command: str, effort: str, clock: str = "wall") -> dict[str, str]:
    """Return what a reader has to know of a run beside its figures.

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
