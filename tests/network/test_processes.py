"""Subprocesses and signals."""

import asyncio
import os
import signal
import sys

import pytest

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
