"""The settings of a run, and what its tests ask for."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import pytest

from ._items import (
    CLOCK_FIXTURE,
    FIXTURE,
    LEAKS_MARKER,
    SCHEDULES_MARKER,
    VIRTUAL_MARKER,
    fixtures_of,
    seed_of,
)

if TYPE_CHECKING:
    from portable.clock._taken import Seed

    from ._selection import Selection

_IO_LIMIT = 5.0


@dataclass(frozen=True)
class Time:
    """The time that a test runs in.

    Attributes:
        virtual: whether it is virtual.
        seed: the schedule, in virtual time; `None`: the backend's own order.
        alone: the node id of a test under a schedule, which gets an event loop of its own.
            What ran in a loop before changes the schedule, and would not be repeated with it.
    """

    virtual: bool = False
    seed: Seed | None = None
    alone: str | None = None


@dataclass(frozen=True)
class Settings:
    """What the command line and the ini file say.

    Attributes:
        selection: the chosen backends; `None`: the run chooses none.
        virtual_time: whether a test without a marker runs in virtual time.
        virtual_time_io: real seconds of silence on I/O from outside before time jumps.
        no_leaks: whether a test without a marker is checked for leaks.
        seeds: the schedules that marked tests run under.
        shared_context: whether the context variables of fixtures are shared.
    """

    selection: Selection | None = None
    virtual_time: bool = False
    virtual_time_io: float = _IO_LIMIT
    no_leaks: bool = False
    seeds: tuple[Seed, ...] = ()
    shared_context: bool = False

    def is_virtual(self, item: pytest.Item) -> bool:
        """Say whether a test runs in virtual time."""
        names = fixtures_of(item)
        wanted = (
            self.virtual_time
            or CLOCK_FIXTURE in names
            or item.get_closest_marker(SCHEDULES_MARKER) is not None
        )
        return FIXTURE in names and _switched(item, VIRTUAL_MARKER, default=wanted)

    def io_limit_for(self, item: pytest.Item) -> float:
        """Return the real seconds of silence that I/O from outside gets in a test."""
        nearest = item.get_closest_marker(VIRTUAL_MARKER)
        io = None if nearest is None else nearest.kwargs.get("io")
        return self.virtual_time_io if io is None else float(io)

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
    """Return whether the nearest marker is on: alone it is, with `(False)` it is not."""
    nearest = node.get_closest_marker(marker)
    return default if nearest is None else _is_on(*nearest.args, **nearest.kwargs)


def _is_on(on: bool = True, *, io: float | None = None) -> bool:
    if not isinstance(on, bool):
        raise TypeError
    return on


def refuse_a_wrong_marker(node: pytest.Item, marker: str) -> None:
    """Refuse a marker with arguments other than on or off, or with wrong seconds.

    Raises:
        pytest.Collector.CollectError: it has such; the message says what to write.
    """
    more = f" or @pytest.mark.{marker}(io=SECONDS)" if marker == VIRTUAL_MARKER else ""
    try:
        _switched(node, marker, default=True)
        nearest = node.get_closest_marker(marker)
        io = None if nearest is None else nearest.kwargs.get("io")
        if io is not None and not (more and _are_seconds(io)):
            raise TypeError
    except TypeError:
        raise pytest.Collector.CollectError(
            f"{node.nodeid}: marker {marker}: write @pytest.mark.{marker} or "
            f"@pytest.mark.{marker}(False){more}"
        ) from None


def _are_seconds(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return 0 <= value < inf


def io_limit_of(said: str) -> float:
    """Return the seconds of the ini setting `virtual_time_io`; the default if it is empty.

    Raises:
        pytest.UsageError: it is no number of seconds.
    """
    if not said:
        return _IO_LIMIT
    with suppress(ValueError):
        if _are_seconds(float(said)):
            return float(said)
    raise pytest.UsageError(
        f"ini setting virtual_time_io: write a number of seconds, as in 5 or 0.5, not {said!r}"
    )
