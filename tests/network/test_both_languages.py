"""asyncio's streams beside AnyIO's and trio's, in the same tasks."""

import asyncio

import anyio
import pytest

import portable

from .helpers import HOST, ask, close, serving


def test_streams_in_a_child_of_a_group(run):
    """Children of AnyIO's group, on trio none of asyncio's tasks, use asyncio's streams."""

    async def main():
        answers = []

        async def client(address, n):
            answers.append(await ask(address, b"%d" % n))

        async with serving() as address:
            async with anyio.create_task_group() as group:
                for n in range(5):
                    group.start_soon(client, address, n)
        return sorted(answers)

    assert run(main) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_scope_around_a_read(run):
    """A scope that ends gives up a read, in a task and in a child of a group."""

    async def main():
        ended = []

        async def read(reader, who):
            with anyio.move_on_after(0.01) as scope:
                await reader.read()
            ended.append((who, scope.cancelled_caught))

        async with serving() as address:
            reader, writer = await asyncio.open_connection(*address)
            await asyncio.create_task(read(reader, "task"))
            async with anyio.create_task_group() as group:
                group.start_soon(read, reader, "child")
            writer.write(b"still there")
            answer = await reader.readexactly(11)
            await close(writer)
        return ended, answer

    assert run(main) == ([("task", True), ("child", True)], b"still there")


def test_anyios_sockets_and_asyncios(run):
    """AnyIO's client talks to asyncio's server, and asyncio's client to AnyIO's."""

    async def main():
        async with serving() as address:
            async with await anyio.connect_tcp(*address) as stream:
                await stream.send(b"to asyncio")
                first = await stream.receive()

        async def serve(stream):
            async with stream:
                await stream.send((await stream.receive()).upper())

        listener = await anyio.create_tcp_listener(local_host=HOST)
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, serve)
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"to anyio")
            second = await reader.read()
            await close(writer)
            group.cancel_scope.cancel()
        return first, second

    assert run(main) == (b"to asyncio", b"TO ANYIO")


def test_trios_calls_in_a_servers_task(run, backend):
    """On trio the handler of a connection waits in trio, too."""
    if backend != "trio":
        pytest.skip("trio's names are awaited on trio alone")
    trio = pytest.importorskip("trio")

    async def main():
        async def answer(reader, writer):
            send, receive = trio.open_memory_channel(1)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send.send, await reader.readline())
                writer.write(await receive.receive())
            await close(writer)

        async with serving(answer) as (host, port):
            stream = await trio.open_tcp_stream(host, port)
            async with stream:
                await stream.send_all(b"hello\n")
                return await stream.receive_some(100)

    assert run(main) == b"hello\n"


def test_in_a_run_of_trios():
    """Streams and subprocesses work in a run that trio started."""
    trio = pytest.importorskip("trio")

    async def main():
        async with portable.asyncio_loop():
            async with serving() as address:
                answer = await ask(address, b"hello")
            process = await asyncio.create_subprocess_shell("echo hi", stdout=-1)
            return answer, await process.communicate()

    assert trio.run(main) == (b"hello", (b"hi\n", None))


def test_in_asyncios_own_runner():
    """Streams and subprocesses work in `asyncio.run()` with the loop on trio."""
    pytest.importorskip("trio")

    async def main():
        async with serving() as address:
            answer = await ask(address, b"hello")
        process = await asyncio.create_subprocess_shell("echo hi", stdout=-1)
        return answer, await process.communicate()

    with asyncio.Runner(loop_factory=portable.trio_loop) as runner:
        assert runner.run(main()) == (b"hello", (b"hi\n", None))
