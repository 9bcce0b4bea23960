"""The marker `anyio_backends`: which backends a test, its class or its module allows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest

from portable._backends import BACKENDS, get_backend
from portable._errors import UnknownBackendError

from ._items import BACKENDS_MARKER

_USAGE = (
    '@pytest.mark.anyio_backends("trio"), ("asyncio", "uvloop") or (exclude="trio"), '
    f"with names out of: {', '.join(BACKENDS)}"
)


@dataclass(frozen=True)
class Allowed:
    """The backends that the markers of a test allow.

    Attributes:
        names: the backends, in the order in which the markers name them.
        named: whether a marker names backends; otherwise the markers only exclude some.
    """

    names: tuple[str, ...]
    named: bool


def allowed_by_markers(node: pytest.Item) -> Allowed | None:
    """Return the backends that all `anyio_backends` markers of a test allow; `None`: no marker.

    Raises:
        pytest.Collector.CollectError: a marker has wrong arguments, or no backend is left.
    """
    names, named = tuple(BACKENDS), False
    markers = list(node.iter_markers(BACKENDS_MARKER))
    if not markers:
        return None
    for marker in markers:
        wanted, excluded = _arguments(node, marker)
        if wanted:
            names, named = tuple(name for name in wanted if name in names), True
        names = tuple(name for name in names if name not in excluded)
    if not names:
        raise _error(node, "its markers leave no backend to run on")
    return Allowed(names, named)


def _arguments(node: pytest.Item, marker: pytest.Mark) -> tuple[list[str], list[str]]:
    other = set(marker.kwargs) - {"exclude"}
    wanted, excluded = _flat(marker.args), _flat([marker.kwargs.get("exclude", ())])
    if other or not (wanted or excluded):
        raise _error(node, f"write {_USAGE}")
    for name in [*wanted, *excluded]:
        try:
            get_backend(name)
        except UnknownBackendError as error:
            raise _error(node, str(error).removeprefix("backend: ")) from None
    return wanted, excluded


def _flat(values: Iterable[object]) -> list[str]:
    """Return names given one by one or in lists; what is no name is refused by the caller."""
    names: list[object] = []
    for value in values:
        if isinstance(value, Sequence) and not isinstance(value, str):
            names += value
        else:
            names.append(value)
    return [str(name) for name in names]


def _error(node: pytest.Item, problem: str) -> pytest.Collector.CollectError:
    return pytest.Collector.CollectError(f"{node.nodeid}: marker {BACKENDS_MARKER}: {problem}")
