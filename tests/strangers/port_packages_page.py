"""Makes the page that says how much of other packages `portable port` rewrites.

    python tests/strangers/port_packages_page.py

It writes `docs/reference/porting-other-packages.md` from the results of
`python tests/strangers/port_packages.py --keep tests/strangers/port_packages_results.json`.
"""

from __future__ import annotations

import json
import pathlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from port_packages import TASK_LEVEL, shares

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "port_packages_results.json"
PAGE = HERE.parents[1] / "docs" / "reference" / "porting-other-packages.md"

TOP = """\
<!-- Made by `python tests/strangers/port_packages_page.py` from the results of the script. -->
# What `portable port` makes of other packages

The sdists of {packages} packages, with their tests and examples, were ported as they came from
PyPI. Of the sites of task-level names {share} were rewritten, and {without}
of those that are not `sleep`. The rest stays as it is, with a hint, and runs on every loop.
Whoever vouches for what cannot be seen (`--assume {assumed}`) has {vouched} rewritten.

```console
$ python tests/strangers/port_packages.py
```

This command does all of that again. Each file that changes still compiles, keeps its comments,
and changes no more the second time. {modules} changed modules are imported after it; the
others need what is not installed, and end with the same error before and after. The files have
{lines:,} lines; to port 100,000 of them takes {processor:.0f} s on two processors.

*Task-level* names are those of the "High-level API Index" in Python's documentation, and what
belongs to them, as far as AnyIO has a name or an idiom for them. Methods of the loop,
transports, protocols and futures are not.
"""

SUITES = """\
## Their suites, before and after

The package was ported where it is installed; its tests are as they were. A cell says how many
passed, failed and were skipped, before and after.
"""


def render(results: dict[str, Any]) -> str:
    """Return the page."""
    packages = dict(sorted(results["packages"].items()))
    found = list(packages.values())
    modules, imported = map(sum, zip(*(each["modules"] for each in found), strict=True))
    lines = sum(each["lines"] for each in found)
    top = TOP.format(
        packages=len(packages),
        share=_share(found, TASK_LEVEL),
        assumed=",".join(min((each["assumed"] for each in found), key=len)),
        vouched=_share(found, TASK_LEVEL, "vouched"),
        without=_share(found, TASK_LEVEL - {"asyncio.sleep"}),
        modules=f"all {modules}" if modules == imported else f"{imported} of {modules}",
        lines=lines,
        processor=sum(each["seconds"]["processor"] for each in found) * 50_000 / lines,
    )
    return "\n".join(
        [top, *_packages(packages), *_names(found), *_reasons(found), *_suites(results)]
    )


def _share(found: Sequence[dict[str, Any]], only: frozenset[str], kind: str = "names") -> str:
    sites, done = map(sum, zip(*(shares(each, only, kind) for each in found), strict=True))
    return f"{done:,} of {sites:,} ({100 * done / max(sites, 1):.0f} %)"


def _packages(packages: dict[str, Any]) -> Iterator[str]:
    yield "## By package\n"
    yield _row("", "files changed", "all sites", "task-level", "the same, vouched for")
    yield "|---|---|---|---|---|"
    for requirement, each in packages.items():
        cells = (
            f"{done} of {sites}"
            for sites, done in (
                shares(each, None),
                shares(each, TASK_LEVEL),
                shares(each, TASK_LEVEL, "vouched"),
            )
        )
        yield _row(requirement.replace("==", " "), str(each["files"]), *cells)
    yield ""


def _names(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## By name\n"
    yield _row("", "sites", "rewritten", "if vouched for")
    yield "|---|---|---|---|"
    names: Counter[str] = Counter()
    done: Counter[str] = Counter()
    vouched: Counter[str] = Counter()
    for each in found:
        names.update({name: pair[0] for name, pair in each["names"].items()})
        done.update({name: pair[1] for name, pair in each["names"].items()})
        vouched.update({name: pair[1] for name, pair in each["vouched"].items()})
    for name, count in names.most_common():
        if name in TASK_LEVEL:
            cells = map(str, (count, done[name], vouched[name]))
            yield _row(f"`{name.removeprefix('asyncio.')}`", *cells)
    yield ""


def _reasons(found: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield "## Why the rest stays\n"
    yield "The most frequent reasons, as the tool words them.\n"
    yield _row("", "sites", "reason")
    yield "|---|---|---|"
    whys: Counter[tuple[str, str]] = Counter()
    for each in found:
        for name, why, count in each["reasons"]:
            whys[name, why] += count if name in TASK_LEVEL else 0
    for (name, why), count in whys.most_common(25):
        yield _row(f"`{name.removeprefix('asyncio.')}`", str(count), why)
    yield ""


def _suites(results: dict[str, Any]) -> Iterator[str]:
    yield SUITES
    yield _row("", "rewritten", "asyncio", "uvloop", "trio")
    yield "|---|---|---|---|---|"
    for name, suite in results["suites"].items():
        runs = [", ".join(suite["runs"][each]) for each in ("asyncio", "uvloop", "trio")]
        yield _row(name, f"{suite['rewritten']} of {suite['sites']}", *runs)
    yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(render(json.loads(RESULTS.read_text("utf-8"))), encoding="utf-8")
