"""Ports of `first_to_finish` as people write them: wrong ones, why, and good ones."""

from collections.abc import Awaitable, Callable

import anyio

Mirrors = dict[str, float]
First = Callable[[Mirrors], Awaitable[object]]


async def fetch(mirror: str, seconds: float) -> str:
    try:
        await anyio.sleep(seconds)
    except anyio.get_cancelled_exc_class():
        print(f"{mirror} is not needed")
        raise
    if mirror == "broken.example":
        raise ConnectionError(f"{mirror} does not answer")
    return f"the page from {mirror}"


async def ask_twice(first: First) -> None:
    print(await first({"far.example": 5, "near.example": 1, "old.example": 9}))
    try:
        print(await first({"far.example": 5, "broken.example": 2}))
    except ConnectionError as error:
        print(f"the first to finish has failed: {error}")


async def finished(outcomes: list[str | ConnectionError], mirrors: Mirrors) -> str:
    print(f"cancelled: {len(mirrors) - len(outcomes)}")
    if isinstance(outcomes[0], ConnectionError):
        raise outcomes[0]
    return outcomes[0]


async def wrong_port_that_waits_for_all() -> None:
    """Nobody cancels the group, so the first is known when the last has finished."""

    async def first(mirrors: Mirrors) -> str:
        outcomes: list[str | ConnectionError] = []

        async def compete(mirror: str, seconds: float) -> None:
            try:
                outcomes.append(await fetch(mirror, seconds))
            except ConnectionError as error:
                outcomes.append(error)

        async with anyio.create_task_group() as group:
            for mirror in mirrors.items():
                group.start_soon(compete, *mirror)
        return await finished(outcomes, mirrors)

    await ask_twice(first)


async def wrong_port_in_which_errors_do_not_count() -> None:
    """One that fails is passed over, and the next one is waited for."""

    async def first(mirrors: Mirrors) -> str:
        outcomes: list[str | ConnectionError] = []

        async def compete(mirror: str, seconds: float) -> None:
            try:
                outcomes.append(await fetch(mirror, seconds))
                group.cancel_scope.cancel()
            except ConnectionError:
                pass

        async with anyio.create_task_group() as group:
            for mirror in mirrors.items():
                group.start_soon(compete, *mirror)
        return await finished(outcomes, mirrors)

    await ask_twice(first)


async def wrong_port_with_an_error_in_a_group() -> None:
    """The error ends the group by itself, but comes out of it in an ExceptionGroup."""

    async def first(mirrors: Mirrors) -> str:
        outcomes: list[str | ConnectionError] = []

        async def compete(mirror: str, seconds: float) -> None:
            outcomes.append(await fetch(mirror, seconds))
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for mirror in mirrors.items():
                group.start_soon(compete, *mirror)
        return await finished(outcomes, mirrors)

    await ask_twice(first)


async def wrong_port_that_takes_the_error_for_a_page() -> None:
    """The error is returned where it was to be raised."""

    async def first(mirrors: Mirrors) -> object:
        outcomes: list[str | ConnectionError] = []

        async def compete(mirror: str, seconds: float) -> None:
            try:
                outcomes.append(await fetch(mirror, seconds))
            except ConnectionError as error:
                outcomes.append(error)
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for mirror in mirrors.items():
                group.start_soon(compete, *mirror)
        print(f"cancelled: {len(mirrors) - len(outcomes)}")
        return outcomes[0]

    await ask_twice(first)


async def wrong_port_that_takes_the_last() -> None:
    """A loser answers its cancellation with an outcome, which is then the last of them."""

    async def first(mirrors: Mirrors) -> str:
        outcomes: list[str | ConnectionError] = []

        async def compete(mirror: str, seconds: float) -> None:
            try:
                outcomes.append(await fetch(mirror, seconds))
            except BaseException as error:
                outcomes.append(ConnectionError(f"{mirror}: {type(error).__name__}"))
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for mirror in mirrors.items():
                group.start_soon(compete, *mirror)
        return await finished(outcomes[-1:], mirrors)

    await ask_twice(first)


async def harmless_port_with_a_stream() -> None:
    """The outcome comes through a memory stream, and the reader cancels the group."""

    async def first(mirrors: Mirrors) -> str:
        send, receive = anyio.create_memory_object_stream[str | ConnectionError](len(mirrors))

        async def compete(mirror: str, seconds: float) -> None:
            try:
                send.send_nowait(await fetch(mirror, seconds))
            except ConnectionError as error:
                send.send_nowait(error)

        with send, receive:
            async with anyio.create_task_group() as group:
                for mirror in mirrors.items():
                    group.start_soon(compete, *mirror)
                outcome = await receive.receive()
                group.cancel_scope.cancel()
        return await finished([outcome], mirrors)

    await ask_twice(first)
