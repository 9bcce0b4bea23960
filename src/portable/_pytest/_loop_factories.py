"""`LoopFactory`: makes a backend's loops for tests that pytest-asyncio or unittest runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from portable._backends import BACKENDS
from portable._running import trio_loop


@dataclass(frozen=True)
class LoopFactory:
    """Makes event loops of one backend.

    Attributes:
        backend: the name of the backend.
    """

    backend: str

    def __call__(self) -> asyncio.AbstractEventLoop:
        if self.backend == "trio":
            return trio_loop()
        options = BACKENDS[self.backend].run_options()
        make: Callable[[], asyncio.AbstractEventLoop]
        make = options.get("loop_factory", asyncio.new_event_loop)
        return make()
