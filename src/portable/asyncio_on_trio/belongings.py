"""Belongings: what an asyncio task has of trio's, between two of its steps.

A task without belongings may take its next step in any worker. It has belongings if it has
opened a scope or a nursery, or if something keeps a reference to its trio task: the owner of a
lock, the key of a dictionary, or anything else that has called `trio.lowlevel.current_task()`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from operator import attrgetter
from typing import Any
from weakref import getweakrefcount

import trio

#: Returns an object that identifies the innermost scope around a trio task. The name is not
#: public. The public way to see whether a scope was left open is to close another one around
#: it, which costs more than the rest of a step. Without the name each task keeps its worker,
#: which is right, but slower.
innermost_scope: Callable[[Any], object] = (
    attrgetter("_cancel_status")
    if hasattr(trio.lowlevel.Task, "_cancel_status")
    else lambda _: object()
)


class Belongings:
    """Compares a trio task with how it was before an asyncio task used it.

    Args:
        native: the trio task, which no asyncio task uses yet.
    """

    __slots__ = ("_native", "_references", "_scope", "_weak_references")

    def __init__(self, native: trio.lowlevel.Task) -> None:
        self._native = native
        self.note()

    def note(self) -> None:
        """Note how the trio task is now, without belongings."""
        native = self._native
        self._scope = innermost_scope(native)
        self._references = sys.getrefcount(native)
        self._weak_references = getweakrefcount(native)

    def are_none(self) -> bool:
        """Say whether the trio task is as it was: nothing was opened, nobody refers to it."""
        native = self._native
        return (
            innermost_scope(native) is self._scope  # that of a nursery, if one is open
            and sys.getrefcount(native) == self._references
            and getweakrefcount(native) == self._weak_references
        )
