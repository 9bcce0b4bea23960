"""The selection of backends: from the option or the ini setting, checked against what is here.

A worker process of pytest-xdist may run on another machine. It gets the list from the main
process, so that all processes collect the same tests, and skips those whose backend it lacks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from portable._backends import BACKENDS, get_backend, installed_backends
from portable._errors import UnknownBackendError

from ._arguments import ALL, OPTION, names_in


@dataclass(frozen=True)
class Selection:
    """The backends that were chosen for a run.

    Attributes:
        names: the backends, in the order in which they were named.
        source: the option or the ini setting that names them.
        missing: the backends that `all` leaves out because they are not installed.
    """

    names: tuple[str, ...]
    source: str
    missing: tuple[str, ...] = ()


def select(values: Sequence[str], source: str, *, named_elsewhere: bool = False) -> Selection:
    """Return the backends that a list of names stands for.

    Args:
        values: what was given: names, and `all` for every installed backend; each string
            may hold several, separated by commas or spaces.
        source: the option or the ini setting, for messages.
        named_elsewhere: whether the list comes from the main process, which has checked it.

    Raises:
        pytest.UsageError: a name is unknown, or its backend is not installed, or there is
            no name at all.
    """
    names: list[str] = []
    missing: tuple[str, ...] = ()
    for name in names_in(values):
        if name == ALL:
            names += installed_backends()
            missing = tuple(known for known in BACKENDS if known not in names)
        else:
            names.append(_known(name, source, must_be_installed=not named_elsewhere))
    if not names:
        raise pytest.UsageError(
            f"{source}: names no backend; write {OPTION} for all that are installed, or "
            f"{OPTION}=LIST with names out of: {', '.join(BACKENDS)}"
        )
    return Selection(tuple(dict.fromkeys(names)), source, missing)


def _known(name: str, source: str, *, must_be_installed: bool) -> str:
    try:
        backend = get_backend(name)
    except UnknownBackendError as error:
        raise pytest.UsageError(f"{source}: {str(error).removeprefix('backend: ')}") from None
    if must_be_installed and not backend.installed:
        raise pytest.UsageError(
            f"{source}: {name!r} is not installed; install it with: {backend.install_command}"
        )
    return name
