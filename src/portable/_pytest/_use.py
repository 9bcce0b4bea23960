"""Whether a run makes use of the plugin, and of what; cheap to ask in a run that does not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ._selection import Selection

FIXTURE = "anyio_backend"
CLOCK_FIXTURE = "virtual_clock"
SEED_FIXTURE = "schedule_seed"
BACKENDS_MARKER = "anyio_backends"
VIRTUAL_MARKER = "virtual_time"
LEAKS_MARKER = "no_leaks"
SCHEDULES_MARKER = "schedules"
_MARKERS = frozenset({BACKENDS_MARKER, VIRTUAL_MARKER, LEAKS_MARKER, SCHEDULES_MARKER})


@dataclass(frozen=True)
class Time:
    """The time that a test runs in.

    Attributes:
        virtual: whether it is virtual.
        seed: the schedule, in virtual time; `None`: the backend's own order.
        alone: the test, if it shares its event loop with no other one. What went on in a
            loop before is part of a schedule, and has to be the same when it is repeated.
    """

    virtual: bool = False
    seed: int | None = None
    alone: str | None = None


@dataclass(frozen=True)
class Settings:
    """What the command line and the ini file say.

    Attributes:
        selection: the chosen backends; `None` if none were.
        virtual_time: whether tests run in virtual time that do not say otherwise.
        no_leaks: whether tests are searched for leaks that do not say otherwise.
        seeds: the schedules that marked tests run under.
    """

    selection: Selection | None = None
    virtual_time: bool = False
    no_leaks: bool = False
    seeds: range = range(0)

    def is_virtual(self, item: pytest.Item) -> bool:
        """Say whether a test runs in virtual time."""
        names = fixtures_of(item)
        wanted = (
            self.virtual_time
            or CLOCK_FIXTURE in names
            or item.get_closest_marker(SCHEDULES_MARKER) is not None
        )
        return FIXTURE in names and _switched(item, VIRTUAL_MARKER, default=wanted)

    def is_marked_virtual(self, item: pytest.Item) -> bool:
        """Say whether a marker asks for virtual time, whoever runs the test."""
        return _switched(item, VIRTUAL_MARKER, default=False)

    def time_of(self, item: pytest.Item) -> Time:
        """Return the time that a test runs in."""
        seed = seed_of(item)
        return Time(self.is_virtual(item), seed, None if seed is None else item.nodeid)

    def must_be_clean(self, item: pytest.Item) -> bool:
        """Say whether a test fails if it leaves something behind."""
        return _switched(item, LEAKS_MARKER, default=self.no_leaks)


def _switched(node: pytest.Item, marker: str, default: bool) -> bool:
    """Return what the nearest marker says that is on alone and off with `(False)`."""
    nearest = node.get_closest_marker(marker)
    return default if nearest is None else _is_on(*nearest.args, **nearest.kwargs)


def _is_on(on: bool = True) -> bool:
    if not isinstance(on, bool):
        raise TypeError
    return on


def refuse_a_wrong_switch(node: pytest.Item, marker: str) -> None:
    """Refuse a marker that says neither on nor off.

    Raises:
        pytest.Collector.CollectError: that is so; the message says what to write.
    """
    try:
        _switched(node, marker, default=True)
    except TypeError:
        raise pytest.Collector.CollectError(
            f"{node.nodeid}: marker {marker}: write @pytest.mark.{marker} or "
            f"@pytest.mark.{marker}(False)"
        ) from None


def fixtures_of(item: pytest.Item) -> Sequence[str]:
    """Return the names of the fixtures that a test uses; none if it is no Python function."""
    return item.fixturenames if isinstance(item, pytest.Function) else ()


def value_for(item: pytest.Item) -> object:
    """Return what `anyio_backend` gives a test, as far as that is known by now."""
    funcargs: Mapping[str, Any] = getattr(item, "funcargs", {})
    params: Mapping[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    return funcargs.get(FIXTURE, params.get(FIXTURE))


def seed_of(item: pytest.Item) -> int | None:
    """Return the seed of the schedule that a test runs under, if it has one."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    seed: int | None = params.get(SEED_FIXTURE)
    return seed


def is_needed(settings: Settings, items: Sequence[pytest.Item]) -> bool:
    """Say whether a run asks for anything that the plugin does."""
    return (
        settings != Settings()
        or any(CLOCK_FIXTURE in fixtures_of(item) for item in items)
        or _any_is_marked(items)
    )


def _any_is_marked(items: Sequence[pytest.Item]) -> bool:
    """Say whether any test has a marker of the plugin's; a class, say, is asked once."""
    asked: set[object] = set()
    for item in items:
        node: Any = item
        while node is not None and node not in asked:
            if any(marker.name in _MARKERS for marker in node.own_markers):
                return True
            asked.add(node)
            node = node.parent
    return False
