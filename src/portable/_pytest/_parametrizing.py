"""Parametrising tests by backend: one variant of a test for each backend.

The backends are a direct parametrisation of `anyio_backend`, which pytest prefers to any
fixture of that name. Its scope is the session, so async fixtures of any scope can use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from inspect import iscoroutinefunction
from typing import Any

import pytest

from portable._backends import BACKENDS

from ._items import BACKENDS_MARKER, FIXTURE, SEED_FIXTURE, copy_mark, params_of
from ._markers import Allowed, allowed_by_markers
from ._selection import Selection
from ._values import name_of, value_of


def parametrize(metafunc: pytest.Metafunc, selection: Selection | None) -> list[str]:
    """Parametrise a test by backend, unless it chooses its backends itself.

    It does so if it parametrises `anyio_backend`, or if the project's own `anyio_backend` uses
    other fixtures. `narrow()` and the set-up of the test look at the values in those cases.

    Returns:
        The fixtures that the project's own `anyio_backend` uses.
    """
    if FIXTURE in _parametrized_by_marks(metafunc):
        return []
    needs = _needs_of_the_fixture(metafunc)
    if not needs:
        _parametrize_by_choice(metafunc, selection)
    return needs


def _parametrize_by_choice(metafunc: pytest.Metafunc, selection: Selection | None) -> None:
    allowed = allowed_by_markers(metafunc.definition)
    if selection is not None:
        names = selection.names
        if allowed is not None:
            names = tuple(name for name in names if name in allowed.names)
            if not names:
                _skipped(metafunc, allowed.names, not_chosen(allowed.names, selection))
                return
    elif allowed is not None and allowed.named:
        names = allowed.names
    else:
        return  # `narrow()` looks at the params of a project's fixture
    _parametrize(metafunc, [_param(name) for name in names])


# pytest has no public name for which fixture uses which; it has one for those of a test in all.
def _needs_of_the_fixture(metafunc: pytest.Metafunc) -> list[str]:
    """Return the fixtures that a project's own `anyio_backend` uses.

    Such a fixture makes its values from more than the name of a backend, so they are kept.
    """
    definitions = metafunc._arg2fixturedefs.get(FIXTURE)
    if not definitions:
        return []
    return [name for name in definitions[-1].argnames if name != "request"]


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
    # pytest sets fixtures up in this order. A project's own `anyio_backend` may come behind
    # fixtures of higher scope; a parameter of session scope has to come first.
    metafunc.fixturenames.remove(FIXTURE)
    metafunc.fixturenames.insert(0, FIXTURE)


def _parametrized_by_marks(metafunc: pytest.Metafunc) -> Iterator[str]:
    for mark in metafunc.definition.iter_markers("parametrize"):
        names = mark.args[0] if mark.args else mark.kwargs["argnames"]
        if isinstance(names, str):
            names = [name.strip() for name in names.split(",")]
        yield from names


def narrow(items: list[Any], selection: Selection | None) -> list[Any]:
    """Return the variants of one test that are to be collected.

    `parametrize()` leaves alone a test that parametrises `anyio_backend` itself, and one that
    gets the params of a project's fixture. Of these, a variant is skipped if its backend was
    not chosen, and dropped if a marker excludes its backend. If markers exclude all variants,
    these are skipped instead.
    """
    left = []
    excluded = []
    for item in items:
        name = name_of(params_of(item).get(FIXTURE))
        allowed = allowed_by_markers(item)
        if name is None:
            left.append(item)
        elif allowed is not None and name not in allowed.names:
            excluded.append(item)
            item.add_marker(pytest.mark.skip(reason=refusal(name, allowed)))
        else:
            left.append(item)
            if selection is not None and name not in selection.names:
                item.add_marker(pytest.mark.skip(reason=not_chosen([name], selection)))
    return left or excluded


def collect_late(items: list[pytest.Item]) -> None:
    """Collect again each test that got AnyIO's marker after it was collected.

    AnyIO would run such a test on its own list of backends, whatever was chosen.
    """
    late: list[Any] = [item for item in items if _is_late(item)]
    by_function: dict[tuple[pytest.Collector, str], list[Any]] = {}
    for item in late:
        key = item.parent, item.originalname
        if key not in by_function:
            function = getattr(item.parent.obj, item.originalname)
            pytest.mark.usefixtures(FIXTURE)(function)
            by_function[key] = item.ihook.pytest_pycollect_makeitem(
                collector=item.parent, name=item.originalname, obj=function
            )
        variants = [variant for variant in by_function[key] if _is_variant(variant, item)]
        for variant in variants:
            for mark in item.own_markers:
                if mark not in variant.own_markers:
                    copy_mark(mark, variant)
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
    """Say whether a variant differs from a test only in its backend and schedule."""
    old, added = params_of(item), (FIXTURE, SEED_FIXTURE)
    new = {name: value for name, value in params_of(variant).items() if name not in added}
    return old.keys() == new.keys() and all(old[name] is new[name] for name in old)


def refusal(name: str, allowed: Allowed) -> str:
    """Return the reason for a skip: the markers of a test exclude a backend."""
    return f"the marker {BACKENDS_MARKER} leaves {', '.join(allowed.names)}, not {name}"


def not_chosen(names: Sequence[str], selection: Selection) -> str:
    """Return the reason for a skip: the backends of a test were not chosen."""
    backends = "backend" if len(names) == 1 else "backends"
    return (
        f"{backends} {', '.join(names)} not chosen; chosen by {selection.source}: "
        f"{', '.join(selection.names)}"
    )
