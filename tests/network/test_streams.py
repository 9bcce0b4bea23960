"""Streams and servers: asyncio's own, on every backend."""

import asyncio
import os
import socket
import struct

import pytest

from .helpers import (
    HOST,
    ask,
    client_context,
    close,
    echo,
    server_context,
    serving,
)

#: Bytes, more than the buffers of both ends of a connection hold.
MANY = 20_000_000


def test_echo(run):
    """Ten clients at once get back what they sent."""

    async def main():
        async with serving() as address:
            return await asyncio.gather(*(ask(address, b"%d" % n) for n in range(10)))

    assert run(main) == [b"%d" % n for n in range(10)]


def test_a_slow_reader(run):
    """Who sends more than the peer takes waits in `drain()`, and all of it arrives."""

    async def main():
        received = []
        begin = asyncio.Event()

        async def take(reader, writer):
            await begin.wait()
            received.append(len(await reader.read()))
            await close(writer)

        async with serving(take) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(bytes(MANY))
            draining = asyncio.create_task(writer.drain())
            await asyncio.sleep(0)
            waits = not draining.done()
            begin.set()
            await draining
            writer.write_eof()
            await reader.read()
            await close(writer)
        return waits, received

    assert run(main) == (True, [MANY])


def test_a_server_that_closes_with_open_clients(run):
    """A server that is closed takes no new clients, and those that it has are served."""

    async def main():
        server = await asyncio.start_server(echo, HOST, 0)
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"one")
        first = await reader.readexactly(3)
        server.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)
        writer.write(b"two")
        second = await reader.readexactly(3)
        await close(writer)
        await server.wait_closed()
        return first, second

    assert run(main) == (b"one", b"two")


def test_a_half_closed_connection(run):
    """After `write_eof()` the answer still arrives."""

    async def main():
        async def count(reader, writer):
            writer.write(b"%d" % len(await reader.read()))
            await close(writer)

        async with serving(count) as address:
            return await ask(address, bytes(1000))

    assert run(main) == b"1000"


def test_a_peer_that_resets(run):
    """A reset is raised where the connection is read, and the server goes on."""

    async def main():
        errors = asyncio.Queue()

        async def listen(reader, writer):
            writer.write(b"hello")
            try:
                await reader.read()
            except ConnectionResetError as error:
                errors.put_nowait(error)
            else:
                await echo(reader, writer)
            writer.close()

        async with serving(listen) as address:
            loop = asyncio.get_running_loop()
            with socket.socket() as peer:
                peer.setblocking(False)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                await loop.sock_connect(peer, address)
                await loop.sock_recv(peer, 5)
            error = await errors.get()
            return type(error), await ask(address, b"")

    assert run(main) == (ConnectionResetError, b"hello")


def test_a_port_that_nobody_listens_on(run):
    """A connection that is refused says so."""

    async def main():
        with socket.socket() as unused:
            unused.bind((HOST, 0))
            await asyncio.open_connection(*unused.getsockname())

    with pytest.raises(ConnectionRefusedError):
        run(main)


def test_unix_sockets(run, tmp_path):
    """Streams over a Unix socket."""
    path = str(tmp_path / "s")

    async def main():
        async with await asyncio.start_unix_server(echo, path):
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"hello")
            writer.write_eof()
            answer = await reader.read()
            await close(writer)
            return answer

    assert run(main) == b"hello"


def test_tls(run):
    """A server and a client with TLS."""

    async def main():
        async with serving(answer_line, ssl=server_context()) as address:
            return await asyncio.wait_for(ask_line(address), 30)

    async def ask_line(address):
        reader, writer = await asyncio.open_connection(
            *address, ssl=client_context(), server_hostname="localhost"
        )
        writer.write(b"hello\n")
        answer = await reader.readline()
        await close(writer)
        return answer

    assert run(main) == b"HELLO\n"


async def answer_line(reader, writer):
    writer.write((await reader.readline()).upper())
    await writer.drain()
    await close(writer)


def test_start_tls(run):
    """Both sides of a connection go over to TLS."""

    async def main():
        async def upgrade(reader, writer):
            assert await reader.readline() == b"STARTTLS\n"
            writer.write(b"go on\n")
            await writer.drain()
            await writer.start_tls(server_context())
            await answer_line(reader, writer)

        async with serving(upgrade) as address:
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"STARTTLS\n")
            first = await reader.readline()
            await writer.start_tls(client_context(), server_hostname="localhost")
            writer.write(b"secret\n")
            second = await reader.readline()
            encrypted = writer.get_extra_info("cipher") is not None
            await close(writer)
            return first, second, encrypted

    assert run(main) == (b"go on\n", b"SECRET\n", True)


def test_cancelled_while_it_reads(run):
    """A cancelled `read()` takes nothing; who reads next gets it all."""

    async def main():
        async with serving() as address:
            reader, writer = await asyncio.open_connection(*address)
            reading = asyncio.create_task(reader.read(100))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait([reading])
            writer.write(b"hello")
            answer = await reader.read(100)
            await close(writer)
            return reading.cancelled(), answer

    assert run(main) == (True, b"hello")


def test_sendfile(run, backend, tmp_path):
    """A file goes over a plain connection and over TLS; uvloop has no `sendfile()`."""
    path = tmp_path / "file"
    path.write_bytes(os.urandom(300_000))

    async def send(options, theirs):
        received = asyncio.get_running_loop().create_future()

        async def take(reader, writer):
            data = await reader.readexactly(300_000)
            await close(writer)
            received.set_result(data)

        async with serving(take, **options) as address:
            _, writer = await asyncio.open_connection(*address, **theirs)
            try:
                with path.open("rb") as file:
                    loop = asyncio.get_running_loop()
                    sent = await loop.sendfile(writer.transport, file)
                return sent, await received
            finally:
                writer.transport.abort()

    async def main():
        ours = {"ssl": client_context(), "server_hostname": "localhost"}
        return [await send({}, {}), await send({"ssl": server_context()}, ours)]

    if backend == "uvloop":
        with pytest.raises(NotImplementedError):
            run(main)
    else:
        assert run(main) == [(300_000, path.read_bytes())] * 2
