"""The price of what is built on tasks: limits, the first of many, many at once."""

from __future__ import annotations

from collections.abc import Callable


def test_timeout_idle(price: Callable[[], None]) -> None:
    """Prices a time limit that is not reached."""
    price()


def test_timeout_fires(price: Callable[[], None]) -> None:
    """Prices a time limit that has run out, down to the TimeoutError."""
    price()


def test_timeout_cpu(price: Callable[[], None]) -> None:
    """Prices what a loop computes while it waits for a time limit."""
    price()


def test_race(price: Callable[[], None]) -> None:
    """Prices the first of many, until the others have ended."""
    price()


def test_map(price: Callable[[], None]) -> None:
    """Prices a job for each of many items, so many at a time."""
    price()


def test_map_memory(price: Callable[[], None]) -> None:
    """Weighs what such a map holds at a time, per item."""
    price()
