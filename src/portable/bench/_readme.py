"""The README's part of the report: a short table and two pictures, between two marks.

The table has what a port costs at a glance: the headline operations, each with what AnyIO
and portable take on each loop, in times of the native way. Where the native way strayed too
far from itself nothing is quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ._charts import bars
from ._operations import LOOPS
from ._report import Section, markdown_table, sections
from ._results import Row, by_place
from ._run import Run
from ._tables import NOISE_MARK, figure

BEGIN = "<!-- benchmarks -->"
END = "<!-- end of benchmarks -->"
#: Who stands in the table, in this order.
COMPARED = ("anyio", "portable")
#: The operations that have a picture.
PICTURED = ("spawn", "cancel_group")


class NoPlaceError(ValueError):
    """A README has no place for benchmarks."""


def headlines(run: Run) -> list[Section]:
    """Return a section for each operation: its first job, in the size next to 1,000."""
    found: dict[str, Section] = {}
    for section in sections(run):
        name, job, size = section.key
        known = found.get(name)
        if not section.measured or (known and known.key[1] != job):
            continue
        if known is None or abs(size - 1_000) < abs(known.key[2] - 1_000):
            found[name] = section
    return [section for section in found.values() if set(section.backends) & set(LOOPS)]


def short_table(chosen: Sequence[Section]) -> list[list[str]]:
    """Return the headline operations as a table of words, the heading first."""
    head = [f"{by} on {loop}" for loop in LOOPS for by in COMPARED]
    body = []
    for section in chosen:
        rows = by_place(section.measured)
        noisy = {row.backend for row in section.measured if row.noisy}
        body.append(
            [
                section.title,
                *(
                    NOISE_MARK if loop in noisy else _short(rows.get((by, loop)))
                    for loop in LOOPS
                    for by in COMPARED
                ),
            ]
        )
    return [["Times native", *head], *body]


def _short(row: Row | None) -> str:
    return figure(row.ratio.median) if row else ""


def write_readme(file: Path, readme: Path, pictures: Path) -> list[Path]:
    """Put a run's table and pictures into a README, in place of those that are there.

    Args:
        file: what `--benchmark-json` or `portable bench --json` wrote.
        readme: the file with the two marks, which keeps all that stands outside them.
        pictures: the directory for the pictures, inside the README's own.

    Returns:
        The files that were written.

    Raises:
        NoRunError: the file holds no results.
        NoPlaceError: the README lacks a mark.
        MissingDependencyError: matplotlib is not installed.
    """
    run = Run.read(file)
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise NoPlaceError(f"{readme}: put the results between {BEGIN} and {END}")
    chosen = headlines(run)
    drawn = {
        pictures / f"{section.key[0]}.svg": section
        for section in chosen
        if section.key[0] in PICTURED
    }
    lines = [*markdown_table(short_table(chosen)), ""]
    for path, section in drawn.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(bars(section.measured, section.title, alone=True), encoding="utf-8")
        lines += [f"![{section.title}]({path.relative_to(readme.parent).as_posix()})", ""]
    told = run.about
    on = ", ".join(
        told[key] for key in ("machine", "python", "packages", "clock", "date") if key in told
    )
    lines += [
        f"{on}. Measured by `{told['command']}`, and put here by",
        f"`portable bench-report {file.name} --readme {readme.name}`.",
    ]
    inside = "\n".join(["", "", *lines, "", ""])
    readme.write_text(f"{before}{BEGIN}{inside}{END}{after}", encoding="utf-8")
    return [readme, *drawn]
