"""Which of the things that come at one instant came because of another.

Where one line stands above another, that may be chance, or have a reason: the task that wrote
the second was woken by the one that had written the first. A loop schedules whatever runs by
`call_soon`, with the context that it is to run in. So each context keeps a *clock*: how many
things each task had shown when all that led up to here had happened. Whoever schedules a
callback hands its own clock on. One thing is the reason for another if the other's clock counts
it (Lamport's happened-before, by vector clocks).

Only things of the same virtual instant are counted, as time orders all others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import Context, ContextVar
from typing import Any

Clock = tuple[float, Mapping[int, int]]
"""A virtual time, and how many things each writer had shown by then."""

NOBODY = -1
"""The writer of what no task wrote."""

_MOST = 64  # writers of one instant that are kept apart; among more no reasons are known
_NOTHING: Clock = (-1.0, {})
_clock: ContextVar[Clock] = ContextVar("portable.equivalence.clock", default=_NOTHING)


class Causality:
    """Keeps the clocks of one recording."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        _clock.set(_NOTHING)

    def show(self, writer: int | None, time: float) -> Mapping[int, int]:
        """Count a thing that is shown now, and return the clock at which it is.

        Args:
            writer: the number of the task; `None`: no task.
            time: the virtual time.
        """
        who = NOBODY if writer is None else writer
        count = self._counts[who] = self._counts.get(who, 0) + 1
        clock = (time, _merged(time, _clock.get(), (time, {who: count})))
        _clock.set(clock)
        return clock[1]


def hand_clocks_on(
    loop: asyncio.AbstractEventLoop, woken: Callable[[object], object] = lambda _: None
) -> None:
    """Let whatever schedules a callback on a loop hand its clock on to it.

    Args:
        loop: the loop.
        woken: called with each task that is to go on.
    """
    if not isinstance(loop, asyncio.BaseEventLoop):
        return  # uvloop schedules tasks past its own methods
    call_soon = loop.call_soon

    def handing_on(
        callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        if context is not None:  # without one it runs in a copy of this one
            mine = _clock.get()
            theirs = context.get(_clock, _NOTHING)
            if mine is not theirs and mine[1] and mine[0] >= theirs[0]:
                merged = (mine[0], _merged(mine[0], theirs, mine))
                with suppress(RuntimeError):  # somebody is in it, further up
                    context.run(_clock.set, merged)
        task = getattr(callback, "__self__", None)
        if isinstance(task, asyncio.Task):
            woken(task)
        return call_soon(callback, *args, context=context)

    loop.call_soon = handing_on  # type: ignore[assignment,method-assign]


def _merged(time: float, *clocks: Clock) -> Mapping[int, int]:
    """Return what was shown at that time by all that the clocks know of."""
    known: dict[int, int] = {}
    for when, counts in clocks:
        if when == time:
            for who, count in counts.items():
                known[who] = max(count, known.get(who, 0))
    return known if len(known) <= _MOST else {}
