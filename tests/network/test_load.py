"""Many connections, and too many."""

import asyncio
import errno
import json
import os
import resource
import socket
import struct
import subprocess
import sys

import pytest

from .helpers import HOST, ask, close, echo, serving


@pytest.mark.slow
def test_a_thousand_connections(run):
    """A thousand connections are held at once, and each is served."""

    async def main():
        async with serving(backlog=1000) as address:
            streams = []
            for _ in range(1000):
                streams.append(await asyncio.open_connection(*address))

            async def use(reader, writer, n):
                text = b"%d\n" % n
                writer.write(text)
                assert await reader.readline() == text

            for _ in range(3):
                await asyncio.gather(*(use(*pair, n) for n, pair in enumerate(streams)))
            await asyncio.gather(*(close(writer) for _, writer in streams))
            return len(streams)

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 5000)), hard))
    try:
        assert run(main) == 1000
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
def test_a_hundred_clients_of_a_thousand_messages(run):
    """A hundred clients send a thousand messages each, and get each of them back."""

    async def main():
        async def client(address):
            reader, writer = await asyncio.open_connection(*address)
            for n in range(1000):
                text = b"%d\n" % n
                writer.write(text)
                assert await reader.readline() == text
            await close(writer)

        async with serving(backlog=100) as address:
            await asyncio.gather(*(client(address) for _ in range(100)))

    run(main)


@pytest.mark.slow
def test_a_slow_reader_among_many(run):
    """One who does not read keeps nobody else waiting, and no more than a buffer in memory."""
    chunk, limit = bytes(65536), 200_000

    async def main():
        most = 0

        async def feed(reader, writer):
            nonlocal most
            writer.transport.set_write_buffer_limits(high=limit)
            for _ in range(100):
                writer.write(chunk)
                most = max(most, writer.transport.get_write_buffer_size())
                await writer.drain()
            await close(writer)

        async def take(address, wait_for=None):
            reader, writer = await asyncio.open_connection(*address, limit=65536)
            if wait_for is not None:
                await wait_for
            count = 0
            while data := await reader.read(65536):
                count += len(data)
            await close(writer)
            return count

        async with serving(feed) as address:
            others_are_done = asyncio.get_running_loop().create_future()
            slow = asyncio.create_task(take(address, others_are_done))
            counts = await asyncio.gather(*(take(address) for _ in range(20)))
            waited = not slow.done()
            others_are_done.set_result(None)
            return {*counts, await slow}, waited, most <= limit + len(chunk)

    assert run(main) == ({100 * len(chunk)}, True, True)


@pytest.mark.slow
def test_a_hundred_peers_that_reset(run):
    """Peers that reset in the midst of an answer are one error each, and leave nothing open."""

    async def main():
        loop = asyncio.get_running_loop()
        errors = []

        async def feed(reader, writer):
            try:
                if await reader.readexactly(1) == b"!":
                    writer.write(b"still here")
                else:
                    while True:
                        writer.write(bytes(1_000_000))
                        await writer.drain()
            except ConnectionError as error:
                errors.append(type(error))
            finally:
                writer.close()

        async def reset(address):
            with socket.socket() as peer:
                peer.setblocking(False)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                await loop.sock_connect(peer, address)
                await loop.sock_sendall(peer, b"x")
                await loop.sock_recv(peer, 1)

        before = len(os.listdir("/dev/fd"))
        async with serving(feed, backlog=100) as address:
            await asyncio.gather(*(reset(address) for _ in range(100)))
            answer = await ask(address, b"!")
        while len(errors) < 100:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)  # close() is done in the loop's next turn
        return answer, set(errors) <= {ConnectionResetError, BrokenPipeError}, before

    answer, expected, before = run(main)
    assert (answer, expected) == (b"still here", True)
    assert len(os.listdir("/dev/fd")) <= before


#: Prints what a connection of streams takes, both of its ends, while nothing comes.
_IDLE = """
import asyncio, gc, json, sys, tracemalloc, portable

async def main(count=500):
    accepted = asyncio.Queue()
    accept = lambda reader, writer: accepted.put_nowait((reader, writer))
    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    async def connect(count):
        pairs = []
        for _ in range(count):
            pairs.append((await asyncio.open_connection(*address), await accepted.get()))
        return pairs
    held = await connect(10)
    gc.collect()
    tracemalloc.start()
    held += await connect(count)
    gc.collect()
    size = tracemalloc.get_traced_memory()[0] / count
    tracemalloc.stop()
    for pair in held:
        for _, writer in pair:
            writer.close()
            await writer.wait_closed()
    server.close()
    return size

print(json.dumps(portable.run(main, backend=sys.argv[1])))
"""


@pytest.mark.slow
def test_an_idle_connection_takes_no_more_memory():
    """A connection on trio takes at most 1.3 times the memory that it takes on asyncio."""
    pytest.importorskip("trio")

    def measure(backend):
        return json.loads(subprocess.check_output([sys.executable, "-c", _IDLE, backend]))

    assert measure("trio") <= 1.3 * measure("asyncio")


@pytest.fixture
def take_descriptors():
    """Take all file descriptors that are left but a few; what comes back gives them free."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    taken = []

    def release():
        while taken:
            os.close(taken.pop())

    def take(spare=0):
        lowest = os.dup(0)
        os.close(lowest)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 50, hard))
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                taken.append(os.dup(0))
        for _ in range(spare):
            os.close(taken.pop())
        return release

    yield take
    release()
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_no_descriptor_for_a_connection(run, take_descriptors):
    """Without a file descriptor left a connection is an error, and the loop lives on."""

    async def main():
        async with serving() as address:
            await ask(address, b"warm up")
            release = take_descriptors()
            try:
                with pytest.raises(OSError) as caught:
                    await asyncio.open_connection(*address)
                with pytest.raises(OSError):
                    await asyncio.create_subprocess_exec("true")
            finally:
                release()
            return caught.value.errno, await ask(address, b"again")

    assert run(main) == (errno.EMFILE, b"again")


@pytest.mark.slow
def test_no_descriptor_to_accept_with(run, backend, take_descriptors):
    """A server that cannot accept says so, and accepts a second later."""
    if backend == "uvloop":
        pytest.skip("uvloop closes a connection that it cannot accept")

    async def main():
        loop = asyncio.get_running_loop()
        told = asyncio.Queue()
        loop.set_exception_handler(lambda _, context: told.put_nowait(context["message"]))
        async with await asyncio.start_server(echo, HOST, 0) as server:
            address = server.sockets[0].getsockname()
            release = take_descriptors(spare=1)
            try:
                asking = asyncio.create_task(ask(address, b"patience"))
                message = await told.get()
            finally:
                release()
            return message, await asking

    assert run(main) == ("socket.accept() out of system resource", b"patience")
