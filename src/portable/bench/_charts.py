"""The charts of the report: SVG, drawn by matplotlib.

There are three kinds: what a task costs (bars from 0), how that grows with the number of tasks
(curves, both axes logarithmic), and ratios to the native way (bars from 1, logarithmic). Each
fits the width of a phone. The text stays text in the page's own font and colour, so it is
readable in light and dark mode, and can be searched. The same rows give the same bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from portable._errors import MissingDependencyError

from ._meters import shown
from ._operations import LOOPS
from ._results import ACROSS, NATIVE, PORTABLE, Prices, Row
from ._tables import NOISE_MARK, SAME, figure

#: Colours that stay distinct for colour-blind people and on paper.
BACKEND_COLOURS = {
    "asyncio": "#4477aa",
    "uvloop": "#ee8866",
    "trio": "#228833",
    "python": "#777777",
}
COLOURS = {NATIVE: "#777777", "anyio": "#ee8866", PORTABLE: "#4477aa"}
#: A placeholder, replaced in the SVG by the colour of the text around the picture.
_INK = "#000001"
#: In inches of 96 pixels: the width of a phone.
_WIDTH = 3.6
#: Colours for a picture in a file of its own, where it has no text around it.
_ALONE = (
    "<style>svg{color:#333;background:#fff}"
    "@media(prefers-color-scheme:dark){svg{color:#ddd;background:#0d1117}}</style>"
)


def require_matplotlib() -> tuple[Any, Any]:
    """Return matplotlib and its module of figures.

    They are imported by name, so that type checkers do not need matplotlib.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    try:
        return import_module("matplotlib"), import_module("matplotlib.figure")
    except ImportError as error:
        raise MissingDependencyError(
            "the report's pictures need matplotlib; install it with: "
            "pip install 'portable-tasks[bench]'"
        ) from error


def _figure(height: float, lines: int = 1) -> tuple[Any, list[Any]]:
    matplotlib, figures = require_matplotlib()
    with matplotlib.rc_context({"font.size": 9, "hatch.linewidth": 0.6}):
        drawn = figures.Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = drawn.subplots(lines, 1, sharex=True, sharey=True, squeeze=False)
    return drawn, [line[0] for line in axes]


def _svg(drawn: Any, label: str, *, alone: bool) -> str:
    matplotlib, _ = require_matplotlib()
    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label}):
        drawn.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]  # a page wants no XML prologue inside
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: [^;\"]*?(\d+)px [^;\"]*", r"font: \1px sans-serif", text)
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    text = text.replace(_INK, "currentColor")
    text = text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    return text.replace(">", f">{_ALONE}", 1) if alone else text


def _in_ink(axes: Any) -> None:
    axes.tick_params(colors=_INK, which="both", labelsize=9)
    axes.xaxis.label.set_color(_INK)
    axes.title.set_color(_INK)
    for name, spine in axes.spines.items():
        spine.set_color(_INK)
        spine.set_visible(name in ("left", "bottom"))


