"""What has to be equal, and what to make of a trace on trio that is another than asyncio's.

- A program in asyncio's names alone: line by line, turn by turn.
- One in both languages: what each task does, when, and how it ends. Where that hangs on the
  order of what happens at the same instant, trio is free (T1). Two things show that it does:
  asyncio itself has another outcome in another schedule, or if steps come a few turns late;
  or trio has asyncio's outcome, too, if its scheduler draws other lots. Neither excuses a
  program that waits for ever on trio and on asyncio never does.
- One in which AnyIO on asyncio does what it does on no other backend is not judged.
"""

from __future__ import annotations

import difflib
from typing import Any

from .running import NotComparable, Trace, trace

_SCHEDULES = 20


def judge(program: Any, *, mixed: bool) -> str:
    """Say how a program compares on asyncio and trio.

    Raises:
        AssertionError: they differ, and nothing excuses it.
    """
    try:
        expected = trace(program, "asyncio", mixed=mixed)
        got = trace(program, "trio", mixed=mixed)
        if got == expected:
            return "equal"
        if mixed and _order_is_free(program, expected, got):
            return "the order is free"
    except NotComparable:
        return "AnyIO on asyncio has a way of its own"
    lines = difflib.unified_diff(
        str(expected).splitlines(), str(got).splitlines(), "asyncio", "trio", "", "", 1000, ""
    )
    raise AssertionError("\n".join(lines))


def _order_is_free(program: Any, expected: Trace, got: Trace) -> bool:
    hangs = got.hangs and not expected.hangs
    for seed in range(_SCHEDULES):
        other = trace(program, "asyncio", mixed=True, seed=seed)
        if other.hangs if hangs else other != expected:
            return True
    return not hangs and any(
        trace(program, "trio", mixed=True, seed=seed) == expected
        for seed in range(1, _SCHEDULES)
    )
