"""Who looks after an async generator that is dropped before its end.

Python asks two hooks of the thread: at a generator's first step, and when it is collected. trio
sets its own for a run. Generators of asyncio's tasks get asyncio's, which close them in a task
of their own; those of trio's tasks keep trio's.
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
    # By id, as trio has it: weak references to a generator are gone when the hook is called.
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
