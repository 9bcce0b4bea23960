"""The price of the network: sockets, HTTP, subprocesses."""

from __future__ import annotations

from collections.abc import Callable


def test_echo(price: Callable[[], None]) -> None:
    """Prices a message to a server, and its echo."""
    price()


def test_http(price: Callable[[], None]) -> None:
    """Prices a page, by aiohttp's server and client."""
    price()


def test_subprocess(price: Callable[[], None]) -> None:
    """Prices a process, from its start until its end is known."""
    price()
