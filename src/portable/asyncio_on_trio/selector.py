"""A selector whose waiting is trio's."""

from __future__ import annotations

import selectors
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .loop import EventLoop


class TrioSelector(selectors.SelectSelector):
    def __init__(self, loop: EventLoop) -> None:
        super().__init__()
        self._loop = loop
