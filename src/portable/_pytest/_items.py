"""What pytest knows of a test: its fixtures and parameters, by the names that this plugin uses.

A run that uses nothing of the plugin may import this, so it is small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from portable.clock._taken import Seed

FIXTURE = "anyio_backend"
CLOCK_FIXTURE = "virtual_clock"
SEED_FIXTURE = "schedule_seed"
BACKENDS_MARKER = "anyio_backends"
VIRTUAL_MARKER = "virtual_time"
LEAKS_MARKER = "no_leaks"
SCHEDULES_MARKER = "schedules"
MARKERS = (BACKENDS_MARKER, VIRTUAL_MARKER, LEAKS_MARKER, SCHEDULES_MARKER)


def fixtures_of(item: pytest.Item) -> Sequence[str]:
    """Return the names of the fixtures that a test uses; none if it is no Python function."""
    return item.fixturenames if isinstance(item, pytest.Function) else ()


def params_of(item: pytest.Item) -> Mapping[str, Any]:
    """Return the parameters of a test by their names; empty if it is not parametrised."""
    params: Mapping[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    return params


def value_for(item: pytest.Item) -> object:
    """Return the value of `anyio_backend` for a test; `None`: not known yet, or not used."""
    funcargs: Mapping[str, Any] = getattr(item, "funcargs", {})
    return funcargs.get(FIXTURE, params_of(item).get(FIXTURE))


def seed_of(item: pytest.Item) -> Seed | None:
    """Return the seed of the schedule that a test runs under; `None`: no schedule."""
    seed: Seed | None = params_of(item).get(SEED_FIXTURE)
    return seed


def copy_mark(mark: pytest.Mark, node: pytest.Item | pytest.Collector) -> None:
    """Give a test or class a mark that another one has."""
    node.add_marker(getattr(pytest.mark, mark.name).with_args(*mark.args, **mark.kwargs))
