"""Readers, writers, datagrams and bare sockets."""

import asyncio
import os
import socket
import subprocess
import sys

import pytest

from .helpers import HOST


class Collect(asyncio.DatagramProtocol):
    """Puts what comes into a queue."""

    def __init__(self):
        self.received = asyncio.Queue()

    def datagram_received(self, data, addr):
        self.received.put_nowait((data, addr))


def test_datagrams(run):
    """A datagram arrives with the address of who sent it, and is answered there."""

    async def main():
        loop = asyncio.get_running_loop()
        there, server = await loop.create_datagram_endpoint(Collect, local_addr=(HOST, 0))
        address = there.get_extra_info("sockname")
        here, client = await loop.create_datagram_endpoint(Collect, remote_addr=address)
        here.sendto(b"ping")
        data, peer = await server.received.get()
        there.sendto(data + b" pong", peer)
        answer, sender = await client.received.get()
        here.close()
        there.close()
        return answer, sender == address

    assert run(main) == (b"ping pong", True)


def test_readers_and_writers(run, backend):
    """A callback runs once for each time that its descriptor is found ready."""

    async def main():
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        calls = []
        done = asyncio.Event()

        def write():
            calls.append("write")
            here.send(b"x")
            loop.remove_writer(here)

        def read():
            calls.append(there.recv(10))  # would block if it were called once more
            done.set()

        with here, there:
            loop.add_reader(there, read)
            loop.add_writer(here, write)
            await done.wait()
            removed = [loop.remove_reader(there), loop.remove_reader(there)]
            here.send(b"unheard")
            await asyncio.sleep(0)
            return calls, removed

    calls, removed = run(main)
    assert calls == ["write", b"x"]
    assert removed == ([None, None] if backend == "uvloop" else [True, False])


def test_a_reader_that_reads_a_blocking_descriptor(run):
    """A reader is not called again for what it has already read."""

    async def main():
        loop = asyncio.get_running_loop()
        source, sink = os.pipe()
        seen = []
        done = asyncio.Event()

        def read():
            seen.append(os.read(source, 1))  # blocks for ever if there is nothing
            if len(seen) == 20:
                done.set()

        loop.add_reader(source, read)
        for _ in range(20):
            os.write(sink, b"x")
            await asyncio.sleep(0)
        await done.wait()
        loop.remove_reader(source)
        os.close(source)
        os.close(sink)
        return len(seen)

    assert run(main) == 20


def test_bare_sockets(run):
    """`sock_accept`, `sock_connect`, `sock_recv` and `sock_sendall`."""

    async def main():
        loop = asyncio.get_running_loop()
        with socket.create_server((HOST, 0)) as server, socket.socket() as client:
            server.setblocking(False)
            client.setblocking(False)
            accepting = asyncio.create_task(loop.sock_accept(server))
            await loop.sock_connect(client, server.getsockname())
            peer, _ = await accepting
            with peer:
                peer.setblocking(False)
                receiving = asyncio.create_task(loop.sock_recv(peer, 100))
                await loop.sock_sendall(client, b"hello")
                return await receiving

    assert run(main) == b"hello"


def test_pipes(run):
    """Pipes are read and written by asyncio's transports."""

    async def main():
        loop = asyncio.get_running_loop()
        source, sink = os.pipe()
        reader = asyncio.StreamReader()
        reading, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(source, "rb", 0)
        )
        writing, _ = await loop.connect_write_pipe(
            asyncio.BaseProtocol, os.fdopen(sink, "wb", 0)
        )
        writing.write(b"hello")
        writing.close()
        data = await reader.read()
        reading.close()
        return data

    assert run(main) == b"hello"


def test_names_are_resolved(run):
    """`getaddrinfo()` asks a thread."""

    async def main():
        found = await asyncio.get_running_loop().getaddrinfo(HOST, 80, type=socket.SOCK_STREAM)
        return found[0][4]

    assert run(main) == (HOST, 80)


#: asyncio's program where selectors are no file descriptors, as on Windows.
_BARE = """
import selectors
selectors.DefaultSelector = selectors.SelectSelector
import asyncio, signal, socket, portable

async def main():
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(10):
        print(await asyncio.sleep(0.01, "timers"), await asyncio.to_thread(str, "threads"))
    one, another = socket.socketpair()
    with one, another:
        for use in (
            lambda: loop.add_reader(one, print),
            lambda: loop.add_signal_handler(signal.SIGTERM, print),
        ):
            try:
                use()
            except NotImplementedError as error:
                print(error)

portable.run(main, backend="trio")
"""


@pytest.mark.slow
def test_a_selector_that_is_no_descriptor():
    """Where trio cannot wait for the selector a socket is an error that says what to use."""
    pytest.importorskip("trio")
    done = subprocess.run(
        [sys.executable, "-c", _BARE], capture_output=True, text=True, check=True
    )
    works, *errors = done.stdout.splitlines()
    assert works == "timers threads"
    assert len(errors) == 2
    assert all("use trio's or AnyIO's sockets here" in error for error in errors)
    assert not done.stderr
