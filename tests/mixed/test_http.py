"""httpx and httpcore in asyncio's `gather`, against a server in the same program."""

import asyncio
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import pytest

import portable

httpx = pytest.importorskip("httpx")
httpcore = pytest.importorskip("httpcore")


async def _answer(stream):
    """Answer requests of one connection, with the path; `/slow` waits for ever."""
    async with stream:
        received = b""
        while True:
            try:
                received += await stream.receive()
            except anyio.EndOfStream:
                return
            while b"\r\n\r\n" in received:
                head, _, received = received.partition(b"\r\n\r\n")
                path = head.split()[1]
                if path == b"/slow":
                    await anyio.sleep_forever()
                length = str(len(path)).encode()
                await stream.send(
                    b"HTTP/1.1 200 OK\r\ncontent-length: " + length + b"\r\n\r\n" + path
                )


@asynccontextmanager
async def serving():
    """A server on loopback, run by AnyIO; gives its address."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, _answer)
        yield f"http://127.0.0.1:{port}"
        group.cancel_scope.cancel()


async def with_httpx(address):
    async with httpx.AsyncClient(trust_env=False) as client:
        answers = await asyncio.gather(*(client.get(f"{address}/{n}") for n in range(5)))
        again = await client.get(f"{address}/again")
    return [answer.text for answer in (*answers, again)]


async def with_httpcore(address):
    async with httpcore.AsyncConnectionPool() as pool:
        requests = (pool.request("GET", f"{address}/{n}") for n in range(5))
        answers = await asyncio.gather(*requests)
        again = await pool.request("GET", f"{address}/again")
    return [answer.content.decode() for answer in (*answers, again)]


CLIENTS = [with_httpx, with_httpcore]


@pytest.mark.parametrize("ask", CLIENTS, ids=lambda ask: ask.__name__)
def test_in_a_gather(backend, ask):
    """Five requests at once get their answers, and connections are used again."""

    async def main():
        async with serving() as address:
            return await ask(address)

    expected = [f"/{n}" for n in range(5)] + ["/again"]
    assert portable.run(main, backend=backend) == expected


def test_a_client_of_many_tasks(backend):
    """One client serves tasks of a TaskGroup and children of an AnyIO group alike."""
    texts = []

    async def get(client, url):
        texts.append((await client.get(url)).text)

    async def main():
        async with serving() as address, httpx.AsyncClient(trust_env=False) as client:
            async with asyncio.TaskGroup() as tasks, anyio.create_task_group() as children:
                for n in range(3):
                    tasks.create_task(get(client, f"{address}/task{n}"))
                    children.start_soon(get, client, f"{address}/child{n}")

    portable.run(main, backend=backend)
    assert sorted(texts) == [f"/{who}{n}" for who in ("child", "task") for n in range(3)]


CANCELS = {
    "asyncio.timeout": (lambda: asyncio.timeout(0.05), TimeoutError),
    "anyio.fail_after": (lambda: _scope(0.05), TimeoutError),
}


@asynccontextmanager
async def _scope(seconds):
    with anyio.fail_after(seconds):
        yield


@pytest.mark.parametrize("limit", CANCELS)
def test_a_request_is_cancelled(backend, limit):
    """A request without an answer is given up, by either language; the client stays of use."""
    make, error = CANCELS[limit]

    async def main():
        async with serving() as address, httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(error):
                async with make():
                    await asyncio.gather(*(client.get(f"{address}/slow") for _ in range(2)))
            return (await client.get(f"{address}/after")).text

    assert portable.run(main, backend=backend) == "/after"


def test_a_task_with_a_request_is_cancelled(backend):
    """`task.cancel()` ends a request, with its message; the client stays of use."""

    async def main():
        async with serving() as address, httpx.AsyncClient(trust_env=False) as client:
            task = asyncio.create_task(client.get(f"{address}/slow"))
            await client.get(f"{address}/before")
            task.cancel("enough")
            with pytest.raises(asyncio.CancelledError, match="enough"):
                await task
            return (await client.get(f"{address}/after")).text

    assert portable.run(main, backend=backend) == "/after"
