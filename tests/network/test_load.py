"""Many connections, and too many."""

import asyncio
import errno
import os
import resource

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
