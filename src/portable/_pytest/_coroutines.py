"""Coroutines that a test makes and nobody awaits.

Python warns of those that are gone. Others are found among the objects of the garbage
collector. What was there before the test is frozen while it runs, so that the look costs the
same however much a session has piled up.
"""

from __future__ import annotations

import gc
import inspect
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import CoroutineType
from typing import Any

from ._stacks import DEPTH, origin, shorten

_NEVER_AWAITED = "coroutine .* was never awaited"

# Python 3.12 begins with some hundred frozen objects of its own.
_OF_PYTHON = 1000
# The heap is walked through when it has this many new objects, and a quarter more than before.
_MANY = 100_000


class Heap:
    """Sets aside what is there already while a test runs.

    To freeze the heap makes all objects old, and sets the collector's counters to zero. So
    Python would never look at the old ones again, and the cycles that fixtures and tests drop
    would pile up. This class looks in its place, about as often.
    """

    def __init__(self) -> None:
        self._new = self._old = 0

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """Freeze the heap in the block; if somebody else has, it stays as they left it."""
        if gc.get_freeze_count() > _OF_PYTHON:
            yield
            return
        if gc.isenabled():
            self._clean_up()
        gc.freeze()
        try:
            yield
        finally:
            gc.unfreeze()

    def _clean_up(self) -> None:
        young, middle, old = gc.get_count()
        first, second, _ = gc.get_threshold()
        self._new += young + first * (middle + second * old)
        if self._new < max(_MANY, self._old // 4):
            gc.collect(1)
        else:
            gc.collect()
            self._new, self._old = 0, len(gc.get_objects())


@contextmanager
def unawaited_coroutines(found: list[str], heap: Heap) -> Iterator[None]:
    """Add a text for each coroutine that the block makes and nobody awaits."""
    depth = sys.get_coroutine_origin_tracking_depth()
    with heap.set_aside(), warnings.catch_warnings():
        warnings.filterwarnings("always", _NEVER_AWAITED, RuntimeWarning)
        show = warnings.showwarning

        def noting(message: Any, category: Any, *args: Any, **kwargs: Any) -> None:
            text = str(message)
            if category is RuntimeWarning and "was never awaited" in text:
                found.append(f"{text.splitlines()[0]}, made at\n{shorten(text)}")
            else:
                show(message, category, *args, **kwargs)

        warnings.showwarning = noting
        sys.set_coroutine_origin_tracking_depth(DEPTH)
        try:
            yield
            if _unstarted():
                _collect()  # garbage may close its own coroutines; Python warns of the others
            for coro in _unstarted():
                name = coro.__qualname__
                found.append(f"coroutine {name!r} was never awaited, made at\n{origin(coro)}")
                coro.close()
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)


def _collect() -> None:
    """Collect the garbage among the objects made since the heap was frozen.

    A full collection on a frozen heap makes the collector believe that the heap is small, so
    that it walks through all of it once it is thawed. It is avoided while no object is old.
    """
    gc.collect(2 if gc.get_objects(generation=2) else 1)


def _unstarted() -> list[CoroutineType[Any, Any, Any]]:
    return [
        thing
        for thing in gc.get_objects()
        if type(thing) is CoroutineType
        and thing.cr_origin is not None
        and inspect.getcoroutinestate(thing) == inspect.CORO_CREATED
    ]
