"""Arguments that are not what they should be: errors that name them and show the right call."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Coroutine
from inspect import iscoroutine
from typing import SupportsFloat


def check_coroutine(coro: object, caller: str) -> None:
    """Raise a `TypeError` that shows the right call unless `coro` is a coroutine."""
    if iscoroutine(coro) or isinstance(coro, Coroutine):
        return
    if callable(coro):
        name = getattr(coro, "__name__", "main")
        raise TypeError(
            f"{caller}(): coro must be a coroutine, not the function {name!r}; "
            f"call it: {caller}({name}(...))"
        )
    raise TypeError(f"{caller}(): coro: a coroutine was expected, got {coro!r}")


def check_awaitable(aw: object, caller: str, parameter: str) -> None:
    """Raise a `TypeError` that shows the right call unless `aw` can be awaited."""
    if isinstance(aw, Awaitable):
        return
    if callable(aw):
        name = getattr(aw, "__name__", "main")
        raise TypeError(
            f"{caller}(): {parameter} must be awaitable, not the function {name!r}; "
            f"call it: {caller}({name}(...))"
        )
    raise TypeError(f"{caller}(): {parameter} must be awaitable, got {aw!r}")


def seconds(caller: str, parameter: str, value: object) -> float:
    """Return a number of seconds, or raise an error that names the parameter."""
    if not isinstance(value, (int, float)):
        if not isinstance(value, SupportsFloat):
            raise TypeError(
                f"{caller}(): {parameter} must be a number of seconds, got {value!r}"
            )
        value = float(value)
    if math.isnan(value):
        raise ValueError(f"{caller}(): {parameter} must not be NaN")
    return value


def time_limit(caller: str, parameter: str, value: object) -> float | None:
    """Return a number of seconds, or `None` where there is no limit."""
    return None if value is None else seconds(caller, parameter, value)