def _bars(
    bars: dict[str, list[tuple[float, Row, float, str]]], names: Sequence[str],
    colours: dict[str, str], prices: Prices, start: float,
) -> tuple[Any, Any]:  # fmt: skip
    """Draw groups of bars, a group for each name, and return the figure and its axes.

    Args:
        bars: by colour, each bar: its group, its row, its length and its text.
        names: the groups.
        colours: what the names of colours look like.
        prices: where the rows are from.
        start: where the bars begin.
    """
    thickness = 0.8 / max(len(bars), 1)
    drawn, (axes,) = _figure(0.9 + 0.19 * len(names) * (len(bars) + 0.6))
    for place, (colour, found) in enumerate(bars.items()):
        for at, row, length, words in found:
            y = at + (place + 0.5) * thickness - 0.4
            noisy = prices.noisy(row)
            error = length * prices.noise(row)
            axes.barh(
                y, length - start, thickness * 0.9, left=start, xerr=error,
                color="none" if noisy else colours[colour], edgecolor=colours[colour],
                hatch="////" if noisy else None,
                error_kw={"ecolor": _INK, "elinewidth": 0.8},
            )  # fmt: skip
            end = max(length + error, start)
            axes.annotate(
                f"{words} {NOISE_MARK}" if noisy else words, (end, y), (4, 0), color=_INK,
                textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
        # An empty bar for the legend: the first real one may be hatched, as it is noisy.
        axes.barh([0], [0], left=start, color=colours[colour], label=colour)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    _in_ink(axes)
    if len(bars) > 1:
        axes.legend(
            frameon=False, fontsize=9, labelcolor=_INK, loc="lower center",
            bbox_to_anchor=(0.4, 1), ncols=len(bars), handlelength=1, columnspacing=1,
        )  # fmt: skip
    return drawn, axes


def cost_bars(prices: Prices, rows: Sequence[Row], label: str, *, alone: bool = False) -> str:
    """Return a chart of what one job costs: a group for each loop, a bar for each way.

    Args:
        prices: where the rows are from.
        rows: the rows of one operation, job and size.
        label: what the picture shows, for those who cannot see it.
        alone: whether it is to be a file, with a ground and a colour of its own.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    loops = [name for name in LOOPS if any(row.backend == name for row in rows)]
    bars: dict[str, list[tuple[float, Row, float, str]]] = {}
    for by in COLOURS:
        for at, backend in enumerate(loops):
            row = prices.beside(rows[0], by, backend)
            if row is None:
                continue
            cost = prices.cost(row)
            same = by != NATIVE and row.implementation == NATIVE
            words = SAME if same else shown(cost, row.unit)
            bars.setdefault(by, []).append((float(at), row, cost, words))
    drawn, axes = _bars(bars, loops, COLOURS, prices, 0.0)
    unit = rows[0].unit
    axes.xaxis.set_major_formatter(
        lambda amount, _: f"{shown(amount, unit)}" if amount else "0"
    )
    axes.xaxis.set_major_locator(import_module("matplotlib.ticker").MaxNLocator(4))
    axes.set_xlim(0, axes.get_xlim()[1] * 1.15)
    axes.set_xlabel("one of them takes")
    return _svg(drawn, label, alone=alone)


def ratio_bars(prices: Prices, rows: Sequence[Row], label: str) -> str:
    """Return a chart of ratios to the native way: a group for each way, a bar for each loop.

    Args:
        prices: where the rows are from.
        rows: the rows of one operation, job and size.
        label: what the picture shows, for those who cannot see it.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    others = [row for row in rows if row.implementation not in (NATIVE, ACROSS)]
    names = list(dict.fromkeys(row.implementation for row in others))
    bars = {
        backend: [
            (
                float(names.index(row.implementation)),
                row,
                row.ratio.median,
                figure(row.ratio.median),
            )
            for row in others
            if row.backend == backend
        ]
        for backend in BACKEND_COLOURS
        if any(row.backend == backend for row in others)
    }
    drawn, axes = _bars(bars, names, BACKEND_COLOURS, prices, 1.0)
    medians = [1.0, *(row.ratio.median for row in others)]
    axes.set_xscale("log")
    axes.set_xlim(min(medians) / 1.3, max(medians) ** 1.3 * 1.6)
    axes.xaxis.set_major_formatter(_plain)
    axes.xaxis.set_minor_formatter("")
    axes.axvline(1, color=_INK, linewidth=0.8)
    axes.set_xlabel("times the native way, which is 1")
    return _svg(drawn, label, alone=False)


def growth(prices: Prices, rows: Sequence[Row], label: str, *, alone: bool = False) -> str:
    """Return a chart of what one job costs for growing numbers of jobs, a part for each loop.

    Args:
        prices: where the rows are from.
        rows: the rows of one operation and job, of several sizes.
        label: what the picture shows, for those who cannot see it.
        alone: whether it is to be a file, with a ground and a colour of its own.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    kept = [row for row in rows if row.implementation in COLOURS]
    backends = [name for name in LOOPS if any(row.backend == name for row in kept)]
    drawn, all_axes = _figure(0.6 + 1.45 * len(backends), len(backends))
    unit = kept[0].unit
    ticker = import_module("matplotlib.ticker")
    for axes, backend in zip(all_axes, backends, strict=True):
        for name, colour in COLOURS.items():
            points = sorted(
                (row.size, prices.cost(row), prices.noisy(row))
                for row in kept
                if (row.backend, row.implementation) == (backend, name)
            )
            if not points:
                continue
            sizes, amounts, noisy = zip(*points, strict=True)
            axes.plot(sizes, amounts, color=colour, label=name)
            for size, amount, open_ in zip(sizes, amounts, noisy, strict=True):
                fill = "none" if open_ else colour
                axes.plot(size, amount, marker="o", markersize=4, mfc=fill, color=colour)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_title(backend, fontsize=9)
        axes.xaxis.set_major_formatter(_plain)
        axes.yaxis.set_major_formatter(lambda amount, _: shown(amount, unit))
        axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_locator(ticker.NullLocator())
        _in_ink(axes)
    all_axes[-1].set_xlabel("how many; an open circle is noisy")
    handles = {
        name: handle
        for axes in all_axes
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    drawn.legend(
        handles.values(), handles, frameon=False, fontsize=9, labelcolor=_INK,
        loc="outside upper center", ncols=3,
    )  # fmt: skip
    return _svg(drawn, label, alone=alone)


def _plain(number: float, _position: object) -> str:
    return f"{number:,g}"
