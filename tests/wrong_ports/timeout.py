"""Ports of `timeout` as people write them: wrong ones, why, and good ones."""

from collections.abc import Awaitable, Callable

import anyio

Outcome = Callable[["anyio.TaskHandle[str]"], Awaitable[str]]


async def fetch(url: str, seconds: float) -> str:
    print(f"fetching {url}")
    try:
        await anyio.sleep(seconds)
    finally:
        print(f"the connection to {url} is closed")
    return url


async def fetch_both_in_a_group(outcome: Outcome) -> None:
    async def cancel_later(task: "anyio.TaskHandle[str]") -> None:
        await anyio.sleep(1)
        task.cancel()

    async with anyio.create_task_group() as group:
        slow = group.start_soon(fetch, "slow.example", 30)
        print(f"slow.example {await outcome(slow)}")
        unwanted = group.start_soon(fetch, "unwanted.example", 30)
        group.start_soon(cancel_later, unwanted)
        print(f"unwanted.example {await outcome(unwanted)}")
        stopped = slow.Status.CANCELLED
        print(f"both have stopped: {slow.status is unwanted.status is stopped}")


async def wrong_port_that_stops_waiting_only() -> None:
    """A time limit ends the waiting; the job goes on, as nobody cancels it."""

    async def outcome(task: "anyio.TaskHandle[str]") -> str:
        try:
            with anyio.fail_after(3):
                return await task
        except TimeoutError:
            return "timed out"
        except anyio.TaskCancelled:
            return "cancelled"

    await fetch_both_in_a_group(outcome)


async def wrong_port_that_moves_on() -> None:
    """move_on_after raises nothing, so a time-out looks like a result of None."""

    async def outcome(task: "anyio.TaskHandle[str]") -> str:
        result = None
        try:
            with anyio.move_on_after(3):
                result = await task
        except anyio.TaskCancelled:
            return "cancelled"
        task.cancel()
        await task.wait()
        return str(result)

    await fetch_both_in_a_group(outcome)


async def wrong_port_that_tells_nothing_apart() -> None:
    """Timed out and cancelled end in one clause."""

    async def outcome(task: "anyio.TaskHandle[str]") -> str:
        try:
            with anyio.fail_after(3):
                return await task
        except (TimeoutError, anyio.TaskCancelled):
            task.cancel()
            await task.wait()
            return "timed out"

    await fetch_both_in_a_group(outcome)


async def wrong_port_with_another_limit() -> None:
    """The limit is the duration of the job, and not that of the patience."""

    async def outcome(task: "anyio.TaskHandle[str]") -> str:
        try:
            with anyio.fail_after(30):
                return await task
        except TimeoutError:
            task.cancel()
            await task.wait()
            return "timed out"
        except anyio.TaskCancelled:
            return "cancelled"

    await fetch_both_in_a_group(outcome)


async def wrong_port_with_the_limit_around_everything() -> None:
    """One limit around the group ends it all, and nobody catches what it raises."""

    async def outcome(task: "anyio.TaskHandle[str]") -> str:
        return await task

    with anyio.fail_after(3):
        await fetch_both_in_a_group(outcome)


async def harmless_port_that_waits_for_the_end() -> None:
    """The limit is around the end of the task, which is then asked what it was."""

    async def outcome(task: "anyio.TaskHandle[str]") -> str:
        with anyio.move_on_after(3) as scope:
            await task.wait()
        if scope.cancelled_caught:
            task.cancel()
            await task.wait()
            return "timed out"
        return "cancelled" if task.status is task.Status.CANCELLED else task.return_value

    await fetch_both_in_a_group(outcome)
