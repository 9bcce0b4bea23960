"""Hooks for async generators, which close a generator that is dropped before its end.

Python calls two hooks of the thread: at a generator's first step, and when it is collected.
trio sets its own hooks in a run. The hooks here call asyncio's for generators that begin in an
asyncio task, which are then closed in a task of their own; all others get trio's.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any


def install_hooks(
    loop: asyncio.AbstractEventLoop,
    first_of_loop: Callable[[Any], object],
    last_of_loop: Callable[[Any], object],
) -> Callable[[], None]:
    """Set the hooks of this thread; return what undoes it.

    Args:
        loop: the loop.
        first_of_loop: asyncio's hook for the first step.
        last_of_loop: asyncio's hook for the end.
    """
    before = sys.get_asyncgen_hooks()
    # By id, as in trio: weak references to a generator are dead when the hook is called.
    ours: set[int] = set()

    def first(agen: Any) -> None:
        if asyncio.current_task(loop) is not None or before.firstiter is None:
            ours.add(id(agen))
            first_of_loop(agen)
        else:
            before.firstiter(agen)

    def last(agen: Any) -> None:
        if id(agen) in ours:
            ours.discard(id(agen))
            last_of_loop(agen)
        elif before.finalizer is not None:
            before.finalizer(agen)

    def undo() -> None:
        sys.set_asyncgen_hooks(*before)

    sys.set_asyncgen_hooks(first, last)
    return undo
