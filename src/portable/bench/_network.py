"""Jobs of the network benchmarks, in asyncio's names; a child process runs them (`_child.py`).

Client and server run in one loop. Each function gets the name of the job and how often to do
it. It returns the CPU seconds that the loop's thread took, kernel included, and how often the
job was done.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

HOST = "127.0.0.1"
#: By the name of the job: clients at once, and bytes in a message.
ECHOES = {
    "1_client_1_kB": (1, 1_000),
    "100_clients_1_kB": (100, 1_000),
    "1_client_1_MB": (1, 1_000_000),
    "100_clients_1_MB": (100, 1_000_000),
}
HTTP_CLIENTS = 10

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _measured(work: Awaitable[list[int]]) -> tuple[float, int]:
    gc.collect()
    before = time.thread_time()
    done = await work
    return time.thread_time() - before, sum(done)


def _shares(size: int, clients: int) -> list[int]:
    """Return how often each client does the job."""
    return [size // clients + (index < size % clients) for index in range(clients)]


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _ask(streams: Streams, message: bytes, times: int) -> int:
    reader, writer = streams
    answers = 0
    for _ in range(times):
        writer.write(message)
        answers += len(await reader.readexactly(len(message))) == len(message)
    return answers


async def echo(job: str, size: int) -> tuple[float, int]:
    """Send messages over streams to a server in the same loop; await the echo of each."""
    clients, length = ECHOES[job]
    server = await asyncio.start_server(_answer, HOST, 0, backlog=clients)
    address = server.sockets[0].getsockname()
    connected = [
        await asyncio.open_connection(*address, limit=2 * length) for _ in range(clients)
    ]
    message, shares = bytes(length), _shares(size, clients)
    asking = [
        _ask(streams, message, times) for streams, times in zip(connected, shares, strict=True)
    ]
    try:
        return await _measured(asyncio.gather(*asking))
    finally:
        for _, writer in connected:
            writer.close()
            await writer.wait_closed()
        server.close()


@asynccontextmanager
async def _site() -> AsyncGenerator[str]:
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="x" * 1000)

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, HOST, 0).start()
    try:
        yield "http://{}:{}/".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


async def http(_: str, size: int) -> tuple[float, int]:
    """Fetch a page from a server in the same loop, ten clients at once; both are aiohttp."""
    from aiohttp import ClientSession

    async def fetch(session: ClientSession, url: str, times: int) -> int:
        pages = 0
        for _ in range(times):
            async with session.get(url) as response:
                pages += len(await response.text()) == 1000
        return pages

    async with _site() as url, ClientSession() as session:
        await fetch(session, url, 1)
        fetching = [fetch(session, url, times) for times in _shares(size, HTTP_CLIENTS)]
        return await _measured(asyncio.gather(*fetching))


async def subprocess(_: str, size: int) -> tuple[float, int]:
    """Start processes that do nothing, one after the other, and await the end of each."""

    async def start() -> list[int]:
        ended = 0
        for _ in range(size):
            process = await asyncio.create_subprocess_exec(sys.executable, "-S", "-E", "-c", "")
            ended += await process.wait() == 0
        return [ended]

    return await _measured(start())


JOBS: dict[str, Callable[[str, int], Coroutine[Any, Any, tuple[float, int]]]] = {
    **dict.fromkeys(ECHOES, echo),
    "get": http,
    "start": subprocess,
}
