"""The selector of the loop on trio: asyncio's own, for which trio waits as a whole.

asyncio's transports register their sockets with the loop's selector. Once in an iteration the
loop asks it which sockets are ready, as asyncio's own loop does. Only the sleep is different.
An epoll or kqueue object is itself a file descriptor, which is readable if one of its sockets
is ready. So trio waits for that one descriptor by `wait_readable()`, however many sockets it
holds.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Any

CAN_BE_WAITED_FOR = hasattr(selectors.DefaultSelector, "fileno")


class NestedSelector(selectors.DefaultSelector):
    """The platform's best selector, with a callback for the first socket.

    Args:
        on_first: called when a socket is registered while it holds no other.

    Attributes:
        held: how many sockets it holds.
    """

    def __init__(self, on_first: Callable[[], object]) -> None:
        super().__init__()
        self._on_first = on_first
        self.held: int = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        if not CAN_BE_WAITED_FOR:
            raise NotImplementedError(
                "asyncio's sockets on trio need epoll or kqueue, which this platform has not; "
                "use trio's or AnyIO's sockets here"
            )
        key = super().register(fileobj, events, data)
        self.held += 1
        if self.held == 1:
            self._on_first()
        return key

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        key = super().unregister(fileobj)
        self.held -= 1
        return key
