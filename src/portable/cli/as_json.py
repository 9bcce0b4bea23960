"""The output of `--json`: reports as data, in one schema for all commands.

The key `schema` has the version of the schema. It goes up when a key changes its meaning or is
removed, but not when one is added. `docs/reference/compare-json.md` explains each key.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata
from typing import Any

from portable._backends import BACKENDS
from portable.equivalence import Explored, Judged, Report, explain
from portable.equivalence.rendering import ended
from portable.equivalence.shrinking import in_words

SCHEMA = 2


def as_json(found: Iterable[tuple[str | None, Report]]) -> dict[str, Any]:
    """Return reports as plain data.

    Args:
        found: the reports, each with the name of its pattern; `None`: a user's programs.
    """
    reports = list(found)
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
                "install_command": backend.install_command,
            }
            for name, backend in BACKENDS.items()
        },
        "equivalent": all(report.equivalent for _, report in reports),
        "faithful": all(report.faithful for _, report in reports),
        "comparisons": [
            {
                "pattern": pattern,
                "original": report.original,
                "port": report.port,
                "equivalent": report.equivalent,
                "faithful": report.faithful,
                "unsteady": [
                    [None if seen is None else str(seen) for seen in (one.first, one.then)]
                    for one in report.unsteady
                ],
                "results": [_row(row) for row in report.rows],
                "schedules": [_explored(one) for one in report.explored],
            }
            for pattern, report in reports
        ],
    }


def _row(row: Judged) -> dict[str, Any]:
    run, found = row.run, row.comparison
    data: dict[str, Any] = {
        "program": row.program,
        "backend": run.backend,
        "seed": run.seed,
        "verdict": row.verdict,
        "equivalent": row.equivalent,
        "note": row.note,
        "ended": None,
        "duration": None,
        "failure": None,
        "compared_with": None,
        "parts_at": None,
        "reasons": [],
        "declared": [],
        "difference": None,
        "causes": [
            {
                "id": one.id,
                "sentence": one.sentence,
                "paragraph": one.paragraph,
                "remedy": one.remedy,
            }
            for one in row.causes
        ],
        "trace": None,
    }
    if run.trace is not None:
        data["ended"] = ended(run.trace)
        data["duration"] = run.trace.duration
        data["trace"] = run.trace.as_dict()
    if run.failure is not None:
        data["failure"] = {
            "kind": run.failure.kind,
            "message": run.failure.message,
            "details": list(run.failure.details),
        }
    if found is not None:
        data["compared_with"] = found.original.backend
        data["parts_at"] = None if found.parting is None else found.parting.time
        data["reasons"] = list(found.reasons)
        data["declared"] = [{"id": one.id, "reason": one.reason} for one in found.declared]
        data["difference"] = None if row.verdict == "same" else explain(found)
    return data


def _explored(found: Explored) -> dict[str, Any]:
    return {
        "backend": found.backend,
        "schedules": found.schedules,
        "distinct_traces": found.distinct,
        "failing_seeds": [one.run.seed for one in found.failing],
        "shortest": _row(found.failing[0]) if found.failing else None,
        "shrunk": None
        if found.shrunk is None
        else {
            "replay": found.shrunk.taken.replay,
            "steps": found.shrunk.steps,
            "runs": found.shrunk.runs,
            "sentence": in_words(found.shrunk.taken),
        },
        "threads": found.threads,
    }
