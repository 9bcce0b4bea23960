"""Subprocesses and signals."""

import asyncio
import os
import signal
import sys
import threading

import pytest

import portable

PIPE = asyncio.subprocess.PIPE


def test_communicate(run):
    """A process gets its input, and gives its output, error output and code."""
    program = (
        "import sys; d = sys.stdin.read(); print(d, end=''); sys.stderr.write('e'); exit(3)"
    )

    async def main():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        out, error = await process.communicate(b"hello")
        return out, error, process.returncode

    assert run(main) == (b"hello", b"e", 3)


def test_a_shell(run):
    """A command of the shell."""

    async def main():
        process = await asyncio.create_subprocess_shell("echo $((6 * 7)); exit 5", stdout=PIPE)
        out, _ = await process.communicate()
        return out, await process.wait()

    assert run(main) == (b"42\n", 5)


@pytest.mark.parametrize(
    ("end", "number"), [("kill", signal.SIGKILL), ("terminate", signal.SIGTERM)]
)
def test_kill(run, end, number):
    """A process that is killed has the signal's number for its code."""

    async def main():
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        getattr(process, end)()
        code = await process.wait()
        process.stdin.close()
        return code

    assert run(main) == -number


def test_many_processes(run):
    """Ten processes at once, each with its own output and code."""

    async def one(n):
        process = await asyncio.create_subprocess_shell(f"echo {n}; exit {n}", stdout=PIPE)
        out, _ = await process.communicate()
        return int(out), process.returncode

    async def main():
        return await asyncio.gather(*(one(n) for n in range(10)))

    assert run(main) == [(n, n) for n in range(10)]


def test_all_that_a_process_has_said(run):
    """What a process wrote arrives, although it has ended before anybody reads."""

    async def main():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "print('x' * 50_000, end='')", stdout=PIPE
        )
        code = await process.wait()
        return code, len(await process.stdout.read())

    assert run(main) == (0, 50_000)


def test_processes_of_trios_and_of_asyncios(run, backend):
    """Children of both are waited for at once, and none of that is done by SIGCHLD."""
    if backend != "trio":
        pytest.skip("trio runs on trio alone")
    trio = pytest.importorskip("trio")

    async def asyncios(n):
        process = await asyncio.create_subprocess_shell(f"read x; exit {n}", stdin=PIPE)
        handlers.append(signal.getsignal(signal.SIGCHLD))
        await process.communicate(b"go on\n")
        return process.returncode

    async def trios(n):
        done = await trio.run_process(f"read x; exit {n}", shell=True, stdin=b"\n", check=False)
        handlers.append(signal.getsignal(signal.SIGCHLD))
        return done.returncode

    handlers = [signal.getsignal(signal.SIGCHLD)]

    async def main():
        return await asyncio.gather(*(one(n) for n in range(5) for one in (asyncios, trios)))

    assert run(main) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert len(handlers) == 11
    assert set(handlers) == {signal.SIG_DFL}


def test_cancelled_while_it_communicates(run):
    """A cancelled `communicate()` leaves the process alone; it can be killed then."""

    async def main():
        process = await asyncio.create_subprocess_exec("cat", stdin=PIPE, stdout=PIPE)
        talking = asyncio.create_task(process.stdout.read())
        await asyncio.sleep(0)
        talking.cancel()
        await asyncio.wait([talking])
        running = process.returncode is None
        process.kill()
        await process.communicate()
        return talking.cancelled(), running, process.returncode

    assert run(main) == (True, True, -signal.SIGKILL)


def test_a_program_that_is_not_there(run):
    """A program that does not exist is an error at once."""

    async def main():
        await asyncio.create_subprocess_exec("/no/such/program")

    with pytest.raises(FileNotFoundError):
        run(main)


def test_signal_handlers(run):
    """A handler runs in the loop for each signal; once removed, the signal has its default."""

    async def main():
        loop = asyncio.get_running_loop()
        received = asyncio.Queue()
        loop.add_signal_handler(signal.SIGUSR1, received.put_nowait, "one")
        os.kill(os.getpid(), signal.SIGUSR1)
        first = await received.get()
        loop.add_signal_handler(signal.SIGUSR1, received.put_nowait, "another")
        os.kill(os.getpid(), signal.SIGUSR1)
        second = await received.get()
        removed = [loop.remove_signal_handler(signal.SIGUSR1) for _ in range(2)]
        return first, second, removed, signal.getsignal(signal.SIGUSR1)

    assert run(main) == ("one", "another", [True, False], signal.SIG_DFL)


def test_signal_handlers_beside_pythons(run):
    """The loop's handler is called beside one that `signal.signal()` puts in its place."""

    async def main():
        loop = asyncio.get_running_loop()
        received, called = asyncio.Queue(), []
        loop.add_signal_handler(signal.SIGUSR1, received.put_nowait, "the loop's")
        signal.signal(signal.SIGUSR1, lambda *_: called.append("Python's"))
        signal.raise_signal(signal.SIGUSR1)
        first = await received.get()
        loop.remove_signal_handler(signal.SIGUSR1)
        return first, called

    assert run(main) == ("the loop's", ["Python's"])


def test_a_signal_that_a_thread_gets(run):
    """A loop that waits hears of a signal, although the kernel gave it to another thread."""

    async def main():
        loop = asyncio.get_running_loop()
        received, over = asyncio.Event(), threading.Event()
        thread = threading.Thread(target=over.wait)
        thread.start()
        loop.add_signal_handler(signal.SIGUSR1, received.set)
        waiting = asyncio.create_task(received.wait())
        # From a thread, in a while: the loop sleeps by then.
        kill = threading.Timer(0.05, signal.pthread_kill, (thread.ident, signal.SIGUSR1))
        kill.start()
        try:
            return await waiting
        finally:
            over.set()
            loop.remove_signal_handler(signal.SIGUSR1)

    assert run(main)


def test_a_signal_that_a_thread_gets_in_asyncios_own_runner():
    """So does one that is run by `asyncio.Runner`, where trio waits in a thread."""
    pytest.importorskip("trio")

    def run(main):
        with asyncio.Runner(loop_factory=portable.trio_loop) as runner:
            return runner.run(asyncio.wait_for(main(), 30))

    test_a_signal_that_a_thread_gets(run)


def test_whose_signals_were_before(run):
    """Without a handler of the loop's left, signals wake whom they woke before."""

    def wakes():
        number = signal.set_wakeup_fd(-1)
        signal.set_wakeup_fd(number)
        return number

    async def main():
        loop = asyncio.get_running_loop()
        descriptors, before = set(os.listdir("/dev/fd")), wakes()
        for _ in range(2):
            loop.add_signal_handler(signal.SIGUSR1, lambda: None)
            loop.add_signal_handler(signal.SIGUSR2, lambda: None)
            loop.remove_signal_handler(signal.SIGUSR1)
            loop.remove_signal_handler(signal.SIGUSR2)
        return before == wakes(), set(os.listdir("/dev/fd")) <= descriptors

    assert run(main) == (True, True)
    assert wakes() == -1


def test_a_signal_handler_in_another_thread(run):
    """A loop of another thread than the main one cannot have signal handlers."""

    async def main():
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: None)

    def in_thread():
        with pytest.raises((RuntimeError, ValueError)):
            run(main)
        done.append(True)

    done = []
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    assert done == [True]
