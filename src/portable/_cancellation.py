"""Which exceptions are cancellations."""

from __future__ import annotations

import asyncio

import anyio


def is_cancellation(error: BaseException) -> bool:
    """Whether an exception is a cancellation of this backend, or made to look like one."""
    # A program ported from asyncio may raise asyncio's by hand, under trio too.
    if isinstance(error, asyncio.CancelledError):
        return True  # as most are: to look up the backend's own class takes longer
    return isinstance(error, anyio.get_cancelled_exc_class())


def holds_cancellation(error: BaseException) -> bool:
    """Whether an exception is a cancellation of this backend, or a group with one in it."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(is_cancellation) is not None
    return is_cancellation(error)


def is_closing(error: BaseException) -> bool:
    """Whether an exception tells the coroutine that has caught it that it is being closed.

    Not if the code it awaits has raised one of the kind, in a frame further down.
    """
    if not isinstance(error, GeneratorExit):
        return False
    return error.__traceback__ is None or error.__traceback__.tb_next is None
