"""Prints how CPython's own tests of asyncio end on trio: `python -m tests.conformance`."""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import sys
from pathlib import Path

from . import report, verdicts


def keep(file: Path, results: list[report.Result]) -> None:
    """Put the counts of these modules, on this Python, into a file."""
    kept = json.loads(file.read_text("utf-8")) if file.exists() else {}
    here = kept.setdefault(verdicts.PYTHON, {})
    here["version"] = platform.python_version()
    for result in results:
        here.setdefault("modules", {})[result.module] = dict(result.counts)
    file.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.conformance",
        description="Run CPython's own tests of asyncio on asyncio's library on trio.",
    )
    parser.add_argument("--module", action="append", help="only this one, e.g. test_tasks")
    parser.add_argument(
        "-k", dest="part", default="", help="only tests with this in their name"
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="list what fails, and why")
    parser.add_argument("--log", type=Path, help="a folder for what the tests print")
    parser.add_argument("--jobs", type=int, default=2, help="modules at a time (default: 2)")
    parser.add_argument("--keep", type=Path, help="a file to put the counts into")
    options = parser.parse_args()
    print(f"CPython {platform.python_version()}'s own tests of asyncio, on trio")
    results = []
    print(report.HEADING)
    with contextlib.closing(
        report.judge_modules(options.module, options.part, options.log, options.jobs)
    ) as judged:
        for result in judged:
            results.append(result)
            print(report.line(result), flush=True)
            if options.verbose:
                for text in report.details(result):
                    print(f"    {text}", flush=True)
    sums = [report.total(results), report.total(results, network=True)]
    for whole in sums:
        print(report.line(whole))
    if options.keep is not None:
        keep(options.keep, results)
    faults = [fault for result in results for fault in result.faults]
    for fault in faults:
        print(f"not as in verdicts.toml: {fault}")
    return 1 if faults or min(whole.share for whole in sums) < report.LEAST_SHARE else 0


if __name__ == "__main__":
    sys.exit(main())
