"""Programs from books and tutorials are compared with themselves, as they were published.

    python tests/strangers/published.py FOLDER
    python tests/strangers/published.py FOLDER fluentpython/example-code-2e

The repositories below are cloned into the folder, each at its pin, unless they are there. Every
file that uses asyncio, needs no other package and is no test runs on asyncio, once more there,
on uvloop and on trio, and has to show what it showed at first. It prints what does not, and
counts. It is not a part of the default test run: it needs GitHub, and a quarter of an hour.
"""

from __future__ import annotations

import argparse
import ast
import pathlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

from portable._backends import installed_backends
from portable.equivalence import Reading
from portable.equivalence.isolated import Isolated
from portable.equivalence.run import Run
from portable.equivalence.target import Target, TargetError

PINS = {
    "Apress/asyncio-recipes": "f078242d4380407e483236695ebc49f3faf09e7f",
    "SuperFastPython/PythonAsyncioMastery": "c9208f63d87d6ce7f7fc77aaa20d0496d4ee3c2b",
    "concurrency-in-python-with-asyncio/concurrency-in-python-with-asyncio": (
        "6f9014428d6659eb144fc55ce9c2b94dbcc861c9"
    ),
    "econchick/mayhem": "a3cbc49c43cb957bf309d283d87afc9085bc26dd",
    "fluentpython/example-code-2e": "cf3161ca006b106bfc0ba698e9135e9cdfb51e55",
    "realpython/materials": "7ecc7c477823e8f0a5ea3573b91c1d06c8ac4853",
    "yeraydiazdiaz/asyncio-ftwpd": "8d40f6b675eeb10275078bc2371741ba6e2380f5",
}
#: Real seconds for a run, and virtual ones after which a service is left.
TIME_LIMIT, UNTIL = 20.0, 60.0


def cloned(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Return the working tree of a repository, at its pin."""
    place = folder / name.replace("/", "+")
    if not place.is_dir():
        place.mkdir(parents=True)
        for command in (
            ("init", "-q"),
            ("fetch", "-q", "--depth=1", f"https://github.com/{name}", PINS[name]),
            ("checkout", "-q", "FETCH_HEAD"),
        ):
            subprocess.run(["git", "-C", str(place), *command], check=True)
    return place


def programs(place: pathlib.Path) -> Iterator[pathlib.Path]:
    """Yield the files that use asyncio and, beside it, the standard library alone."""
    here = {path.stem for path in place.rglob("*.py")} | {path.name for path in place.iterdir()}
    known = {*sys.stdlib_module_names, *here}
    for path in sorted(place.rglob("*.py")):
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            continue
        used = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                used |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                used.add(str(node.module).partition(".")[0])
        if "asyncio" in used and used <= known and not path.name.startswith("test_"):
            yield path


def judged(program: pathlib.Path) -> Iterator[tuple[str, str, str]]:
    """Yield for each backend how the program compares with itself on asyncio, and why."""
    try:
        target = Target.find(str(program))
    except TargetError as error:
        yield "asyncio", "no program", str(error)
        return
    isolated = Isolated(time_limit=TIME_LIMIT, until=UNTIL)
    [right] = isolated.run(target, "original", "asyncio")
    unsteady = ""
    for backend in installed_backends():
        [run] = isolated.run(target, "original", backend)
        verdict, why = _compared(right, run)
        yield backend, verdict + unsteady, why
        if backend == "asyncio" and verdict == "different":
            unsteady = ", as on asyncio"


def _compared(right: Run, run: Run) -> tuple[str, str]:
    if run.failure is not None:
        same = right.failure is not None and right.failure.kind == run.failure.kind
        kind = run.failure.kind
        return (f"{kind} on asyncio, too" if same else kind), run.failure.message
    if right.trace is None or run.trace is None:
        return "different", "on asyncio it has no trace"
    until = run.trace.ordered_until if run.backend == "trio" else 0.0
    found = Reading().compare(right.trace, run.trace, ordered_until=until)
    return found.verdict.value, "; ".join(found.reasons)


def main() -> int:
    """Run what was asked for; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("repositories", nargs="*", choices=[*PINS, []])
    arguments = parser.parse_args()
    verdicts: Counter[tuple[str, str]] = Counter()
    for name in arguments.repositories or PINS:
        place = cloned(arguments.folder, name)
        for program in programs(place):
            for backend, verdict, why in judged(program):
                verdicts[backend, verdict] += 1
                if verdict not in ("same", "reordered"):
                    print(
                        f"{program.relative_to(arguments.folder)}: {backend}: {verdict}: {why}"
                    )
    for (backend, verdict), count in sorted(verdicts.items()):
        print(f"{backend:<8} {verdict:<24} {count}")
    return int(any(verdict == "different" for _, verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
