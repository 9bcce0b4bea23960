"""The rule that decides whether a run's tests and async fixtures are driven on trio.

A driven test runs in an asyncio task (`_stage.py`) and may await asyncio's names on trio. A
test that is not driven runs in the trio task that AnyIO gives it. Suites that do not use
asyncio on trio must stay as they are, so the rule looks at the modules of the project, which
are all imported once the tests are collected: at the names in them and, if some are asyncio's,
at the source text.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import pytest

from ._items import FIXTURE, fixtures_of, value_for

INI = "asyncio_on_trio"
_IMPORTS_PORTABLE = r"^\s*(from|import)\s+portable\b"
_INSTALLED_FOLDERS = (
    f"{os.sep}site-packages{os.sep}",
    f"{os.sep}dist-packages{os.sep}",
)


class AsyncioOnTrio(Enum):
    """The values of the ini setting."""

    AUTO = "auto"
    ALWAYS = "true"
    NEVER = "false"


def setting_of(config: pytest.Config) -> AsyncioOnTrio:
    """Return the value of the ini setting.

    Raises:
        pytest.UsageError: it has another value.
    """
    said: str = config.getini(INI)
    try:
        return AsyncioOnTrio(said.lower())
    except ValueError:
        raise pytest.UsageError(
            f"ini setting {INI}: write auto, true or false, not {said!r}"
        ) from None


def drives(config: pytest.Config, items: Sequence[pytest.Item], *, used: bool) -> bool:
    """Say whether the tests and async fixtures of a run are driven on trio.

    With the setting `auto` they are if a module of the project imports portable, or if one
    imports asyncio, or what has it in its name, and the run uses the plugin for something else.

    Args:
        config: has the ini setting.
        items: the tests.
        used: whether the run uses the plugin for something else.
    """
    setting = setting_of(config)
    tests = [item for item in items if _may_run_on_trio(item)]
    if setting is AsyncioOnTrio.NEVER or not tests:
        return False
    return (
        setting is AsyncioOnTrio.ALWAYS or _uses_asyncio(config, tests, used=used)
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
    """Yield the modules of the tests, then the project's other imported modules."""
    tested = {item.module for item in items if isinstance(item, pytest.Function)}
    yield from tested
    root = config.rootpath
    for module in list(sys.modules.values()):
        if module not in tested and _is_below(root, getattr(module, "__file__", None)):
            yield module


def _is_below(root: Path, file: str | None) -> bool:
    if not file or not file.startswith(os.path.join(root, "")):
        return False
    return not any(folder in file for folder in _INSTALLED_FOLDERS)


def _packages_used_by(module: ModuleType) -> set[str]:
    """Return `asyncio`, `portable` or both, if a module has names from them.

    Names from `redis.asyncio`, `sqlalchemy.ext.asyncio` and the like are asyncio's, too.
    """
    found = set()
    for value in list(vars(module).values()):
        home: Any = None
        if isinstance(value, ModuleType):
            home = value.__name__
        elif isinstance(value, (FunctionType, type)):
            home = value.__module__
        if isinstance(home, str):
            first, *others = home.split(".")
            found.add("asyncio" if "asyncio" in others else first)
    return found & {"asyncio", "portable"}


def _imports_portable(module: ModuleType) -> bool:
    """Say whether the source of a module imports portable, which has asyncio's names, too."""
    try:
        text = Path(module.__file__ or "").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return re.search(_IMPORTS_PORTABLE, text, re.MULTILINE) is not None
