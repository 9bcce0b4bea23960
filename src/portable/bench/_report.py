"""The report on a run: Markdown, an HTML page, and a part of the README.

All are made of the same sections. The page is the Markdown, rendered by markdown-it, with the
charts inside; it needs no network.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from html import escape
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from portable._errors import MissingDependencyError

from ._charts import cost_bars, growth, ratio_bars, require_matplotlib
from ._marks import put_between
from ._regression import Changes, changes
from ._results import ACROSS, NATIVE, Prices
from ._run import Run
from ._tables import (
    LEGEND,
    Table,
    as_markdown,
    detail_tables,
    missing,
    question_tables,
    title,
)
from ._verdict import verdict

TITLE = "What a task costs, and which loop to take"
#: How many sizes a curve needs.
_ENOUGH = 3

#: Draws a chart; with `alone=True` as a file of its own.
Draw: TypeAlias = Callable[..., str]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report.

    Attributes:
        heading: the heading; empty if there is one above already.
        level: the level of the heading.
        lines: the text, in Markdown.
        pictures: functions that draw the charts, by what they show.
        wide: whether the section takes the full width of the page.
    """

    heading: str
    level: int
    lines: Sequence[str] = ()
    pictures: Mapping[str, Draw] = field(default_factory=dict)
    wide: bool = False

    def markdown(self, pictures: Mapping[str, str] | None = None) -> str:
        """Return the section as Markdown.

        Args:
            pictures: the addresses of the charts, by what they show; `None`: no charts.
        """
        head = [f"{'#' * self.level} {self.heading}", ""] if self.heading else []
        drawn = [f"![{label}]({at})\n" for label, at in (pictures or {}).items()]
        return "\n".join([*head, *self.lines, "", *drawn]).rstrip() + "\n"


def sections(run: Run, older: Run | None = None) -> Iterator[Section]:
    """Yield the sections of the report, the most important first."""
    prices = Prices(run.rows)
    before = Prices(older.rows) if older else None
    sentences = [f"- {sentence}" for sentence in verdict(prices)]
    yield Section(TITLE, 1, sentences or ["Nothing was measured that answers this."], wide=True)
    for table in question_tables(prices):
        yield Section(table.title, 2, as_markdown(table), _answer_pictures(prices, table))
    if before is not None and older is not None:
        since = older.about.get("date", "the older run")
        lines = [f"- {line}" for line in changes(prices, before).lines]
        yield Section(f"Changed since {since}", 2, lines, wide=True)
    yield Section("All prices", 2, [LEGEND], wide=True)
    for theme, tables in detail_tables(run.rows, before).items():
        yield Section(theme, 3, wide=True)
        for table in tables:
            yield Section(table.title, 4, as_markdown(table), _picture(prices, table))
    about = [f"- {key}: `{value}`" for key, value in run.about.items()]
    about += [f"- not here: {reason}" for reason in missing(run.rows)]
    yield Section("What it was measured on", 2, about, wide=True)


def _answer_pictures(prices: Prices, table: Table) -> dict[str, Draw]:
    """Return the charts of a question: what it costs, and how that grows."""
    name, job, _ = table.key
    rows = [row for row in prices if row.place[:3] == table.key]
    pictures: dict[str, Draw] = {table.title: partial(cost_bars, prices, rows)}
    if len(prices.sizes(name, job)) >= _ENOUGH:
        every = [row for row in prices if (row.operation, row.job) == (name, job)]
        pictures[f"{title(name, job)}, the more there are"] = partial(growth, prices, every)
    return pictures


def _picture(prices: Prices, table: Table) -> dict[str, Draw]:
    rows = [row for row in prices if row.place[:3] == table.key]
    compared = any(row.implementation not in (NATIVE, ACROSS) for row in rows)
    return {table.title: partial(ratio_bars, prices, rows)} if compared else {}


def markdown(run: Run, older: Run | None = None) -> str:
    """Return the report as Markdown, without charts.

    Args:
        run: what to report on.
        older: a run to compare it with.
    """
    return "\n".join(section.markdown() for section in sections(run, older))


_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 80rem;
  display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 24rem), 1fr)); }
section { border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; min-width: 0; }
section.wide { grid-column: 1 / -1; border: 0; padding: 0; }
@media (min-width: 60rem) { body { grid-template-columns: repeat(6, 1fr); }
  section { grid-column: span 3; } }
h1 { line-height: 1.2; margin: 0; } h2, h3 { line-height: 1.3; margin: .5rem 0 0; }
section:not(.wide) > :is(h2, h4) { font-size: 1.1rem; margin: 0 0 .5rem; }
section:first-of-type ul { background: var(--soft); border-radius: .5rem;
  padding: .6rem 1rem .6rem 2rem; }
