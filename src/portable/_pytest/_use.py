"""Whether a run makes use of the plugin, and of what; cheap to ask in a run that does not."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING

import pytest

import portable

if TYPE_CHECKING:
    from ._selection import Selection

FIXTURE = "anyio_backend"
CLOCK_FIXTURE = "virtual_clock"
BACKENDS_MARKER = "anyio_backends"
VIRTUAL_MARKER = "virtual_time"
LEAKS_MARKER = "no_leaks"
_MARKERS = frozenset({BACKENDS_MARKER, VIRTUAL_MARKER, LEAKS_MARKER})


@dataclass(frozen=True)
class Settings:
    """What the command line and the ini file say.

    Attributes:
        selection: the chosen backends; `None` if none were.
        virtual_time: whether tests run in virtual time that do not say otherwise.
        no_leaks: whether tests are searched for leaks that do not say otherwise.
    """

    selection: Selection | None = None
    virtual_time: bool = False
    no_leaks: bool = False

    def is_virtual(self, item: pytest.Item) -> bool:
        """Say whether a test runs in virtual time."""
        names = fixtures_of(item)
        return FIXTURE in names and _switched(
            item, VIRTUAL_MARKER, default=self.virtual_time or CLOCK_FIXTURE in names
        )

    def must_be_clean(self, item: pytest.Item) -> bool:
        """Say whether a test fails if it leaves something behind."""
        return _switched(item, LEAKS_MARKER, default=self.no_leaks)


def _switched(node: pytest.Item, marker: str, default: bool) -> bool:
    """Return what the nearest marker says that is on alone and off with `(False)`."""
    nearest = node.get_closest_marker(marker)
    if nearest is None:
        return default
    return bool(nearest.args[0]) if nearest.args else True


def fixtures_of(item: pytest.Item) -> Sequence[str]:
    """Return the names of the fixtures that a test uses; none if it is no Python function."""
    return item.fixturenames if isinstance(item, pytest.Function) else ()


def is_needed(settings: Settings, items: Sequence[pytest.Item]) -> bool:
    """Say whether a run makes use of the plugin at all."""
    return (
        settings != Settings()
        or any(not _MARKERS.isdisjoint(_markers(item)) for item in items)
        or any(CLOCK_FIXTURE in fixtures_of(item) for item in items)
        or (any(_is_async(item) for item in items) and uses_portable())
    )


def _is_async(item: pytest.Item) -> bool:
    return FIXTURE in fixtures_of(item) or (
        isinstance(item, pytest.Function) and iscoroutinefunction(item.function)
    )


def _markers(item: pytest.Item) -> set[str]:
    return {marker.name for marker in item.iter_markers()}


def uses_portable() -> bool:
    """Say whether the tests, or what they import, may call `portable.create_task()`.

    Either they have imported it, or the package as a whole, which loads its parts later.
    """
    return "portable._groups" in sys.modules or any(
        value is portable
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] != "portable"
        for value in list(getattr(module, "__dict__", {}).values())
    )
