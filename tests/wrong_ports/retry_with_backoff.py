"""Ports of `retry_with_backoff` as people write them: wrong ones, why, and good ones."""

from collections.abc import Awaitable, Callable, Iterator

import anyio

Retry = Callable[[str, int], Awaitable[str]]


async def fetch(url: str, attempt: int) -> str:
    print(f"attempt {attempt} to fetch {url}")
    if (url, attempt) == ("busy.example", 2):
        await anyio.sleep(60)
    await anyio.sleep(0.5)
    if url == "gone.example":
        raise LookupError(f"there is no {url}")
    if url == "down.example" or attempt == 1:
        raise ConnectionError(f"{url} has refused")
    return f"the page of {url}"


async def fetch_in_time(url: str, attempt: int) -> str:
    with anyio.fail_after(3):
        return await fetch(url, attempt)


async def fetch_all(retry: Retry) -> None:
    for url in ("busy.example", "down.example", "gone.example"):
        try:
            print(await retry(url, 3))
        except (ConnectionError, LookupError) as error:
            print(f"given up: {error!r}")


def retrying(
    once: Retry,
    pauses: Callable[[], Iterator[float]] = lambda: iter((1, 2)),
    worth_it: type[Exception] | tuple[type[Exception], ...] = (ConnectionError, TimeoutError),
) -> Retry:
    async def retry(url: str, attempts: int) -> str:
        attempt = 1
        for pause in pauses():
            try:
                return await once(url, attempt)
            except worth_it as error:
                print(f"{type(error).__name__}, again after {pause} s")
            await anyio.sleep(pause)
            attempt += 1
        return await once(url, attempt)

    return retry


async def wrong_port_with_equal_pauses() -> None:
    """The pause does not grow."""
    await fetch_all(retrying(fetch_in_time, lambda: iter((1, 1))))


async def wrong_port_without_a_limit() -> None:
    """An attempt that hangs is waited for, and succeeds after a minute."""
    await fetch_all(retrying(fetch))


async def wrong_port_that_retries_everything() -> None:
    """What is not there is asked for again and again."""
    await fetch_all(retrying(fetch_in_time, worth_it=Exception))


async def wrong_port_in_which_a_time_out_is_final() -> None:
    """Only what is refused is tried again."""
    await fetch_all(retrying(fetch_in_time, worth_it=ConnectionError))


async def wrong_port_with_an_attempt_too_many() -> None:
    """Three pauses are four attempts."""
    await fetch_all(retrying(fetch_in_time, lambda: iter((1, 2, 4))))


async def wrong_port_with_one_limit_for_all() -> None:
    """The limit is around all attempts together, pauses and all."""

    async def retry(url: str, attempts: int) -> str:
        with anyio.fail_after(3):
            return await retrying(fetch)(url, attempts)

    await fetch_all(retry)


async def wrong_port_that_moves_on() -> None:
    """move_on_after raises nothing, and a time-out ends as a page of None."""

    async def once(url: str, attempt: int) -> str:
        page = None
        with anyio.move_on_after(3):
            page = await fetch(url, attempt)
        return str(page)

    await fetch_all(retrying(once))


async def harmless_port_with_a_list_of_pauses() -> None:
    """The pauses are computed from the number of the attempt, and the loop has an else."""

    async def retry(url: str, attempts: int) -> str:
        for attempt in range(1, attempts):
            try:
                return await fetch_in_time(url, attempt)
            except (ConnectionError, TimeoutError) as error:
                pause = 2 ** (attempt - 1)
                print(f"{type(error).__name__}, again after {pause} s")
                await anyio.sleep(pause)
        else:
            return await fetch_in_time(url, attempts)

    await fetch_all(retry)
