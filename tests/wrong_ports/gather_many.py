"""Ports of `gather_many` as people write them: wrong ones, why, and good ones."""

import anyio


async def fetch(url: str, seconds: float) -> str:
    print(f"fetching {url}")
    await anyio.sleep(seconds)
    if url == "broken.example":
        print(f"{url} has hung up")
        raise ConnectionError(f"{url} does not answer")
    print(f"{url} has arrived")
    return f"the page of {url}"


async def outcome(url: str, seconds: float) -> str | ConnectionError:
    try:
        return await fetch(url, seconds)
    except ConnectionError as error:
        return error


async def two_in_a_group() -> None:
    async with anyio.create_task_group() as group:
        slow = group.start_soon(fetch, "slow.example", 3)
        fast = group.start_soon(fetch, "fast.example", 1)
    print(slow.return_value, fast.return_value, sep=", then ")


async def errors_in_a_group() -> None:
    async with anyio.create_task_group() as group:
        failed = group.start_soon(outcome, "broken.example", 1)
        other = group.start_soon(outcome, "slow.example", 2)
    print(repr(failed.return_value), repr(other.return_value), sep=", then ")


async def first_error_in_a_group() -> None:
    async with anyio.create_task_group() as group:
        slow = group.start_soon(fetch, "slow.example", 3)
        try:
            await fetch("broken.example", 1)
        except ConnectionError as error:
            print(f"the first error: {error}")
        print(f"the other goes on: {await slow}")


async def wrong_port_one_after_the_other() -> None:
    """Awaited in turn, the fetches do not run at the same time."""
    print(await fetch("slow.example", 3), await fetch("fast.example", 1), sep=", then ")
    await errors_in_a_group()
    await first_error_in_a_group()


async def wrong_port_in_the_order_of_arrival() -> None:
    """What is appended by the tasks is in the order of their ends."""
    pages = []

    async def append(url: str, seconds: float) -> None:
        pages.append(await fetch(url, seconds))

    async with anyio.create_task_group() as group:
        group.start_soon(append, "slow.example", 3)
        group.start_soon(append, "fast.example", 1)
    print(*pages, sep=", then ")
    await errors_in_a_group()
    await first_error_in_a_group()


async def wrong_port_with_an_error_in_the_group() -> None:
    """An error that reaches the group cancels the other fetch."""
    await two_in_a_group()
    results = []
    try:
        async with anyio.create_task_group() as group:
            failed = group.start_soon(fetch, "broken.example", 1)
            other = group.start_soon(fetch, "slow.example", 2)
            results += [await failed, await other]
    except* ConnectionError as errors:
        results += errors.exceptions
    print(*map(repr, results), sep=", then ")
    await first_error_in_a_group()


async def wrong_port_that_prints_the_group() -> None:
    """What comes out of the group is an ExceptionGroup, and is told as that."""
    await two_in_a_group()
    await errors_in_a_group()
    try:
        async with anyio.create_task_group() as group:
            slow = group.start_soon(fetch, "slow.example", 3)
            group.start_soon(fetch, "broken.example", 1)
            print(f"the other goes on: {await slow}")
    except ExceptionGroup as error:
        print(f"the first error: {error}")


async def wrong_port_by_anyios_gather() -> None:
    """AnyIO's own gather cancels the other and raises a group, which nobody catches."""
    await two_in_a_group()
    await errors_in_a_group()
    try:
        await anyio.gather(fetch("slow.example", 3), fetch("broken.example", 1))
    except ConnectionError as error:
        print(f"the first error: {error}")


async def wrong_port_that_tells_the_text_alone() -> None:
    """A result that is the text of the error takes the error itself away."""
    await two_in_a_group()
    async with anyio.create_task_group() as group:
        failed = group.start_soon(outcome, "broken.example", 1)
        other = group.start_soon(outcome, "slow.example", 2)
    print(repr(str(failed.return_value)), repr(other.return_value), sep=", then ")
    await first_error_in_a_group()


async def harmless_port_with_a_slot_for_each() -> None:
    """The results are put where they belong, by number."""
    pages = ["", ""]

    async def put(number: int, url: str, seconds: float) -> None:
        pages[number] = await fetch(url, seconds)

    async with anyio.create_task_group() as group:
        group.start_soon(put, 1, "fast.example", 1)
        group.start_soon(put, 0, "slow.example", 3)
    print(*pages, sep=", then ")
    await errors_in_a_group()
    await first_error_in_a_group()
