"""Virtual time: a run in which `sleep(3600)` returns at once, on every backend."""

from __future__ import annotations

from ._virtual import VirtualClock

__all__ = ["VirtualClock"]