p:has(> svg) { margin: 0; }
svg { display: block; max-width: 100%; height: auto; margin: 0 auto .5rem; }
.answer { display: grid; column-gap: 1rem;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 17rem), 1fr)); }
.answer > :not(p:has(> svg)) { grid-column: 1 / -1; }
table { display: block; overflow-x: auto; border-collapse: collapse; font-size: .85rem; }
th, td { padding: .2rem .5rem; border-bottom: 1px solid var(--line); text-align: left; }
td:first-child { min-width: 4rem; } code { overflow-wrap: anywhere; }
td { font-variant-numeric: tabular-nums; }
"""


def _page_maker() -> Any:
    try:
        maker = import_module("markdown_it").MarkdownIt("commonmark", {"html": False})
    except ImportError as error:
        raise MissingDependencyError(
            "the report's page needs markdown-it-py; install it with: "
            "pip install 'portable-tasks[bench]'"
        ) from error
    return maker.enable("table")


def html(run: Run, older: Run | None = None) -> str:
    """Return the report as one HTML page, with its charts inside.

    Args:
        run: what to report on.
        older: a run to compare it with.

    Raises:
        MissingDependencyError: matplotlib or markdown-it-py is not installed.
    """
    maker = _page_maker()
    drawn: list[str] = []
    maker.add_render_rule(
        "image", lambda _self, tokens, at, *_: drawn[int(tokens[at].attrs["src"])]
    )
    parts = []
    for section in sections(run, older):
        places = {}
        for label, draw in section.pictures.items():
            places[label] = str(len(drawn))
            drawn.append(draw(escape(label)))
        kind = "wide" if section.wide else "answer" if section.level == 2 else "detail"
        parts.append(
            f'<section class="{kind}">{maker.render(section.markdown(places))}</section>'
        )
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">',
            f"<title>{TITLE}</title>",
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<style>{_STYLE}</style></head><body>",
            *parts,
            "</body></html>\n",
        ]
    )


def write_report(
    file: Path, older: Path | None = None, *, directory: Path | None = None
) -> tuple[Path, Path]:
    """Write the report on a file of results, as Markdown and as an HTML page.

    Args:
        file: the results, from `--benchmark-json` or `portable bench --json`.
        older: older results, to compare them with.
        directory: where to write to; the file's own by default.

    Returns:
        The Markdown file and the HTML page.

    Raises:
        NoRunError: a file holds no results.
        MissingDependencyError: matplotlib or markdown-it-py is not installed.
    """
    run = Run.read(file)
    before = Run.read(older) if older else None
    require_matplotlib()
    into = directory or file.parent
    into.mkdir(parents=True, exist_ok=True)
    text, page = into / f"{file.stem}.md", into / f"{file.stem}.html"
    text.write_text(markdown(run, before), encoding="utf-8")
    page.write_text(html(run, before), encoding="utf-8")
    return text, page


def compare(new: Path, old: Path) -> Changes:
    """Return what changed from one file of results to another.

    Raises:
        NoRunError: a file holds no results.
    """
    return changes(Prices(Run.read(new).rows), Prices(Run.read(old).rows))


def write_readme(file: Path, readme: Path, pictures: Path) -> list[Path]:
    """Replace the verdict, its tables and its charts in a README.

    Args:
        file: the results, from `--benchmark-json` or `portable bench --json`.
        readme: the file with the marks `<!-- benchmarks -->` and `<!-- end of benchmarks -->`.
        pictures: the directory for the charts.

    Returns:
        The files that were written.

    Raises:
        NoRunError: the file holds no results.
        NoPlaceError: the README lacks a mark.
        MissingDependencyError: matplotlib is not installed.
    """
    run = Run.read(file)
    prices = Prices(run.rows)
    drawn: dict[Path, str] = {}
    lines = [f"- {sentence}" for sentence in verdict(prices)]
    for table in question_tables(prices):
        lines += ["", f"**{table.title}**", "", *as_markdown(table), ""]
        for number, (label, draw) in enumerate(_answer_pictures(prices, table).items()):
            path = pictures / f"{table.key[0]}{'_growth' * number}.svg"
            drawn[path] = draw(escape(label), alone=True)
            way = Path(os.path.relpath(path, readme.parent)).as_posix()
            lines.append(f"![{label}]({way})")
    about = run.about
    on = ", ".join(
        about[key] for key in ("machine", "python", "packages", "clock", "date") if key in about
    )
    put_between(readme, "benchmarks", [*lines, "", f"{on}. Measured by `{about['command']}`."])
    for path, picture in drawn.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(picture, encoding="utf-8")
    return [readme, *drawn]
