"""Packages that know nothing of portable run their own test suites on trio.

    python tests/strangers/suites.py
    python tests/strangers/suites.py --python python3.11 --python python3.14 asgiref aiosqlite
    python tests/strangers/suites.py --smoke

Each package's sdist comes from PyPI, in the version that `table.py` names, with its tests
unedited. Each gets a virtual environment of its own, in a cache folder, with what its tests
need and with portable from this working tree. Its suite runs twice, on asyncio and on trio.
Only what starts the loop is ours: `which_loop.py`, a pytest plugin that sets asyncio's event
loop policy. Servers that the tests talk to, and the tests of a package whose sdist comes
without, are Debian's; a suite that cannot have them is skipped, and says why.

It prints how many tests passed, failed and were skipped on each, and every test that ended
differently. A test that passes on asyncio and fails on trio runs a second time on both. The
script exits with 1 if one fails again and `table.EXPLAINED` gives no reason. It is not a part
of the default test run: it needs PyPI, and half an hour; `--smoke`, a small part of the suites
that open sockets, takes two minutes.
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from servers import NotHere
from stand import REPOSITORY, Run, Stand
from table import EXPLAINED, SUITES, Suite


def judge(stand: Stand, smoke: bool) -> tuple[list[str], bool, dict[str, Any]]:
    """Run one suite on both backends.

    Returns:
        What is to be printed; whether all is well; what is to be kept of it.
    """
    suite = stand.suite
    part = suite.smoke if smoke else ()
    try:
        stand.build()
        control, trio = stand.run("asyncio", part), stand.run("trio", part)
    except NotHere as reason:
        return [f"{suite.package:<18}skipped: {reason}"], True, {}
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
    lines, unsteady = [], 0
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
                unsteady += 1
            elif again["asyncio"].outcomes.get(test) != "passed":
                line += "; did not pass on asyncio the second time"
            else:
                fine = False
                line += f"\n        NOT EXPLAINED: {error_of(trio.details.get(test, ''))}"
        lines.append(line)
    for reason, tests in explained.items():
        lines += [*tests, f"        explained: {reason}"]
    cells = ["/".join(map(str, run.counts())) for run in (control, trio)]
    row = row_of(suite.package, suite.version, stand.python_version, *cells)
    kept = {
        "asyncio": control.counts(),
        "trio": trio.counts(),
        "explained": {reason: len(tests) for reason, tests in explained.items()},
        "the second time": unsteady,
    }
    return [row, *troubles, *lines], fine, kept


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


def keep(file: pathlib.Path, stand: Stand, result: dict[str, Any]) -> None:
    """Put the result of one suite into the file that the docs are made from."""
    results = json.loads(file.read_text()) if file.exists() else {}
    package = results.setdefault(stand.suite.package, {})
    if package.get("version") != stand.suite.version:
        package.clear()
        package["version"] = stand.suite.version
    package.setdefault("pythons", {})[stand.python_version] = result
    file.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")


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
    parser.add_argument("--smoke", action="store_true", help="a small part of some suites")
    parser.add_argument("--keep", type=pathlib.Path, help="a file to put the results into")
    options = parser.parse_args()
    unknown = set(options.package) - set(names)
    if unknown:
        parser.error(f"no suite of {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    cache = options.cache.resolve()
    if cache.is_relative_to(REPOSITORY):
        parser.error("--cache has to be outside of the repository")

    stands = [
        Stand(suite, python, cache)
        for python in options.python or [sys.executable]
        for suite in SUITES
        if suite.package in (options.package or names) and (suite.smoke or not options.smoke)
    ]
    print("passed/failed/skipped")
    print(row_of("package", "version", "Python", "asyncio", "trio"))
    fine = True
    # Two at a time: suites wait more than they work.
    with ThreadPoolExecutor(2) as pool:
        judged = pool.map(lambda stand: judge(stand, options.smoke), stands)
        for stand, (lines, good, result) in zip(stands, judged, strict=True):
            print("\n".join(lines), flush=True)
            fine = fine and good
            if options.keep is not None and result:
                keep(options.keep, stand, result)
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
