"""The price of tasks: to start them, to cancel them, and to keep them."""

from __future__ import annotations

from collections.abc import Callable


def test_spawn(price: Callable[[], None]) -> None:
    """Prices tasks from their creation until their results are in hand."""
    price()


def test_supervisor(price: Callable[[], None]) -> None:
    """Prices the same in a block whose tasks fail alone."""
    price()


def test_wait(price: Callable[[], None]) -> None:
    """Prices a wait of one task among many."""
    price()


def test_wait_in_trio(price: Callable[[], None]) -> None:
    """Prices a wait in trio of a task that is asyncio's, too."""
    price()


def test_cancel_unstarted(price: Callable[[], None]) -> None:
    """Prices tasks that are cancelled before their first step."""
    price()


def test_cancel_one(price: Callable[[], None]) -> None:
    """Prices the cancelling of a started task until it has ended."""
    price()


def test_cancel_group(price: Callable[[], None]) -> None:
    """Prices the cancelling of a group of started tasks until all have ended."""
    price()


def test_cancel_nested(price: Callable[[], None]) -> None:
    """Prices a cancellation on its way out through a chain of scopes."""
    price()


def test_memory(price: Callable[[], None]) -> None:
    """Weighs a task that waits."""
    price()
