"""Ports of `heartbeat_beside_a_job` as people write them: wrong ones, why, and good ones."""

from collections.abc import Awaitable, Callable

import anyio

Files = dict[str, float]


async def heartbeat(seconds: float) -> None:
    beats = 0
    try:
        while True:
            await anyio.sleep(seconds)
            beats += 1
            print("still alive")
    finally:
        print(f"the heart has stopped after {beats} beats")


async def copy(files: Files) -> str:
    for file, seconds in files.items():
        await anyio.sleep(seconds)
        if file == "bad.txt":
            raise OSError(f"{file} cannot be read")
        print(f"{file} is copied")
    return f"{len(files)} files"


async def copy_twice(guarded: Callable[[Files], Awaitable[None]]) -> None:
    await guarded({"one.txt": 1.5, "two.txt": 2.25})
    await guarded({"three.txt": 1.25, "bad.txt": 1.5})


async def outcome_of(files: Files) -> str:
    try:
        return f"done: {await copy(files)}"
    except OSError as error:
        return f"failed: {error}"


async def wrong_port_that_tells_too_early() -> None:
    """The outcome is told while the heart still beats."""

    async def guarded(files: Files) -> None:
        async with anyio.create_task_group() as group:
            beating = group.start_soon(heartbeat, 1)
            print(f"{await outcome_of(files)}, heartbeat cancelled: True")
            await anyio.sleep(0.5)
            beating.cancel()

    await copy_twice(guarded)


async def wrong_port_that_never_stops() -> None:
    """Nobody cancels the heartbeat, and the group waits for it for ever."""

    async def guarded(files: Files) -> None:
        with anyio.move_on_after(100):
            async with anyio.create_task_group() as group:
                group.start_soon(heartbeat, 1)
                outcome = await outcome_of(files)
        print(f"{outcome}, heartbeat cancelled: True")

    await copy_twice(guarded)


async def wrong_port_with_the_error_in_a_group() -> None:
    """The error ends the heartbeat as well, but comes out of the group in an ExceptionGroup."""

    async def guarded(files: Files) -> None:
        try:
            async with anyio.create_task_group() as group:
                beating = group.start_soon(heartbeat, 1)
                outcome = f"done: {await copy(files)}"
                beating.cancel()
        except OSError as error:
            outcome = f"failed: {error}"
        print(f"{outcome}, heartbeat cancelled: True")

    await copy_twice(guarded)


async def wrong_port_that_beats_first() -> None:
    """The first beat comes at once, and not after a second."""

    async def heartbeat(seconds: float) -> None:
        beats = 0
        try:
            while True:
                beats += 1
                print("still alive")
                await anyio.sleep(seconds)
        finally:
            print(f"the heart has stopped after {beats} beats")

    async def guarded(files: Files) -> None:
        async with anyio.create_task_group() as group:
            beating = group.start_soon(heartbeat, 1)
            outcome = await outcome_of(files)
            beating.cancel()
        print(f"{outcome}, heartbeat cancelled: True")

    await copy_twice(guarded)


async def wrong_port_that_stops_the_job() -> None:
    """One cancels the group from within the heartbeat when it has beaten twice."""

    async def guarded(files: Files) -> None:
        outcome = "done"

        async def watch() -> None:
            await anyio.sleep(2)
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(heartbeat, 1)
            group.start_soon(watch)
            outcome = await outcome_of(files)
        print(f"{outcome}, heartbeat cancelled: True")

    await copy_twice(guarded)


async def wrong_port_that_swallows_the_cancellation() -> None:
    """The heartbeat takes its cancellation for the end of a sleep, and tells a beat more."""

    async def heartbeat(seconds: float) -> None:
        beats = 0
        alive = True
        try:
            while alive:
                try:
                    await anyio.sleep(seconds)
                except anyio.get_cancelled_exc_class():
                    alive = False
                beats += 1
                print("still alive")
        finally:
            print(f"the heart has stopped after {beats} beats")

    async def guarded(files: Files) -> None:
        async with anyio.create_task_group() as group:
            beating = group.start_soon(heartbeat, 1)
            outcome = await outcome_of(files)
            beating.cancel()
        print(f"{outcome}, heartbeat cancelled: True")

    await copy_twice(guarded)


async def harmless_port_that_cancels_the_scope() -> None:
    """The whole group is cancelled when the job, its last child, has ended."""

    async def guarded(files: Files) -> None:
        outcomes = []

        async def job() -> None:
            outcomes.append(await outcome_of(files))
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(heartbeat, 1)
            group.start_soon(job)
        print(f"{outcomes[0]}, heartbeat cancelled: True")

    await copy_twice(guarded)
