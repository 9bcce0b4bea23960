"""A flaky service, asked again with growing pauses and some jitter."""

import asyncio
import random


class Flaky(Exception):
    pass


class Service:
    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def ask(self, question: str) -> str:
        await asyncio.sleep(0.5)
        if self.failures:
            self.failures -= 1
            raise Flaky(f"{self.failures} more to come")
        return f"the answer to {question}"


async def retry(service: Service, question: str, attempts: int) -> str:
    for attempt in range(1, attempts + 1):
        try:
            return await asyncio.wait_for(service.ask(question), timeout=2)
        except Flaky as error:
            if attempt == attempts:
                raise
            pause = 2**attempt + random.random()
            print(f"attempt {attempt} failed ({error}), pause of {pause:.3f} s")
            await asyncio.sleep(pause)
    raise AssertionError


async def main() -> None:
    print(await retry(Service(3), "everything", 5))
    try:
        await retry(Service(3), "nothing", 2)
    except Flaky as error:
        print("gave up:", error)


if __name__ == "__main__":
    asyncio.run(main())
