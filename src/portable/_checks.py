"""Arguments that are not what they should be: errors that name them and show the right call."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Coroutine
from contextvars import Context
from functools import partial
from inspect import isawaitable
from types import CoroutineType
from typing import Any, SupportsFloat


def check_coroutine(coro: object, caller: str) -> None:
    """Raise a `TypeError` that shows the right call unless `coro` is a coroutine."""
    if type(coro) is not CoroutineType and not isinstance(coro, Coroutine):
        # The words behind `coro: ` are asyncio's.
        demand = (
            "coro must be a coroutine" if callable(coro) else "coro: a coroutine was expected"
        )
        raise TypeError(_refusal(coro, f"{caller}(): {demand}", caller))


def check_awaitable(aw: object, caller: str, parameter: str) -> None:
    """Raise a `TypeError` that shows the right call unless `aw` can be awaited."""
    # What `types.coroutine` makes of a generator can be awaited without being Awaitable.
    if not isinstance(aw, Awaitable) and not isawaitable(aw):
        raise TypeError(_refusal(aw, f"{caller}(): {parameter} must be awaitable", caller))


def _refusal(given: object, demand: str, caller: str) -> str:
    if isinstance(given, (list, tuple, set, frozenset)):
        return f"{demand}, got a {type(given).__name__}; give what is in it one by one"
    if callable(given):
        return (
            f"{demand}, not the function {name_of(given)!r}; call it: "
            f"{caller}({name_of(given)}(...))"
        )
    return f"{demand}, got {given!r}"


def name_of(what: object) -> str:
    """Return the name of a function or coroutine, to show how it is called."""
    while isinstance(what, partial):
        what = what.func
    name: str = getattr(what, "__name__", type(what).__name__)
    return "function" if name == "<lambda>" else name


def reuse(caller: str, parameter: str, coro: object) -> str:
    """Return what there is to say of a coroutine that is given a second time."""
    name = name_of(coro)
    return (
        f"{caller}(): {parameter}: the coroutine of {name!r} has begun or ended already; "
        f"it runs once: write {caller}({name}(...)) for a new one"
    )


_REUSED = {"cannot reuse already awaited coroutine", "coroutine is being awaited already"}


def explain_reuse(error: BaseException, coro: Coroutine[Any, Any, object]) -> BaseException:
    """Return the error a task's coroutine has raised, or a clearer one of the same type.

    That a coroutine has been used before shows when it is run, as in asyncio. To look before
    it runs would cost every task what only a mistake has to pay.
    """
    if type(error) is not RuntimeError or str(error) not in _REUSED:
        return error
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code is getattr(coro, "cr_code", None):
            return error  # its own: it has awaited another coroutine twice
        traceback = traceback.tb_next
    clearer = RuntimeError(reuse("create_task", "coro", coro))
    clearer.__cause__ = error
    return clearer


def check_context(context: object, caller: str) -> None:
    """Raise a `TypeError` that shows the right call unless `context` is one, or `None`."""
    if context is not None and not isinstance(context, Context):
        raise TypeError(
            f"{caller}(): context must be a contextvars.Context, got {context!r}; "
            "write context=contextvars.copy_context()"
        )


def seconds(caller: str, parameter: str, value: object) -> float:
    """Return a number of seconds, or raise an error that names the parameter."""
    if not isinstance(value, (int, float)):
        if not isinstance(value, SupportsFloat):
            raise TypeError(
                f"{caller}(): {parameter} must be a number of seconds, got {value!r}"
            )
        value = float(value)
    try:
        if not math.isnan(value):
            return value
    except OverflowError:  # a whole number of more than 300 digits
        raise OverflowError(f"{caller}(): {parameter}: no clock counts so far") from None
    raise ValueError(f"{caller}(): {parameter} must not be NaN")


def time_limit(caller: str, parameter: str, value: object) -> float | None:
    """Return a number of seconds, or `None` where there is no limit."""
    if value is None or (type(value) is float and value == value):  # by far most are
        return value
    return seconds(caller, parameter, value)
