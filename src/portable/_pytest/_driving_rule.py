"""Whether tests and async fixtures on trio are driven: may they await what is asyncio's there?

A suite that does without asyncio on trio is left as it is: its tests run in the task of trio's
that AnyIO gives them. So this looks at the modules of the project, which have been imported
when the tests are collected: at the names in them and, where those are asyncio's, at their
text.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from ._use import FIXTURE, fixtures_of, value_for

INI = "asyncio_on_trio"
_IMPORTS_PORTABLE = re.compile(r"^\s*(from|import)\s+portable\b", re.MULTILINE)
_NOT_THE_PROJECTS = {"site-packages", "dist-packages"}


class Setting(Enum):
    """What the ini setting says."""

    AUTO = "auto"
    ALWAYS = "true"
    NEVER = "false"


def setting_of(config: pytest.Config) -> Setting:
    """Return what the ini setting says.

    Raises:
        pytest.UsageError: it says something else.
    """
    said: str = config.getini(INI)
    try:
        return Setting(said.lower())
    except ValueError:
        raise pytest.UsageError(
            f"ini setting {INI}: write auto, true or false, not {said!r}"
        ) from None


def drives(config: pytest.Config, items: Sequence[pytest.Item], *, used: bool) -> bool:
    """Say whether the tests and async fixtures of a run are driven on trio.

    By itself it happens if a module of the project imports portable; or, in a run that uses
    the plugin for something else, if one imports asyncio.

    Args:
        config: has the ini setting.
        items: the tests.
        used: whether the plugin is used for anything else.
    """
    setting = setting_of(config)
    tests = [item for item in items if _may_run_on_trio(item)]
    if setting is Setting.NEVER or not tests:
        return False
    return (
        setting is Setting.ALWAYS or _uses_asyncio(config, tests, used=used)
    ) and _trio_is_there()


def _may_run_on_trio(item: pytest.Item) -> bool:
    if FIXTURE not in fixtures_of(item):
        return False
    match value_for(item):
        case "asyncio" | ("asyncio", _):
            return False
    return True


def _trio_is_there() -> bool:
    from portable._backends import BACKENDS

    return BACKENDS["trio"].installed


def _uses_asyncio(config: pytest.Config, tests: Sequence[pytest.Item], *, used: bool) -> bool:
    for module in _modules(config, tests):
        packages = _packages_used_by(module)
        if "portable" in packages:
            return True
        if "asyncio" in packages and (used or _imports_portable(module)):
            return True
    return False


def _modules(config: pytest.Config, items: Sequence[pytest.Item]) -> Iterator[Any]:
    """Yield the modules of the tests, then those of the project that they have imported."""
    tested = {item.module for item in items if isinstance(item, pytest.Function)}
    yield from tested
    root = config.rootpath
    for module in list(sys.modules.values()):
        if module not in tested and _is_below(root, getattr(module, "__file__", None)):
            yield module


def _is_below(root: Path, file: str | None) -> bool:
    if not file or not file.startswith(str(root)):
        return False
    return _NOT_THE_PROJECTS.isdisjoint(Path(file).parts)


def _packages_used_by(module: ModuleType) -> set[str]:
    """Return which of asyncio and portable a module has names of."""
    found = set()
    for value in list(vars(module).values()):
        home: Any = None
        if isinstance(value, ModuleType):
            home = value.__name__
        elif isinstance(value, (FunctionType, type)):
            home = value.__module__
        if isinstance(home, str):
            found.add(home.partition(".")[0])
    return found & {"asyncio", "portable"}


def _imports_portable(module: ModuleType) -> bool:
    """Say whether a module that has names of asyncio's has them from portable."""
    try:
        text = Path(module.__file__ or "").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return _IMPORTS_PORTABLE.search(text) is not None
