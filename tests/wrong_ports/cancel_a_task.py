"""Ports of `cancel_a_task` as people write them: wrong ones, why, and good ones."""

import logging
import sys

import anyio

REASON = "Took too long"


async def fetch(url: str, seconds: float) -> str:
    print(f"fetching {url}")
    try:
        await anyio.sleep(seconds)
    finally:
        print("the connection is closed")
    return url


async def fetch_and_swallow(url: str, seconds: float) -> str:
    print(f"fetching {url}")
    try:
        await anyio.sleep(seconds)
    except anyio.get_cancelled_exc_class():
        pass
    finally:
        print("the connection is closed")
    return url


async def wrong_port_that_prints_the_exception() -> None:
    """The text of AnyIO's exception is its own, and not the message."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 10)
        await anyio.sleep(1)
        task.cancel()
        try:
            print(f"finished: {await task}")
        except anyio.TaskCancelled as reason:
            print(f"cancelled: {reason}")
        print(f"was cancelled: {task.status is task.Status.CANCELLED}")


async def wrong_port_that_cancels_the_whole_group() -> None:
    """Cancelling the group cancels also the code that tells what became of the task."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 10)
        await anyio.sleep(1)
        group.cancel_scope.cancel(REASON)
        await anyio.sleep(0.1)  # for the clean-up
        try:
            print(f"finished: {await task}")
        except anyio.TaskCancelled:
            print(f"cancelled: {REASON}")
        print(f"was cancelled: {task.status is task.Status.CANCELLED}")


async def wrong_port_that_swallows_the_cancellation() -> None:
    """The fetch catches its cancellation and returns, so the task counts as finished."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch_and_swallow, "example.org", 10)
        await anyio.sleep(1)
        task.cancel()
        try:
            print(f"finished: {await task}")
        except anyio.TaskCancelled:
            print(f"cancelled: {REASON}")
        print(f"was cancelled: {task.status is task.Status.CANCELLED}")


async def wrong_port_that_cancels_late() -> None:
    """The time limit is counted in other units than the original's."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 10)
        await anyio.sleep(1.001)
        task.cancel()
        try:
            print(f"finished: {await task}")
        except anyio.TaskCancelled:
            print(f"cancelled: {REASON}")
        print(f"was cancelled: {task.status is task.Status.CANCELLED}")


async def wrong_port_that_lets_the_group_wait() -> None:
    """Nobody cancels: leaving a task group waits for its tasks."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 10)
        await anyio.sleep(1)
    if task.status is task.Status.CANCELLED:
        print(f"cancelled: {REASON}")
    print(f"was cancelled: {task.status is task.Status.CANCELLED}")


async def wrong_port_that_logs() -> None:
    """A log record stands where the original prints a line."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 10)
        await anyio.sleep(1)
        task.cancel()
        try:
            print(f"finished: {await task}")
        except anyio.TaskCancelled:
            logging.getLogger("fetch").warning("cancelled: %s", REASON)
        print(f"was cancelled: {task.status is task.Status.CANCELLED}")


async def harmless_port_with_a_scope() -> None:
    """A scope around the waiting, instead of a task that is cancelled."""
    with anyio.move_on_after(1) as scope:
        print(f"finished: {await fetch('example.org', 10)}")
    if scope.cancelled_caught:
        print(f"cancelled: {REASON}")
    print(f"was cancelled: {scope.cancelled_caught}")


async def harmless_port_that_writes() -> None:
    """Two lines in one write, and a few extra yields."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 10)
        await anyio.lowlevel.checkpoint()
        await anyio.sleep(1)
        task.cancel()
        await task.wait()
        cancelled = task.status is task.Status.CANCELLED
        sys.stdout.write(f"cancelled: {REASON}\nwas cancelled: {cancelled}\n")
