"""asyncio's own library on trio.

trio drives an event loop with asyncio's interface, and asyncio tasks run inside trio tasks. So
asyncio's library, which is CPython's code, runs unchanged, and an asyncio task may also await
trio's and AnyIO's functions. This folder imports nothing from the rest of portable, only
asyncio and trio.
"""

from __future__ import annotations

from .guest import forget_run
from .loop import EventLoop
from .opening import bring_up, current_loop, open_loop
from .running import run
from .task import starts_eagerly

__all__ = [
    "EventLoop",
    "bring_up",
    "current_loop",
    "forget_run",
    "open_loop",
    "run",
    "starts_eagerly",
]
