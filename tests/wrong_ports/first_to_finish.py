"""Ports of `first_to_finish` as people write them: wrong ones, why, and good ones."""

from collections.abc import Awaitable, Callable

import anyio

import portable

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


async def wrong_drop_in_by_gather() -> None:
    """gather waits for all of them."""

    async def first(mirrors: Mirrors) -> str:
        pages: list[str] = await portable.gather(*(fetch(*m) for m in mirrors.items()))
        print(f"cancelled: {len(pages) - 1}")
        return pages[0]

    await ask_twice(first)


async def wrong_drop_in_for_all_completed() -> None:
    """The default of wait() is to wait for all."""

    async def first(mirrors: Mirrors) -> str:
        tasks = [portable.create_task(fetch(*mirror)) for mirror in mirrors.items()]
        done, pending = await portable.wait(tasks)
        print(f"cancelled: {len(pending)}")
        return await min(done, key=tasks.index)

    await ask_twice(first)


async def wrong_drop_in_that_leaves_the_others() -> None:
    """The others go on until they have finished, or main has."""

    async def first(mirrors: Mirrors) -> str:
        tasks = [portable.create_task(fetch(*mirror)) for mirror in mirrors.items()]
        done, pending = await portable.wait(tasks, return_when=portable.FIRST_COMPLETED)
        print(f"cancelled: {len(pending)}")
        return await done.pop()

    await ask_twice(first)


async def wrong_drop_in_for_the_first_exception() -> None:
    """Only an error ends the waiting early, and no page does."""

    async def first(mirrors: Mirrors) -> str:
        tasks = [portable.create_task(fetch(*mirror)) for mirror in mirrors.items()]
        done, pending = await portable.wait(tasks, return_when=portable.FIRST_EXCEPTION)
        for task in pending:
            task.cancel()
        if pending:
            await portable.wait(pending)
        print(f"cancelled: {len(pending)}")
        return await min(done, key=tasks.index)

    await ask_twice(first)


async def wrong_drop_in_that_asks_one_mirror() -> None:
    """There is no race at all: the first of the list is asked."""

    async def first(mirrors: Mirrors) -> str:
        page = await fetch(*min(mirrors.items()))
        print(f"cancelled: {len(mirrors) - 1}")
        return page

    await ask_twice(first)


async def wrong_drop_in_that_counts_all() -> None:
    """After the waiting all tasks are done, the cancelled ones too."""

    async def first(mirrors: Mirrors) -> str:
        tasks = [portable.create_task(fetch(*mirror)) for mirror in mirrors.items()]
        done, pending = await portable.wait(tasks, return_when=portable.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await portable.wait(pending)
        print(f"cancelled: {sum(task.done() for task in tasks)}")
        return await done.pop()

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


async def harmless_drop_in_by_race() -> None:
    """portable's race does all of it."""

    async def first(mirrors: Mirrors) -> str:
        try:
            return await portable.race(*(fetch(*mirror) for mirror in mirrors.items()))
        finally:
            print(f"cancelled: {len(mirrors) - 1}")

    await ask_twice(first)
