"""Collecting a test once for each backend that it is to run on.

The backends become a direct parametrisation of the test, which pytest puts before every
fixture of that name. It has the scope of the session, so that async fixtures of every scope
can be built on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import iscoroutinefunction
from typing import Any

import pytest

from portable._backends import BACKENDS

from ._markers import Wish, wish_of
from ._selection import Selection
from ._use import BACKENDS_MARKER, FIXTURE, SEED_FIXTURE
from ._values import name_of, value_of


def parametrize(metafunc: pytest.Metafunc, selection: Selection | None) -> None:
    """Say which backends a test runs on, unless it parametrises `anyio_backend` itself."""
    wish = wish_of(metafunc.definition)
    if FIXTURE in _parametrized_by_marks(metafunc):
        return
    if selection is not None:
        names = selection.names
        if wish is not None:
            names = tuple(name for name in names if name in wish.names)
            if not names:
                _skipped(metafunc, wish.names, _not_chosen(wish.names, selection))
                return
    elif wish is not None and wish.named:
        names = wish.names
    else:
        return  # what a project's fixture gives is seen by `narrow`
    _parametrize(metafunc, [_param(name) for name in names])


def _param(name: str) -> Any:
    backend = BACKENDS[name]
    reason = f"{name} is not installed here: {backend.install_command}"
    marks = () if backend.installed else (pytest.mark.skip(reason=reason),)
    return pytest.param(value_of(name), id=name, marks=marks)


def _skipped(metafunc: pytest.Metafunc, names: Sequence[str], reason: str) -> None:
    skip = pytest.mark.skip(reason=reason)
    _parametrize(
        metafunc, [pytest.param(value_of(name), id=name, marks=skip) for name in names]
    )


def _parametrize(metafunc: pytest.Metafunc, params: Sequence[Any]) -> None:
    metafunc.parametrize(FIXTURE, params, scope="session")
    # Fixtures are made in this order. A project's own `anyio_backend` may have stood
    # behind fixtures of higher scope; as a parameter of the session it goes first.
    metafunc.fixturenames.remove(FIXTURE)
    metafunc.fixturenames.insert(0, FIXTURE)


def _parametrized_by_marks(metafunc: pytest.Metafunc) -> Iterator[str]:
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs["argnames"]
        if isinstance(names, str):
            names = [name.strip() for name in names.split(",")]
        yield from names


def narrow(items: list[Any], selection: Selection | None) -> list[Any]:
    """Return the variants of one test that may run.

    These are the variants that the parametrisation above did not make: of a test that
    parametrises `anyio_backend` itself, or by the params of a project's fixture. One whose
    backend was not chosen is skipped. One that a marker excludes is left out, or skipped
    where nothing else is left of the test.
    """
    left = []
    excluded = []
    for item in items:
        name = name_of(getattr(item, "callspec", None) and item.callspec.params.get(FIXTURE))
        wish = wish_of(item)
        if name is None:
            left.append(item)
        elif wish is not None and name not in wish.names:
            excluded.append(item)
            item.add_marker(pytest.mark.skip(reason=refusal(name, wish)))
        else:
            left.append(item)
            if selection is not None and name not in selection.names:
                item.add_marker(pytest.mark.skip(reason=_not_chosen([name], selection)))
    return left or excluded


def collect_late(items: list[pytest.Item]) -> None:
    """Collect once more what was marked as a test of AnyIO's after it was collected.

    AnyIO would make variants for its own backends out of such a test, past any choice.
    """
    late: list[Any] = [item for item in items if _is_late(item)]
    again: dict[tuple[pytest.Collector, str], list[Any]] = {}
    for item in late:
        place = item.parent, item.originalname
        if place not in again:
            function = getattr(item.parent.obj, item.originalname)
            pytest.mark.usefixtures(FIXTURE)(function)
            again[place] = item.ihook.pytest_pycollect_makeitem(
                collector=item.parent, name=item.originalname, obj=function
            )
        variants = [variant for variant in again[place] if _is_variant(variant, item)]
        for variant in variants:
            for mark in item.own_markers:
                if mark not in variant.own_markers:
                    variant.add_marker(
                        getattr(pytest.mark, mark.name).with_args(*mark.args, **mark.kwargs)
                    )
        at = items.index(item)
        items[at : at + 1] = variants


def _is_late(item: pytest.Item) -> bool:
    return (
        isinstance(item, pytest.Function)
        and iscoroutinefunction(item.function)
        and item.get_closest_marker("anyio") is not None
        and FIXTURE not in item.fixturenames
    )


def _is_variant(variant: Any, item: Any) -> bool:
    """Say whether a variant differs from a test in the backend, and the schedule, alone."""
    old = item.callspec.params if hasattr(item, "callspec") else {}
    added = (FIXTURE, SEED_FIXTURE)
    new = {name: value for name, value in variant.callspec.params.items() if name not in added}
    return old.keys() == new.keys() and all(old[name] is new[name] for name in old)


def refusal(name: str, wish: Wish) -> str:
    """Say that the markers of a test keep it from a backend."""
    return f"the marker {BACKENDS_MARKER} leaves {', '.join(wish.names)}, not {name}"


def _not_chosen(names: Sequence[str], selection: Selection) -> str:
    backends = "backend" if len(names) == 1 else "backends"
    return (
        f"{backends} {', '.join(names)} not chosen; chosen by {selection.source}: "
        f"{', '.join(selection.names)}"
    )
