"""What `portable check --json` writes: everything the table and the differences say, as data.

The shape has a version, `schema`: it goes up when something that was there means something
else or is gone; new keys do not count.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any

from portable._backends import BACKENDS
from portable.equivalence import Checked, explain

SCHEMA = 1


def as_json(results: Mapping[str, Sequence[Checked]]) -> dict[str, Any]:
    """Return the results of a check, by the name of the pattern, as plain data."""
    return {
        "schema": SCHEMA,
        "portable": metadata.version("portable-tasks"),
        "anyio": metadata.version("anyio"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "backends": {
            name: {
                "installed": backend.installed,
                "version": backend.version if backend.installed else None,
            }
            for name, backend in BACKENDS.items()
        },
        "equivalent": all(one.equivalent for found in results.values() for one in found),
        "results": [
            {"pattern": pattern, **_result(one)}
            for pattern, found in results.items()
            for one in found
        ],
    }


def _result(one: Checked) -> dict[str, Any]:
    row: dict[str, Any] = {
        "program": one.program,
        "backend": one.backend,
        "verdict": one.verdict,
        "equivalent": one.equivalent,
        "duration": None,
        "compared_with": None,
        "reasons": [],
        "declared": [],
        "difference": None,
        "install_command": one.install_command,
        "trace": None,
    }
    if one.trace is not None:
        row["duration"] = one.trace.duration
        row["trace"] = one.trace.as_dict()
    if one.comparison is not None:
        beside = one.comparison.original
        row["compared_with"] = {"program": beside.program, "backend": beside.backend}
        row["reasons"] = list(one.comparison.reasons)
        row["declared"] = [
            {"id": meant.id, "reason": meant.reason} for meant in one.comparison.declared
        ]
        if one.verdict != "same":
            row["difference"] = explain(one.comparison)
    return row
