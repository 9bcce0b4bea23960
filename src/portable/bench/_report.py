"""The report on a run: Markdown, or one HTML page with pictures that needs no network.

Both say the same: what was measured on what, the answer in words, a table for each
operation, and, beside an older run, what has changed by more than the noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from ._answer import answer
from ._charts import bars, growth
from ._measure import NO_LOOP
from ._meters import shown
from ._operations import LOOPS
from ._results import NATIVE, NOISE_LIMIT, PORTABLE, Row, Unmeasured
from ._run import Run
from ._tables import NOISE_MARK, SAME, figure, missing_cell, reasons
from .workloads import OPERATIONS

TITLE = "What tasks cost"
LEGEND = (
    "Ratios to the native way on the same loop, measured in turn with it inside one run of "
    "the loop: median (quartiles), then the amount per job. “native again” is the native way "
    f"against itself; {NOISE_MARK} marks a loop where that strays by more than 5 %. "
    f"“{PORTABLE}” is “{SAME}” where its names are asyncio's own objects."
)
#: So many sizes make a curve.
_ENOUGH = 3

Key = tuple[str, str, int]


class Section:
    """What there is to say of one operation, job and size.

    Attributes:
        key: the operation's name, the job, the size.
        title: the operation in words.
        rows: its rows, those that are missing among them.
        backends: the backends that the rows speak of.
    """

    def __init__(self, key: Key, rows: Sequence[Row | Unmeasured]) -> None:
        name, job, size = key
        known = OPERATIONS.get(name)
        self.key = key
        self.title = f"{known.title if known else name} ({job}, N={size:,})"
        self.rows = rows
        told_of = {row.backend for row in rows}
        self.backends = [backend for backend in (*LOOPS, NO_LOOP) if backend in told_of]

    @property
    def measured(self) -> list[Row]:
        """The rows that there are."""
        return [row for row in self.rows if isinstance(row, Row)]

    def table(self, older: Mapping[tuple[str, ...], Row]) -> list[list[str]]:
        """Return the section as a table of words, the heading first."""
        noisy = {row.backend for row in self.measured if row.noisy}
        head = [b + (f" {NOISE_MARK}" if b in noisy else "") for b in self.backends]
        cells = {(row.implementation, row.backend): row for row in self.rows}
        body = []
        for by in dict.fromkeys(row.implementation for row in self.rows):
            words = [
                _cell(row, older)
                if (row := cells.get((by, backend)))
                else missing_cell(by, backend)
                for backend in self.backends
            ]
            body.append([by, *words])
        return [["", *head], *body]


def _cell(row: Row | Unmeasured, older: Mapping[tuple[str, ...], Row]) -> str:
    if isinstance(row, Unmeasured):
        return "fails" if row.failed else "not here"
    amount = shown(row.amount, row.unit)
    if row.implementation == NATIVE:
        return f"1, {amount}"
    ratio = row.ratio
    text = f"{figure(ratio.median)} ({figure(ratio.lower)} to {figure(ratio.upper)}), {amount}"
    before = older.get(_place(row))
    return f"{text}; was {figure(before.ratio.median)}" if before else text


def _place(row: Row) -> tuple[str, ...]:
    return (row.operation, row.job, str(row.size), row.backend, row.implementation)


def sections(run: Run) -> list[Section]:
    """Return a run's sections, in the order of the catalogue."""
    together: dict[Key, list[Row | Unmeasured]] = {}
    for row in run.rows:
        together.setdefault((row.operation, row.job, row.size), []).append(row)
    order = {name: place for place, name in enumerate(OPERATIONS)}
    keys = sorted(together, key=lambda key: order.get(key[0], len(order)))
    return [Section(key, together[key]) for key in keys]


def changes(run: Run, older: Run) -> list[str]:
    """Return what has changed since an older run by more than the noise.

    A change counts where the two middle halves of the rounds do not touch, it is more than
    the native way may stray from itself, and in neither run it strayed by more than that.
    """
    before = {_place(row): row for row in older.measured}
    noisy = {_place(row)[:-1] for row in (*run.measured, *older.measured) if row.noisy}
    found = []
    for row in run.measured:
        place = _place(row)
        was = before.get(place)
        if was is None or row.implementation.startswith(NATIVE) or place[:-1] in noisy:
            continue
        change = row.ratio.median / was.ratio.median
        dearer = row.ratio.lower > was.ratio.upper and change > 1 + NOISE_LIMIT
        if dearer or (row.ratio.upper < was.ratio.lower and change < 1 - NOISE_LIMIT):
            found.append(
                f"{'dearer' if dearer else 'cheaper'}: {row.operation} ({row.job}, "
                f"N={row.size:,}) by {row.implementation} on {row.backend}, "
                f"{figure(was.ratio.median)} to {figure(row.ratio.median)} times native"
            )
    return sorted(found)


