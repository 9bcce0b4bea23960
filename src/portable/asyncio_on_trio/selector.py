"""The selector of a loop on trio: asyncio's own, which trio waits for as a whole.

asyncio's transports register their sockets with the loop's selector, and asyncio's loop asks
it, once in an iteration, which of them are ready. So does this loop. Only where asyncio's would
sleep in the selector trio sleeps: an epoll or kqueue object is itself a file descriptor,
readable when one of those it holds is ready, and `trio.lowlevel.wait_readable()` waits for that
one. No socket costs trio anything.
"""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Any

CAN_BE_WAITED_FOR = hasattr(selectors.DefaultSelector, "fileno")


class NestedSelector(selectors.DefaultSelector):
    """The platform's best selector, which tells when the first socket is registered.

    Args:
        on_first: called when it holds a socket, after it held none.

    Attributes:
        held: how many sockets it holds.
    """

    def __init__(self, on_first: Callable[[], object]) -> None:
        super().__init__()
        self._on_first = on_first
        self.held = 0

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
