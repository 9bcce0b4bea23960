"""Closing loses nothing: buffers, halves of connections, clients that are still there."""

import asyncio
import socket
import threading
from functools import partial

import pytest

import portable

from .helpers import HOST, client_context, close, echo, server_context, serving

MANY = 4_000_000


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_a_full_buffer(run, tls):
    """What was written before `close()` arrives, however slowly the peer reads."""
    theirs = {"ssl": server_context()} if tls else {}
    ours = {"ssl": client_context(), "server_hostname": "localhost"} if tls else {}

    async def main():
        begin = asyncio.Event()
        received = asyncio.get_running_loop().create_future()

        async def take(reader, writer):
            await begin.wait()
            received.set_result(len(await reader.read()))
            await close(writer)

        async with serving(take, **theirs) as address:
            _, writer = await asyncio.open_connection(*address, **ours)
            writer.write(bytes(MANY))
            writer.close()
            begin.set()
            await writer.wait_closed()
            return await received

    assert run(main) == MANY


def test_a_server_that_has_said_all(run):
    """A server that has sent its end of file still hears the client."""

    async def main():
        heard = asyncio.get_running_loop().create_future()

        async def say_and_listen(reader, writer):
            writer.write(b"all")
            writer.write_eof()
            heard.set_result(await reader.read())
            await close(writer)

        async with serving(say_and_listen) as address:
            reader, writer = await asyncio.open_connection(*address)
            said = await reader.read()
            writer.write(b"and you?")
            await close(writer)
            return said, await heard

    assert run(main) == (b"all", b"and you?")


def test_aborting(run):
    """After `abort()` nothing more is sent, and both sides learn that it is over."""

    async def main():
        ended = asyncio.get_running_loop().create_future()

        async def take(reader, writer):
            try:
                await reader.read()
            except ConnectionError as error:
                ended.set_result(type(error))
            else:
                ended.set_result(None)
            writer.close()

        async with serving(take) as address:
            _, writer = await asyncio.open_connection(*address)
            writer.write(bytes(MANY))
            writer.transport.abort()
            await writer.wait_closed()
            return await ended

    assert run(main) in (ConnectionResetError, None)


def test_the_end_of_a_run_with_open_clients(backend):
    """Handlers that are left when `main` returns are cancelled, and may say goodbye first."""
    received, threads = [], []

    def client(address, ready):
        with socket.create_connection(address) as connection:
            connection.sendall(b"hello")
            answer = connection.recv(100)
            ready()
            while data := connection.recv(100):
                answer += data
            received.append(answer)

    async def answer(reader, writer):
        try:
            writer.write(await reader.readexactly(5))
            await reader.read()  # for ever: the client waits for us
        finally:
            writer.write(b", goodbye")
            await close(writer)

    async def main():
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(answer, HOST, 0)
        address = server.sockets[0].getsockname()
        waiting = []
        for _ in range(5):
            ready = loop.create_future()
            tell = partial(loop.call_soon_threadsafe, ready.set_result, None)
            threads.append(threading.Thread(target=client, args=(address, tell)))
            threads[-1].start()
            waiting.append(ready)
        await asyncio.gather(*waiting)
        server.close()

    portable.run(main, backend=backend)
    for thread in threads:
        thread.join()
    assert received == [b"hello, goodbye"] * 5


def test_a_server_that_is_closed_while_it_serves(run):
    """`wait_closed()` waits for the last client; what was on its way to it arrives."""

    async def main():
        server = await asyncio.start_server(echo, HOST, 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        writer.write(bytes(MANY))
        await reader.readexactly(1)
        server.close()
        writer.write_eof()
        rest = await reader.read()
        await close(writer)
        await server.wait_closed()
        return 1 + len(rest)

    assert run(main) == MANY


def test_a_thread_that_works_at_the_end(run):
    """The end of a run waits for what its executor still does."""
    begun, go_on, done = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        go_on.wait()
        done.append("work")

    async def main():
        loop = asyncio.get_running_loop()
        loop.run_in_executor(None, work)
        await loop.run_in_executor(None, begun.wait)
        loop.call_later(0.01, go_on.set)  # the run is about to end by then

    run(main)
    assert done == ["work"]
