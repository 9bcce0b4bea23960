"""Advice for mistakes: misspelt markers, tests that AnyIO does not run, missing backends."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches

import pytest

from portable._backends import BACKENDS

from ._items import MARKERS
from ._selection import Selection

_PLUGIN = "anyio.pytest_plugin"


def how_anyio_runs(item: pytest.Item) -> str:
    """Return what to do so that AnyIO runs a test."""
    plugin = sys.modules.get(_PLUGIN)
    if plugin is not None and item.config.pluginmanager.is_registered(plugin):
        return "mark it with pytest.mark.anyio"
    return "its pytest plugin is not loaded: leave out -p no:anyio, or install anyio"


def refuse_misspelt_markers(node: pytest.Item) -> None:
    """Refuse an unregistered marker whose name is nearly that of one of portable's.

    Raises:
        pytest.Collector.CollectError: the test has one; the message has the right name.
    """
    for marker in node.iter_markers():
        if marker.name not in MARKERS:
            meant = get_close_matches(_plain(marker.name), map(_plain, MARKERS), 1, 0.9)
            if meant and not _is_registered(node.config, marker.name):
                (name,) = (one for one in MARKERS if _plain(one) == meant[0])
                raise pytest.Collector.CollectError(
                    f"{node.nodeid}: there is no marker {marker.name}; write "
                    f"@pytest.mark.{name}"
                )


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _is_registered(config: pytest.Config, name: str) -> bool:
    lines: list[str] = config.getini("markers")
    return any(re.match(rf"{re.escape(name)}\b", line) for line in lines)


def on_tests_not_found(
    args: Iterable[str], selection: Selection, *, classes: bool
) -> list[str]:
    """Return a line for each test on the command line that has another id with this selection.

    Args:
        args: the words of the command line.
        selection: the chosen backends.
        classes: whether unittest's classes are collected for each backend.
    """
    lines = []
    for word in args:
        ids = re.search(r"\[(.*)\]$", word)
        parts = ids[1].split("-") if ids else []
        for name in BACKENDS:
            if name in parts and name not in selection.names:
                chosen = ", ".join(selection.names)
                lines.append(f"{word}: {name} was not chosen; {selection.source}: {chosen}")
        place, *names = word.split("::")
        if classes and names and "[" not in word:
            right = "::".join([place, f"{names[0]}-{selection.names[0]}", *names[1:]])
            lines.append(f"{word}: a class of unittest's has its backend in its name: {right}")
    return lines
