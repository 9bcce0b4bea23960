"""Step 6, as a page: both programs on one time axis, a lane for each task.

Time runs downwards, so the page fits a telephone, and texts may be long. A line that both
programs show stands in one row; a line of one alone has a mark in front. A lane is a column of
one character (`lanes`). Signs are letters, and nothing depends on colour. htpy writes the HTML,
and escapes all that a program printed. The page has its style within, and no script.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf

import htpy as h

from .comparison import Comparison, Verdict
from .facts import what_happened
from .lanes import SIGNS, Changes, Lanes
from .report import Judged, Report
from .side_by_side import aligned
from .trace import Observation, Trace

_ROWS_BEFORE = 12
_ROWS = 400

Pair = tuple[str, Observation | None, Observation | None]

_STYLE = """
:root { color-scheme: light dark; --same: #8884; --here: #d902; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 90rem; }
body { padding: .7rem; }
h1 { font-size: 1.25rem; margin: .2rem 0; } h2 { font-size: 1.05rem; margin: 1.6rem 0 .2rem; }
p { margin: .3rem 0; } .fact { font-weight: 600; overflow-wrap: anywhere; }
ul { margin: .3rem 0; padding-left: 1.2rem; }
table { border-collapse: collapse; width: 100%; table-layout: fixed; margin: .4rem 0; }
th { font-weight: 600; text-align: left; border-bottom: 1px solid; }
th, td { vertical-align: top; padding: .1rem .25rem; overflow-wrap: anywhere; }
tr.differs td { border-top: 1px solid #8888; border-bottom: 1px solid #8888; }
tr.differs td:first-child { font-weight: 700; }
tr#first td, tr.first td { background: var(--here); border-top: 3px double; }
col.mark { width: 1.4rem; } col.time { width: 4.2rem; }
col.lanes { width: calc(var(--lanes) * 1ch + .6rem); }
code, pre, td.lanes, td.text { font-family: ui-monospace, monospace; font-size: .85rem; }
td.lanes { white-space: pre; line-height: 1.45; }
tr.marks td { opacity: .8; } tr.marks td.text { font-style: italic; font-size: .75rem; }
td.text { white-space: pre-wrap; }
td.lanes.port { border-left: 1px solid #8888; }
pre { overflow-x: auto; } summary { cursor: pointer; }
@media (max-width: 40rem) {
  body { font-size: 14px; padding: .4rem; }
  col.time { width: 3rem; } code, pre, td.lanes, td.text { font-size: .72rem; }
  .programs { display: block; }
}
.programs { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem; }
"""


def page(report: Report, *, title: str, sources: Iterable[tuple[str, str]] = ()) -> str:
    """Return a report as a page of HTML that needs nothing else.

    Args:
        report: what was found.
        title: what the page is about.
        sources: names and sources of programs to show.
    """
    head = [
        h.meta(charset="utf-8"),
        h.meta(name="viewport", content="width=device-width, initial-scale=1"),
        h.title[title],
        h.style[_Raw(_STYLE)],
    ]
    verdict = "equivalent" if report.equivalent else "not equivalent"
    body = [
        h.h1[f"{title}: {verdict}"],
        h.p["original: ", h.code[report.original], h.br, "port: ", h.code[report.port]],
        _overview(report),
        *_sections(report),
        _programs(list(sources)),
        h.p[
            "Time runs downwards. A column of signs is a lane for each task: ",
            *_legend(SIGNS),
            ". In front: ",
            *_legend({"-": "the left side alone", "+": "the right side alone"}),
            ", ",
            h.code["~"],
            " both, and each another thing. What becomes of tasks is not compared.",
        ],
    ]
    document = h.html(lang="en")[h.head[head], h.body[body]]
    return str(document)


def _legend(signs: Mapping[str, str]) -> Iterator[h.Node]:
    for place, (sign, meaning) in enumerate(signs.items()):
        yield ", " if place else ""
        yield h.code[sign]
        yield f" {meaning}"


class _Raw:
    """Text that is put into the page as it is: the style."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __html__(self) -> str:
        return self._text


def _overview(report: Report) -> h.Node:
    rows = []
    for row in report.rows:
        fact = ""
        if row.run.failure is not None:
            fact = row.run.failure.message
        elif row.comparison is not None and row.verdict == "different":
            fact = what_happened(row.comparison)
        name = f"{row.program} on {row.run.backend}: "
        rows.append(h.li[name, h.strong[row.verdict], f": {fact}" if fact else ""])
    for found in report.explored:
        failing = f"{len(found.failing)} of {found.schedules} schedules fail"
        rows.append(h.li[f"port on {found.backend}, in other orders: ", h.strong[failing]])
    return h.ul[rows]


@dataclass(frozen=True, slots=True)
class _Section:
    """Two traces that are shown beside each other, each with its name."""

    heading: str
    remarks: list[h.Node]
    left: tuple[str, Trace]
    right: tuple[str, Trace]


def _sections(report: Report) -> Iterator[h.Node]:
    sections = [*_port_sections(report), *_schedule_sections(report)]
    for place, section in enumerate(sections):
        yield _shown(section, is_first=place == 0)


def _ports(report: Report) -> list[Judged]:
    return [row for row in report.rows if row.program == "port" and row.comparison]


def _port_sections(report: Report) -> Iterator[_Section]:
    """Yield a section for each difference, or for the first backend if there is none."""
    shown: list[Comparison] = []
    ports = _ports(report)
    for row in [row for row in ports if row.verdict == "different"] or ports[:1]:
        found = row.comparison
        if found is None or any(_same(found, one) for one in shown):
            continue
        shown.append(found)
        yield _Section(
            f"{row.program} on {row.run.backend}: {row.verdict}",
            _remarks(row),
            (f"original on {found.original.backend}", found.original),
            (f"port on {found.port.backend}", found.port),
        )


def _schedule_sections(report: Report) -> Iterator[_Section]:
    """Yield a section for the first schedule that fails on each backend."""
    plain = {row.run.backend: row.comparison for row in _ports(report)}
    for explored in report.explored:
        failing = explored.failing[0] if explored.failing else None
        usual = plain.get(explored.backend)
        if failing is None or failing.comparison is None or usual is None:
            continue
        yield _Section(
            f"port on {explored.backend}, seed {failing.run.seed}: {failing.verdict}",
            _remarks(failing),
            ("port in its own order", usual.port),
            (f"port under seed {failing.run.seed}", failing.comparison.port),
        )


def _same(one: Comparison, other: Comparison) -> bool:
    return (one.original.observations, one.port.observations) == (
        other.original.observations,
        other.port.observations,
    )


def _remarks(row: Judged) -> list[h.Node]:
    found = row.comparison
    if found is None or found.verdict is not Verdict.DIFFERENT:
        return []
    remarks: list[h.Node] = [h.p(".fact")[what_happened(found)]]
    remarks += [h.p[remark] for remark in found.remarks]
    for cause in row.causes:
        remarks.append(h.p[str(cause), h.br, "write: ", h.code[cause.remedy]])
    return remarks


def _shown(section: _Section, *, is_first: bool) -> h.Node:
    (left_name, one), (right_name, other) = section.left, section.right
    pairs = _on_one_axis(aligned(one.observations, other.observations))
    lanes = Lanes(one), Lanes(other)
    lines = list(_with_marks(pairs, lanes))
    parts = next((at for at, line in enumerate(lines) if line.mark != " "), None)
    hidden = max(0, (parts or 0) - _ROWS_BEFORE)
    rows = [_row(line, is_first=at == parts and is_first) for at, line in enumerate(lines)]
    shown = rows[hidden : hidden + _ROWS]
    more = len(rows) - hidden - len(shown)
    columns = h.colgroup[
        h.col(".mark"),
        h.col(".time"),
        h.col(".lanes", style=f"--lanes: {lanes[0].width}"),
        h.col,
        h.col(".lanes", style=f"--lanes: {lanes[1].width}"),
        h.col,
    ]
    head = h.thead[
        h.tr[h.th, h.th["time"], h.th(colspan="2")[left_name], h.th(colspan="2")[right_name]]
    ]
    earlier = h.details[
        h.summary[f"{hidden} rows before, the same on both sides"],
        h.table[columns, h.tbody[rows[:hidden][-_ROWS:]]],
    ]
    return h.section[
        h.h2[section.heading],
        *section.remarks,
        earlier if hidden else None,
        h.table[columns, head, h.tbody[shown]],
        h.p[f"{more} more rows"] if more > 0 else None,
    ]


def _on_one_axis(pairs: Iterable[Pair]) -> list[Pair]:
    """Return pairs in the order of time, each of them at one time."""
    rows: list[tuple[float, Pair]] = []
    for mark, one, other in pairs:
        if one is not None and other is not None and one.time != other.time:
            rows += [(one.time, ("-", one, None)), (other.time, ("+", None, other))]
        else:
            seen = one or other
            rows.append((0.0 if seen is None else seen.time, (mark, one, other)))
    return [pair for _, pair in sorted(rows, key=lambda row: row[0])]


@dataclass(frozen=True, slots=True)
class _Line:
    """A row: its mark, its time, and of each side the signs of its lanes and what it says."""

    mark: str
    time: float
    sides: tuple[tuple[str, str], tuple[str, str]]
    of_tasks: bool = False


def _with_marks(pairs: Iterable[Pair], lanes: tuple[Lanes, Lanes]) -> Iterator[_Line]:
    """Yield the rows, with what becomes of tasks between what is shown."""
    for mark, one, other in pairs:
        seen = one or other
        time = 0.0 if seen is None else seen.time
        groups = [
            list(side.changes(before=shown, time=time))
            for side, shown in zip(lanes, (one, other), strict=True)
        ]
        yield from _beside_each_other(groups[0], groups[1], lanes)
        yield _Line(
            mark,
            time,
            ((lanes[0].at(one, time), _text(one)), (lanes[1].at(other, time), _text(other))),
        )
    rest = [list(side.changes(before=None, time=inf)) for side in lanes]
    yield from _beside_each_other(rest[0], rest[1], lanes)


def _beside_each_other(
    left: list[Changes], right: list[Changes], lanes: tuple[Lanes, Lanes]
) -> Iterator[_Line]:
    """Yield a row for each change; the same kind at the same time in one."""
    to_come = [deque(left), deque(right)]
    while any(to_come):
        first = min((side[0] for side in to_come if side), key=lambda change: change.time)
        sides = []
        for side, changes in zip(lanes, to_come, strict=True):
            same = bool(changes) and _together(changes[0], first)
            change = changes.popleft() if same else None
            sides.append((side.show(change, first.time), "" if change is None else change.text))
        yield _Line(" ", first.time, (sides[0], sides[1]), of_tasks=True)


def _together(one: Changes, other: Changes) -> bool:
    return (one.time, one.kind) == (other.time, other.kind)


def _row(line: _Line, *, is_first: bool) -> h.Node:
    names = ["differs"] if line.mark != " " else []
    names += ["first"] if is_first else []
    names += ["marks"] if line.of_tasks else []
    attributes = {"class": " ".join(names)} if names else {}
    if is_first:
        attributes["id"] = "first"
    (left, one), (right, other) = line.sides
    return h.tr(attributes)[
        h.td["~" if line.mark == "|" else line.mark],
        h.td[f"{line.time:g} s"],
        h.td(".lanes")[left],
        h.td(".text")[one],
        h.td(".lanes.port")[right],
        h.td(".text")[other],
    ]


def _text(seen: Observation | None) -> str:
    if seen is None:
        return ""
    end = "" if seen.ended else " (no newline)"
    task = "" if seen.writer is None else f"#{seen.writer} "
    stream = "" if seen.stream == "stdout" else f"[{seen.stream}] "
    return f"{task}{stream}{seen.text}{end}"


def _programs(sources: Sequence[tuple[str, str]]) -> h.Node:
    if not sources:
        return None
    return h.div(".programs")[
        [h.div[h.h2[name], h.pre[h.code[source]]] for name, source in sources]
    ]
