"""asyncio's own library on trio.

An event loop with asyncio's interface that trio drives, and tasks that are asyncio's and
run inside tasks of trio's. asyncio's library, CPython's code, runs on it as it is, and in its
tasks what is trio's and AnyIO's can be awaited as well. Nothing here knows of the rest of the
package: it needs asyncio and trio alone.
"""

from __future__ import annotations

from .hosting import bring_up, current_loop, open_loop
from .loop import EventLoop
from .running import run
from .task import starts_eagerly

__all__ = ["EventLoop", "bring_up", "current_loop", "open_loop", "run", "starts_eagerly"]
