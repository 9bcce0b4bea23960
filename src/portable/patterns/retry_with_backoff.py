"""Retry with growing pauses.

A fetch may be refused, take too long, or ask for a page that does not exist. In the first two
cases it is tried again after a pause, which doubles each time; in the last case it is not. The
error of the third attempt is raised. The port limits an attempt by `fail_after()` in place of
`wait_for()`; otherwise it is the same.
"""


async def original() -> None:
    import asyncio

    async def fetch(url: str, attempt: int) -> str:
        print(f"attempt {attempt} to fetch {url}")
        if (url, attempt) == ("busy.example", 2):
            await asyncio.sleep(60)
        await asyncio.sleep(0.5)
        if url == "gone.example":
            raise LookupError(f"there is no {url}")
        if url == "down.example" or attempt == 1:
            raise ConnectionError(f"{url} has refused")
        return f"the page of {url}"

    async def retry(url: str, attempts: int) -> str:
        attempt, pause = 1, 1
        while True:
            try:
                return await asyncio.wait_for(fetch(url, attempt), timeout=3)
            except (ConnectionError, TimeoutError) as error:
                if attempt == attempts:
                    raise
                print(f"{type(error).__name__}, again after {pause} s")
            await asyncio.sleep(pause)
            attempt, pause = attempt + 1, pause * 2

    for url in ("busy.example", "down.example", "gone.example"):
        try:
            print(await retry(url, attempts=3))
        except (ConnectionError, LookupError) as error:
            print(f"given up: {error!r}")


async def port() -> None:
    import anyio

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

    async def retry(url: str, attempts: int) -> str:
        attempt, pause = 1, 1
        while True:
            try:
                with anyio.fail_after(3):
                    return await fetch(url, attempt)
            except (ConnectionError, TimeoutError) as error:
                if attempt == attempts:
                    raise
                print(f"{type(error).__name__}, again after {pause} s")
            await anyio.sleep(pause)
            attempt, pause = attempt + 1, pause * 2

    for url in ("busy.example", "down.example", "gone.example"):
        try:
            print(await retry(url, attempts=3))
        except (ConnectionError, LookupError) as error:
            print(f"given up: {error!r}")
