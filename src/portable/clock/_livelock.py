"""Livelocks: which tasks are ready again and again, while virtual time stands still.

A task that is ready in each iteration awaits a new object each time: another future, or another
`sleep(0)`. A task that waits for a timer awaits the same object all along. So two looks at what
the tasks await, a few iterations apart, tell the two kinds apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ._deadlock import Waiting
from ._stacks import innermost

_ITERATIONS = 5


class Livelock:
    """Finds the tasks of a run that are always ready.

    Args:
        tasks: returns the names and the coroutines of all tasks.
    """

    def __init__(self, tasks: Callable[[], Iterable[Waiting]]) -> None:
        self._tasks = tasks
        self._seen: list[tuple[object, object]] | None = None
        self._iterations = 0

    def look(self) -> list[Waiting] | None:
        """Return the tasks that are always ready; `None`: call again in the next iteration."""
        if self._seen is None:
            # The objects are kept alive, so that no new one can get the same identity.
            self._seen = [(coro, innermost(coro)) for _, coro in self._tasks()]
            self._iterations = 0
        self._iterations += 1
        if self._iterations < _ITERATIONS:
            return None
        seen, self._seen = self._seen, None
        same = {id(coro) for coro, awaited in seen if innermost(coro) is awaited}
        return [task for task in self._tasks() if id(task[1]) not in same]
