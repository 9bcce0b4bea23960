"""The report's pictures, as SVG: ratios by backend as bars, and cost over size as curves.

matplotlib draws them; the words stay text, and take the page's font and colour, so that
they can be read in light and dark, and searched. The same rows give the same bytes.
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
from ._results import NATIVE, NATIVE_AGAIN, Row, costs
from ._tables import figure

#: Told apart by people who are colour-blind, and on paper.
COLOURS = {"asyncio": "#4477aa", "uvloop": "#ee8866", "trio": "#228833", "python": "#777777"}
#: Stands for the colour of the text around the picture.
_INK = "#000001"
CURVES = (
    *(_INK, "#4477aa", "#ee8866", "#228833", "#aa3377"),
    *("#777777", "#ccbb44", "#66ccee", "#663300", "#99aa00"),
)
_WIDTH = 5.2
#: Bars whose ratios lie further apart than this are drawn on a logarithmic scale.
_FAR = 12.0


def _matplotlib() -> tuple[Any, Any]:
    """Return matplotlib and its figures' module, loaded by name: types have no need of it."""
    try:
        return import_module("matplotlib"), import_module("matplotlib.figure")
    except ImportError as error:
        raise MissingDependencyError(
            "the report's pictures need matplotlib; install it with: "
            "pip install 'portable-tasks[bench]'"
        ) from error


def _figure(height: float, columns: int = 1) -> tuple[Any, list[Any]]:
    matplotlib, figures = _matplotlib()
    with matplotlib.rc_context({"font.size": 9}):
        drawn = figures.Figure(figsize=(_WIDTH, height), layout="constrained")
        axes = drawn.subplots(1, columns, sharey=True, squeeze=False)
    return drawn, list(axes[0])


def _svg(drawn: Any, label: str, *, alone: bool) -> str:
    matplotlib, _ = _matplotlib()
    out = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "portable"}):
        drawn.savefig(out, format="svg", transparent=not alone, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]  # a page wants no XML prologue inside
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"font: [^;\"]*?(\d+)px [^;\"]*", r"font: \1px sans-serif", text)
    text = re.sub(r"[ \t]+$", "", text, flags=re.MULTILINE)
    text = text.replace(_INK, "#333333" if alone else "currentColor")
    return text.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)


def _in_ink(axes: Any) -> None:
    axes.tick_params(colors=_INK, which="both", labelsize=9)
    axes.xaxis.label.set_color(_INK)
    axes.yaxis.label.set_color(_INK)
    axes.title.set_color(_INK)
    for name, spine in axes.spines.items():
        spine.set_color(_INK)
        spine.set_visible(name in ("left", "bottom"))


def _legend(axes: Any, **place: Any) -> None:
    axes.legend(frameon=False, fontsize=9, labelcolor=_INK, **place)


def _plain(number: float, _position: object) -> str:
    return f"{number:,g}"


def _short(number: float, _position: object) -> str:
    return f"{number / 1_000:g}k" if number >= 1_000 else f"{number:g}"


def bars(rows: Sequence[Row], label: str, *, alone: bool = False) -> str:
    """Return a picture of ratios: a group of bars an implementation, a bar a backend.

    Args:
        rows: the rows of one operation, job and size.
        label: what the picture shows, for those who cannot see it.
        alone: whether it is to be a file, with a ground and a colour of its own.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    others = [row for row in rows if row.implementation not in (NATIVE, NATIVE_AGAIN)]
    names = list(dict.fromkeys(row.implementation for row in others))
    backends = [name for name in COLOURS if any(row.backend == name for row in others)]
    thickness = 0.8 / max(len(backends), 1)
    drawn, (axes,) = _figure(0.9 + 0.19 * len(names) * (len(backends) + 0.6))
    for place, backend in enumerate(backends):
        found = [row for row in others if row.backend == backend]
        at = [
            names.index(row.implementation) + (place + 0.5) * thickness - 0.4 for row in found
        ]
        widths = [row.ratio.median for row in found]
        spread = [
            [row.ratio.median - row.ratio.lower for row in found],
            [row.ratio.upper - row.ratio.median for row in found],
        ]
        axes.barh(
            at, widths, thickness * 0.9, xerr=spread, label=backend, color=COLOURS[backend],
            error_kw={"ecolor": _INK, "elinewidth": 0.8},
        )  # fmt: skip
        for y, row in zip(at, found, strict=True):
            # Right of the dashed line, where the bar ends shortly before it.
            end = 1.0 if 0.5 < row.ratio.upper < 1 else row.ratio.upper
            axes.annotate(
                figure(row.ratio.median), (end, y), (4, 0), color=_INK,
                textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
    medians = [row.ratio.median for row in others] or [1.0]
    if max(medians) > _FAR * min(*medians, 1.0):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_plain)
        axes.set_xlim(min(*medians, 1.0) * 0.7, max(row.ratio.upper for row in others) * 2)
    else:
        axes.set_xlim(0, max(1.0, *(row.ratio.upper for row in others)) * 1.15)
    axes.axvline(1, color=_INK, linewidth=0.8, linestyle=(0, (4, 3)))
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("times the native way (dashed)")
    _in_ink(axes)
    if len(backends) > 1:
        _legend(axes, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(backends))
    return _svg(drawn, label, alone=alone)


def growth(rows: Sequence[Row], label: str, *, alone: bool = False) -> str:
    """Return a picture of what one job costs, the more of them there are.

    Args:
        rows: the rows of one operation and job, of several sizes.
        label: what the picture shows, for those who cannot see it.
        alone: whether it is to be a file, with a ground and a colour of its own.

    Raises:
        MissingDependencyError: matplotlib is not installed.
    """
    kept = [row for row in rows if row.implementation != NATIVE_AGAIN]
    backends = [name for name in LOOPS if any(row.backend == name for row in kept)]
    names = list(dict.fromkeys(row.implementation for row in kept))
    drawn, all_axes = _figure(3.4, len(backends))
    for axes, backend in zip(all_axes, backends, strict=True):
        for colour, name in zip(CURVES * len(names), names, strict=False):
            points = sorted(
                (row.size, cost)
                for row, cost in costs(kept).items()
                if row.backend == backend and row.implementation == name
            )
            if points:
                sizes, amounts = zip(*points, strict=True)
                axes.plot(sizes, amounts, marker="o", markersize=3, color=colour, label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.xaxis.set_major_formatter(_short)
        axes.set_title(backend, fontsize=10)
        unit = kept[0].unit
        axes.yaxis.set_major_formatter(lambda amount, _, unit=unit: shown(amount, unit))
        axes.yaxis.set_minor_formatter("")
        _in_ink(axes)
    all_axes[len(all_axes) // 2].set_xlabel("how many")
    handles, labels = max((axes.get_legend_handles_labels() for axes in all_axes), key=len)
    _legend(
        drawn, handles=handles, labels=labels, loc="outside lower center",
        ncols=min(len(names), 3),
    )  # fmt: skip
    return _svg(drawn, label, alone=alone)
