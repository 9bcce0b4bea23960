"""Ports of `cancel_a_task` as people write them: wrong ones, why, and good ones."""

import logging
import sys

import anyio

import portable

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
    except portable.CancelledError:
        pass
    finally:
        print("the connection is closed")
    return url


async def tell(task: "portable.Task[str]") -> None:
    try:
        print(f"finished: {await task}")
    except portable.CancelledError as reason:
        print(f"cancelled: {reason}")
    print(f"was cancelled: {task.cancelled()}")


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


async def wrong_drop_in_without_message() -> None:
    """The message is lost."""
    task = portable.create_task(fetch("example.org", 10))
    await portable.sleep(1)
    task.cancel()
    await tell(task)


async def wrong_drop_in_that_cancels_at_once() -> None:
    """The task is cancelled before its first step, so the fetch never begins."""
    task = portable.create_task(fetch("example.org", 10))
    task.cancel(REASON)
    await portable.sleep(1)
    await tell(task)


async def wrong_drop_in_that_does_not_wait() -> None:
    """A cancelled task is not done until its clean-up is, and nobody waits for that."""
    task = portable.create_task(fetch("example.org", 10))
    await portable.sleep(1)
    task.cancel(REASON)
    print(f"cancelled: {REASON}")
    print(f"was cancelled: {task.cancelled()}")


async def wrong_drop_in_that_shields() -> None:
    """The fetch shields itself from cancellation and goes on to its end."""

    async def shielded(url: str, seconds: float) -> str:
        with anyio.CancelScope(shield=True):
            return await fetch(url, seconds)

    task = portable.create_task(shielded("example.org", 10))
    await portable.sleep(1)
    task.cancel(REASON)
    await tell(task)


async def wrong_drop_in_that_leaves_a_task_running() -> None:
    """A watchdog is started and never stopped."""

    async def watchdog(task: "portable.Task[str]") -> None:
        await portable.sleep(60)
        task.cancel()

    task = portable.create_task(fetch("example.org", 10))
    portable.create_task(watchdog(task))
    await portable.sleep(1)
    task.cancel(REASON)
    await tell(task)


async def wrong_drop_in_in_another_order() -> None:
    """The last two lines have changed places."""
    task = portable.create_task(fetch("example.org", 10))
    await portable.sleep(1)
    task.cancel(REASON)
    try:
        message = f"finished: {await task}"
    except portable.CancelledError as reason:
        message = f"cancelled: {reason}"
    print(f"was cancelled: {task.cancelled()}")
    print(message)


async def wrong_drop_in_that_catches_nothing() -> None:
    """The cancelled task's exception ends the program."""
    task = portable.create_task(fetch("example.org", 10))
    await portable.sleep(1)
    task.cancel(REASON)
    print(f"finished: {await task}")


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


async def harmless_drop_in_with_a_supervisor() -> None:
    """An explicit owner for the task, and the exception by its own name."""
    async with portable.Supervisor() as tasks:
        task = tasks.create_task(fetch("example.org", 10), name="fetch")
        await portable.sleep(1)
        task.cancel(REASON)
        try:
            print("finished:", await task)
        except portable.TaskCancelled as reason:
            print("cancelled:", reason.message)
        print("was cancelled:", task.cancelled())
