"""A crawler over pages that link to each other, three at a time."""

import asyncio

PAGES = {
    "/": ["/about", "/news", "/shop"],
    "/about": ["/", "/team"],
    "/news": ["/news/1", "/news/2", "/missing"],
    "/news/1": ["/"],
    "/news/2": ["/news/1"],
    "/shop": ["/shop/hat"],
    "/shop/hat": ["/"],
    "/team": [],
}
SECONDS = {"/news": 2.0, "/shop": 0.75}


class Crawler:
    def __init__(self) -> None:
        self.limit = asyncio.Semaphore(3)
        self.seen: set[str] = set()
        self.broken: list[str] = []

    async def fetch(self, path: str) -> list[str]:
        async with self.limit:
            await asyncio.sleep(SECONDS.get(path, 0.5))
            if path not in PAGES:
                raise LookupError(path)
            return PAGES[path]

    async def crawl(self, path: str) -> None:
        if path in self.seen:
            return
        self.seen.add(path)
        try:
            links = await self.fetch(path)
        except LookupError as error:
            self.broken.append(str(error))
            return
        print("crawled", path, len(links))
        await asyncio.gather(*(self.crawl(link) for link in links))


async def main() -> None:
    crawler = Crawler()
    await crawler.crawl("/")
    print(sorted(crawler.seen))
    print("broken:", crawler.broken)


if __name__ == "__main__":
    asyncio.run(main())
