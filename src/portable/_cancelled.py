"""`CancelledError`, the name a port writes in its `except` clause.

A module of its own, because the tuple has to hold trio's class before anything catches it,
and loading trio is for those to pay who use the name.
"""

from __future__ import annotations

import asyncio
from typing import Final

import anyio

from ._backends import BACKENDS


def _cancellations() -> tuple[type[BaseException], ...]:
    classes: list[type[BaseException]] = [asyncio.CancelledError, anyio.TaskCancelled]
    if BACKENDS["trio"].installed:
        import trio

        classes.append(trio.Cancelled)
    return tuple(classes)


CancelledError: Final[tuple[type[BaseException], ...]] = _cancellations()
"""What `except CancelledError:` has to catch on every backend.

Stands for `asyncio.CancelledError`. It is a tuple of classes: the cancellation of each
backend, which a task sees inside (D3), and `TaskCancelled`, which awaiting a cancelled task
raises (D4). It can be caught and given to `isinstance()`, not raised.
"""
