"""aiohttp on trio: asyncio's, AnyIO's and trio's names in the same tasks.

    python examples/mixed_http.py

aiohttp knows asyncio alone. Its server and its client run on trio as they are, and the tasks
beside them may await what is trio's:

- a handler of the server has a task ask a warehouse, written for trio, in a nursery;
- a task of the client fetches with aiohttp, under a time limit of AnyIO's;
- asyncio's `gather` holds the clients together.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import trio
from aiohttp import ClientSession, web

import portable


class Warehouse:
    """A library written for trio: it counts what is left, one question at a time."""

    def __init__(self, stock: dict[str, int]) -> None:
        self._stock = stock
        self._limit = trio.CapacityLimiter(1)

    async def count(self, item: str) -> int:
        """Return how many there are of an item."""
        async with self._limit:
            await trio.lowlevel.checkpoint()
            return self._stock.get(item, 0)


async def take_stock(warehouse: Warehouse, items: list[str]) -> dict[str, int]:
    """Count several items, at once, in a nursery of trio's and with a queue of asyncio's."""
    counts: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def ask(item: str) -> None:
        await counts.put((item, await warehouse.count(item)))

    async with trio.open_nursery() as nursery:
        for item in items:
            nursery.start_soon(ask, item)
    return dict(counts.get_nowait() for _ in items)


@asynccontextmanager
async def shop(warehouse: Warehouse) -> AsyncIterator[str]:
    """Serve the warehouse over HTTP; give the address."""

    async def answer(request: web.Request) -> web.Response:
        # aiohttp makes its own task by `asyncio.Task(...)`, already started; one of the loop's
        # may await trio's names.
        asking = asyncio.create_task(take_stock(warehouse, request.query.getall("item")))
        return web.json_response(await asking)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/"
    finally:
        await runner.cleanup()


async def fetch(session: ClientSession, url: str, *items: str) -> dict[str, int]:
    """Ask the shop how many there are of some items."""
    with anyio.fail_after(30):
        async with session.get(url, params=[("item", item) for item in items]) as answer:
            counts: dict[str, int] = await answer.json()
            return counts


async def main() -> list[dict[str, int]]:
    """Run the server and two clients."""
    warehouse = Warehouse({"apples": 3, "pears": 5})
    async with shop(warehouse) as url, ClientSession() as session:
        first, second = await asyncio.gather(
            fetch(session, url, "apples"),
            fetch(session, url, "pears", "plums"),
        )
        return [first, second]


if __name__ == "__main__":
    print(portable.run(main, backend="trio"))
