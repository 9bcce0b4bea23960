"""Real I/O under virtual time, and processes, signals and Ctrl-C."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest

import portable

from .racing import OTHER_FIRST, SECONDS, race

pytestmark = pytest.mark.slow


@pytest.fixture
def harmless():
    """Keep the signal from ending the tests where the program fails to receive it."""
    before = signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGUSR1, before)


def test_round_trip_is_not_jumped_over(steer):
    """A round trip over TCP is over before a task's sleep is, at virtual time 0."""

    async def main():
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)

        async def echo(stream):
            async with stream:
                await stream.send(await stream.receive())

        async def client():
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.send(b"hello")
                assert await stream.receive() == b"hello"

        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, echo)
            came = await race(client)
            tasks.cancel_scope.cancel()
        return came

    assert steer(main, threshold=0.3) == OTHER_FIRST


def test_socket_that_a_thread_writes_to(steer):
    """Data that comes within the threshold comes first."""

    async def main():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            timer = threading.Timer(SECONDS, theirs.send, [b"x"])
            timer.start()
            came = await race(lambda: anyio.wait_readable(ours))
            timer.join()
        return came

    assert steer(main, threshold=60) == OTHER_FIRST


def test_server_that_nobody_calls_is_jumped_over(steer):
    """A server that waits for a client does not hold up the client's sleep."""

    async def main():
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        port = listener.extra(anyio.abc.SocketAttribute.local_port)
        served = []

        async def serve(stream):
            async with stream:
                served.append((await stream.receive(), anyio.current_time()))

        async with listener, anyio.create_task_group() as tasks:
            tasks.start_soon(listener.serve, serve)
            await anyio.sleep(10)
            async with await anyio.connect_tcp("127.0.0.1", port) as stream:
                await stream.send(b"late")
                await stream.aclose()
            while not served:
                await anyio.sleep(0)
            tasks.cancel_scope.cancel()
        return served

    assert steer(main) == [(b"late", 10.0)]


def test_protocol_factories_and_sockets_by_name(runner):
    """The loop's methods take them by name, too."""

    class Greeting(asyncio.Protocol):
        def connection_made(self, transport):
            transport.write(b"hello")
            transport.close()

    async def main():
        loop = asyncio.get_running_loop()
        server = await loop.create_server(protocol_factory=Greeting, host="127.0.0.1", port=0)
        with socket.socket() as ours:
            ours.setblocking(False)
            address = server.sockets[0].getsockname()
            await loop.sock_connect(sock=ours, address=address)
            greeting = await loop.sock_recv(ours, 100)
        server.close()
        return greeting

    assert runner.run(main()) == b"hello"


def test_io_without_a_timer_waits_without_spinning(steer):
    """Who waits for I/O alone waits in real time, uses no processor time, and gets it."""

    async def main():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            timer = threading.Timer(3 * SECONDS, theirs.send, [b"x"])
            timer.start()
            used = time.thread_time()
            await anyio.wait_readable(ours)
            used = time.thread_time() - used
            timer.join()
        return used, anyio.current_time()

    used, now = steer(main, threshold=0.001)
    assert now == 0.0
    assert used < SECONDS


def test_raw_streams(runner):
    """asyncio's streams work, and a connection that is open but silent is jumped over."""

    async def main():
        loop = asyncio.get_running_loop()

        async def handle(reader, writer):
            writer.write((await reader.readline()).upper())
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.sleep(10)
        writer.write(b"hello\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return answer, loop.time()

    assert runner.run(main()) == (b"HELLO\n", 10.0)


# Processes and signals -----------------------------------------------------------------


def test_a_pipe_that_is_at_its_end(backend):
    """A pipe that has been read to its end holds no time up."""

    async def main():
        reader, writer = os.pipe()
        end = os.fdopen(reader, "rb")
        os.write(writer, b"line")
        os.close(writer)
        stream = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(stream)
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(lambda: protocol, end)
        assert await stream.read() == b"line"
        await asyncio.sleep(9)
        transport.close()
        return loop.time()

    assert portable.run(main, backend=backend, virtual_time=True) == 9.0


def test_processes(steer):
    """A process runs to its end and gives its output, with no virtual time passing."""

    async def main():
        code = "print('from the process')"
        done = await anyio.run_process([sys.executable, "-c", code])
        return done.stdout.split(), anyio.current_time()

    assert steer(main) == ([b"from", b"the", b"process"], 0.0)


def test_process_without_pipes(steer):
    """The mere end of a process is waited for, too."""

    async def main():
        command = [sys.executable, "-c", f"import time; time.sleep({SECONDS})"]
        null = subprocess.DEVNULL
        async with await anyio.open_process(
            command, stdin=null, stdout=null, stderr=null
        ) as process:
            return await process.wait(), anyio.current_time()

    assert steer(main) == (0, 0.0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_waiting_for_a_signal_is_no_deadlock(steer, harmless):
    """Who waits for a signal waits in real time until it comes."""

    async def main():
        with anyio.open_signal_receiver(signal.SIGUSR1) as signals:
            timer = threading.Timer(SECONDS, os.kill, [os.getpid(), signal.SIGUSR1])
            timer.start()
            timer.join()
            return await anext(aiter(signals)), anyio.current_time()

    assert steer(main) == (signal.SIGUSR1, 0.0)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_signal_from_another_process(steer, harmless):
    """A signal that no thread of this process sends is waited for as well."""

    async def main():
        code = f"import os, time; time.sleep({SECONDS}); os.kill({os.getpid()}, 10)"
        with anyio.open_signal_receiver(signal.SIGUSR1) as signals:
            # Not through the loop, which would see a process under way.
            process = subprocess.Popen([sys.executable, "-c", code])
            number = await anext(aiter(signals))
            process.wait()
            return number, anyio.current_time()

    assert steer(main) == (signal.SIGUSR1, 0.0)


@pytest.mark.parametrize("waiting_for", ["io", "timers", "a thread"])
def test_ctrl_c(steer, waiting_for):
    """Ctrl-C ends a virtual run as it ends a real one, whatever it waits for."""
    cleaned_up = []

    async def main():
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            timer = threading.Timer(SECONDS, os.kill, [os.getpid(), signal.SIGINT])
            timer.start()
            try:
                if waiting_for == "io":
                    await anyio.wait_readable(ours)
                elif waiting_for == "timers":
                    while True:
                        await anyio.sleep(1)
                else:
                    while True:
                        await anyio.to_thread.run_sync(time.sleep, 0.01)
            finally:
                timer.join()
                cleaned_up.append(True)

    with pytest.raises(KeyboardInterrupt):
        steer(main)
    assert cleaned_up == [True]
