"""What a task of asyncio's has of trio's, between two of its steps.

A task that has nothing of trio's may take its next step in any worker. It has something if a
scope or a nursery is open that was not before, or if anything has got hold of the trio task it
ran in: an owner of a lock, a key of a dictionary, whatever calls
`trio.lowlevel.current_task()` and keeps it.
"""

from __future__ import annotations

import sys
from typing import Any
from weakref import getweakrefcount

import trio


class Belongings:
    """Whether a trio task is as it was.

    Args:
        native: the trio task, at a time when the one that is to use it has not begun to.
    """

    __slots__ = ("_native", "_references", "_scope", "_weak_references")

    def __init__(self, native: trio.lowlevel.Task) -> None:
        self._native = native
        self.note()

    def note(self) -> None:
        """Take what there is now for nothing."""
        native = self._native
        self._scope = innermost_scope(native)
        self._references = sys.getrefcount(native)
        self._weak_references = getweakrefcount(native)

    def are_none(self) -> bool:
        """Say whether nothing was opened and nobody has got hold of the task since."""
        native = self._native
        return (
            innermost_scope(native) is self._scope
            and sys.getrefcount(native) == self._references
            and getweakrefcount(native) == self._weak_references
            and not native.child_nurseries
        )


def innermost_scope(native: Any) -> object:
    """Return what stands for the innermost scope around a trio task.

    Its name is not public. The public way to see whether a scope was left open is to close one
    around it, which costs more than all the rest of a step. Without the name each task keeps
    its worker, which is right, and slower.
    """
    return getattr(native, "_cancel_status", None) or object()