def markdown(run: Run, older: Run | None = None) -> str:
    """Return the report as Markdown, without pictures.

    Args:
        run: what to report on.
        older: a run to compare it with.
    """
    before = {_place(row): row for row in older.measured} if older else {}
    lines = [f"# {TITLE}", ""]
    lines += [f"- {name}: {value}" for name, value in run.about.items()]
    lines += ["", *(f"{sentence}  " for sentence in answer(run.measured)), "", LEGEND, ""]
    if older is not None:
        changed = changes(run, older) or ["nothing by more than the noise"]
        lines += [f"## Changed since {older.about.get('date', 'the older run')}", ""]
        lines += [*(f"- {change}" for change in changed), ""]
    for section in sections(run):
        lines += [f"## {section.title}", "", *markdown_table(section.table(before)), ""]
        lines += [*(f"{reason}  " for reason in reasons(section.rows)), ""]
    return "\n".join(lines).rstrip() + "\n"


def markdown_table(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table, whose first row is the heading."""
    for number, row in enumerate(table):
        yield f"| {' | '.join(row)} |"
        if number == 0:
            yield f"|{'---|' * len(row)}"


_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 78rem; }
h1 { line-height: 1.2; } h2 { font-size: 1.15rem; margin: 0 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .15rem 1rem; }
dt { font-weight: 600; } dd { margin: 0; overflow-wrap: anywhere; }
.answer { background: var(--soft); border-radius: .5rem; padding: .5rem 1rem; }
.sections { display: grid; gap: 1rem; align-items: start;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
section { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; min-width: 0; }
svg { display: block; width: 100%; height: auto; margin-bottom: .5rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
td { font-variant-numeric: tabular-nums; white-space: nowrap; }
th:first-child { text-align: left; white-space: nowrap; }
summary { cursor: pointer; } footer, small { opacity: .8; }
"""


def html(run: Run, older: Run | None = None) -> str:
    """Return the report as one HTML page, with its pictures in it.

    Args:
        run: what to report on.
        older: a run to compare it with.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    before = {_place(row): row for row in older.measured} if older else {}
    told = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in run.about.items()
    )
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in answer(run.measured))
    parts = [
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<style>{_STYLE}</style></head><body>",
        f'<h1>{TITLE}</h1><div class="answer">{said}</div><dl>{told}</dl><p>{LEGEND}</p>',
    ]
    if older is not None:
        changed = changes(run, older) or ["nothing by more than the noise"]
        since = escape(older.about.get("date", "the older run"))
        items = "".join(f"<li>{escape(change)}</li>" for change in changed)
        parts.append(f"<h2>Changed since {since}</h2><ul>{items}</ul>")
    parts.append('<div class="sections">')
    parts += [_html_growth(title, rows) for title, rows in _growths(run)]
    parts += [_html_section(section, before) for section in sections(run)]
    return "\n".join([*parts, "</div></body></html>\n"])


def _growths(run: Run) -> Iterator[tuple[str, list[Row]]]:
    """Yield what was measured with so many sizes that it makes a curve."""
    together: dict[tuple[str, str], list[Row]] = {}
    for row in run.measured:
        together.setdefault((row.operation, row.job), []).append(row)
    for (name, job), rows in together.items():
        if len({row.size for row in rows}) >= _ENOUGH:
            title = OPERATIONS[name].title if name in OPERATIONS else name
            yield f"{title} ({job}): what one costs, the more there are", rows


def _html_growth(title: str, rows: Sequence[Row]) -> str:
    text = escape(title)
    return f"<section><h2>{text}</h2>{growth(rows, text)}</section>"


def _html_section(section: Section, older: Mapping[tuple[str, ...], Row]) -> str:
    title = escape(section.title)
    head, *body = section.table(older)
    heading = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "".join(
        f'<tr><th scope="row">{escape(by)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for by, *cells in body
    )
    why = "".join(f"<br>{escape(reason)}" for reason in reasons(section.rows))
    picture = bars(section.measured, title) if section.measured else ""
    return (
        f"<section><h2>{title}</h2>{picture}<details><summary>Figures</summary>"
        f'<div class="scroll"><table><thead><tr>{heading}</tr></thead><tbody>{lines}</tbody>'
        f"</table></div><small>{why}</small></details></section>"
    )


def write_report(
    file: Path, older: Path | None = None, *, directory: Path | None = None
) -> tuple[Path, Path]:
    """Write the report on a file of results beside it, as Markdown and as an HTML page.

    Args:
        file: what `--benchmark-json` or `portable bench --json` wrote.
        older: another one, to compare it with.
        directory: where to write to; the file's own by default.

    Returns:
        The Markdown file and the HTML page.

    Raises:
        NoRunError: a file holds no results.
        MissingDependencyError: matplotlib is not installed.
    """
    run = Run.read(file)
    before = Run.read(older) if older else None
    into = directory or file.parent
    into.mkdir(parents=True, exist_ok=True)
    text, page = into / f"{file.stem}.md", into / f"{file.stem}.html"
    text.write_text(markdown(run, before), encoding="utf-8")
    page.write_text(html(run, before), encoding="utf-8")
    return text, page
