"""Makes the page that says what the pytest plugin does to other people's suites.

    python tests/strangers/plugin_page.py

It writes `docs/reference/plugin-on-other-suites.md` from the results of
`python tests/strangers/plugin_suites.py --keep tests/strangers/plugin_results.json`.
"""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

from plugin_table import SUITES

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = HERE / "plugin_results.json"
PAGE = HERE.parents[1] / "docs" / "reference" / "plugin-on-other-suites.md"

TOP = """\
<!-- Made by `python tests/strangers/plugin_page.py` from the results of the suites. -->
# The pytest plugin on other suites

Packages that test with AnyIO ran their own suites, unedited, without the plugin and with it. A
cell says how many tests passed, failed and were skipped. Without an option, a test must end as
it did before. What the options change is in the lists below.

```console
$ python tests/strangers/plugin_suites.py
```

This command takes the packages' sdists from PyPI, in the versions below, and runs all of that
again. It ends with an error if a test ends differently and no reason for that is known.
"""

RUNS = {
    "before": "before",
    "no option": "no option",
    "asyncio": "asyncio",
    "uvloop": "uvloop",
    "trio": "trio",
    "virtual time": "virtual time",
    "no leaks": "`no_leaks`",
}

CHANGES = """\
## What changed

The columns asyncio, uvloop and trio are `--anyio-backends=NAME`. A test that chooses its
backend itself is skipped there if that one was not chosen.
"""

TIMES = """\
## What it costs

The seconds of the processor, as a multiple of those without the plugin.
"""


def render(results: dict[str, Any]) -> str:
    """Return the page."""
    return "\n".join(
        [TOP, *_counts(results), CHANGES, *_changes(results), TIMES, *_times(results)]
    )


def _results(results: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield name, Python and result of each suite that has run."""
    for suite in SUITES:
        for python, result in results.get(suite.package, {}).items():
            yield f"{suite.package} {suite.version}", python, result


def _counts(results: dict[str, Any]) -> Iterator[str]:
    yield _row("", "Python", *RUNS.values())
    yield "|" + "---|" * (len(RUNS) + 2)
    for name, python, result in _results(results):
        yield _row(name, python, *("/".join(map(str, result[run]["counts"])) for run in RUNS))
    given = [f"{suite.package} ({suite.checkout})" for suite in SUITES if suite.checkout]
    yield f"\nNo sdist has all tests of {', '.join(given)}: these came from a checkout."
    missing = [suite.package for suite in SUITES if suite.package not in results]
    if missing:
        yield f"\nNot run yet: {', '.join(missing)}."
    yield ""


def _changes(results: dict[str, Any]) -> Iterator[str]:
    for name, _, result in _results(results):
        for run, title in RUNS.items():
            for reason, count in result[run]["changes"].items():
                tests = "1 test" if count == 1 else f"{count} tests"
                yield f"- {name}, {title}, {tests}: {reason}."
    yield ""


def _times(results: dict[str, Any]) -> Iterator[str]:
    yield _row("", "no option", "`no_leaks`")
    yield "|---|---|---|"
    for name, _, result in _results(results):
        yield _row(name, *(f"{result[run]['time']:.2f}" for run in ("no option", "no leaks")))
    for python, starts in results.get("start-up", {}).items():
        yield (
            f"\nWhat pytest takes to collect, on Python {python}, in milliseconds of the "
            "processor; medians of runs that took turns, and of the differences in a row:\n"
        )
        yield _row("", "without", "with", "difference")
        yield "|---|---|---|---|"
        for title, taken in starts.items():
            cells = (f"{taken[name]:.1f}" for name in ("before", "no option", "more"))
            yield _row(title, *cells)
    yield ""


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    PAGE.write_text(render(json.loads(RESULTS.read_text("utf-8"))), encoding="utf-8")
