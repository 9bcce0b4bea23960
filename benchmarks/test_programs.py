"""The price of a whole: an import, and a program that is more than one operation."""

from __future__ import annotations

from collections.abc import Callable


def test_import(price: Callable[[], None]) -> None:
    """Prices an import into a Python that has just started."""
    price()


def test_asgi(price: Callable[[], None]) -> None:
    """Prices requests to a web application, without a server."""
    price()


def test_pipeline(price: Callable[[], None]) -> None:
    """Prices items on their way from a producer through workers to a collector."""
    price()


def test_fan_out(price: Callable[[], None]) -> None:
    """Prices calls that are made at once, with a time limit each."""
    price()


def test_async_tree(price: Callable[[], None]) -> None:
    """Prices a tree of tasks that fork, wait, sleep and compute."""
    price()


def test_against_trio_asyncio(price: Callable[[], None]) -> None:
    """Prices asyncio's tasks on trio beside those of the other project that runs them there."""
    price()


def test_idle(price: Callable[[], None]) -> None:
    """Counts how often a loop goes to sleep while its tasks wait."""
    price()
