"""Signal handlers of the loop on trio; asyncio is the judge."""

import asyncio
import signal
import socket
import sys

import pytest
import trio

import portable
from portable.asyncio_on_trio import EventLoop

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="asyncio has no signal handlers on Windows"
)


@pytest.fixture
def both():
    """Runs a main on asyncio and on trio; gives what it returned, which has to be the same."""

    def run(main):
        on_asyncio = portable.run(main)
        assert portable.run(main, backend="trio") == on_asyncio
        return on_asyncio

    return run


async def handler():
    pass


@pytest.mark.parametrize(
    ("sig", "callback", "problem"),
    [
        (signal.SIGUSR1, handler, "TypeError: coroutines cannot be used with"),
        ("SIGUSR1", print, "TypeError: sig must be an int, not 'SIGUSR1'"),
        (4000, print, "ValueError: invalid signal number 4000"),
        (signal.SIGKILL, print, "RuntimeError: sig 9 cannot be caught"),
    ],
    ids=["coroutine", "text", "no-signal", "kill"],
)
def test_what_is_refused(both, sig, callback, problem):
    """A handler that cannot be is refused in asyncio's words, and nothing is set."""

    async def main():
        loop = asyncio.get_running_loop()
        try:
            loop.add_signal_handler(sig, callback)
        except (TypeError, ValueError, RuntimeError) as error:
            return f"{type(error).__name__}: {error}", signal.getsignal(signal.SIGUSR1)

    said, left = both(main)
    assert said.startswith(problem)
    assert left is signal.SIG_DFL


def test_another_thread(both):
    """Handlers are the main thread's."""

    async def main():
        loop = asyncio.get_running_loop()
        with pytest.raises(RuntimeError, match="only works in main thread"):
            await asyncio.to_thread(loop.add_signal_handler, signal.SIGUSR1, print)

    both(main)


def test_a_closed_loop():
    """It takes no handler, and has given back those that were set."""
    for loop in (asyncio.SelectorEventLoop(), EventLoop()):
        loop.add_signal_handler(signal.SIGUSR1, print)
        loop.close()
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
        with pytest.raises(RuntimeError, match="closed"):
            loop.add_signal_handler(signal.SIGUSR1, print)


@pytest.mark.parametrize("sig", [signal.SIGUSR1, signal.SIGINT])
def test_a_handler_is_removed(both, sig):
    """Python's own is back; whether there was one is told; a bad number is an error."""

    async def main():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(sig, print)
        told = [loop.remove_signal_handler(sig), loop.remove_signal_handler(sig)]
        with pytest.raises(ValueError, match="invalid signal number"):
            loop.remove_signal_handler(4000)
        return told, signal.getsignal(sig)

    default = signal.default_int_handler if sig == signal.SIGINT else signal.SIG_DFL
    assert both(main) == ([True, False], default)


def test_a_handler_is_removed_before_its_turn(both):
    """A signal that came in before is nobody's then."""

    async def main():
        loop, seen = asyncio.get_running_loop(), []
        loop.add_signal_handler(signal.SIGUSR1, seen.append, "removed")
        signal.raise_signal(signal.SIGUSR1)
        loop.remove_signal_handler(signal.SIGUSR1)
        loop.add_signal_handler(signal.SIGUSR2, seen.append, "kept")
        signal.raise_signal(signal.SIGUSR2)
        while not seen:
            await asyncio.sleep(0)
        return seen

    assert both(main) == ["kept"]


def test_a_handler_is_removed_beside_another(both):
    """A signal that came in for it is nobody's; the other handler gets its own."""

    async def main():
        loop, seen = asyncio.get_running_loop(), []
        loop.add_signal_handler(signal.SIGUSR1, seen.append, "removed")
        loop.add_signal_handler(signal.SIGUSR2, seen.append, "kept")
        signal.raise_signal(signal.SIGUSR1)
        loop.remove_signal_handler(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR2)
        while not seen:
            await asyncio.sleep(0)
        loop.remove_signal_handler(signal.SIGUSR2)
        return seen

    assert both(main) == ["kept"]


def test_a_refused_signal_costs_no_other(both):
    """A signal that cannot be caught leaves the handlers as they are."""

    async def main():
        loop, seen = asyncio.get_running_loop(), []
        loop.add_signal_handler(signal.SIGUSR1, seen.append, "kept")
        with pytest.raises(RuntimeError, match="sig 9 cannot be caught"):
            loop.add_signal_handler(signal.SIGKILL, print)
        signal.raise_signal(signal.SIGUSR1)
        while not seen:
            await asyncio.sleep(0)
        loop.remove_signal_handler(signal.SIGUSR1)
        return seen

    assert both(main) == ["kept"]


def test_somebody_takes_the_pipe_away(both):
    """The next handler that is set gets the signals back, its own and the others'."""

    async def main():
        loop, seen = asyncio.get_running_loop(), []
        loop.add_signal_handler(signal.SIGUSR1, seen.append, 1)
        signal.set_wakeup_fd(-1)
        loop.add_signal_handler(signal.SIGUSR2, seen.append, 2)
        signal.raise_signal(signal.SIGUSR1)
        signal.raise_signal(signal.SIGUSR2)
        while len(seen) < 2:
            await asyncio.sleep(0)
        loop.remove_signal_handler(signal.SIGUSR1)
        loop.remove_signal_handler(signal.SIGUSR2)
        return seen

    assert both(main) == [1, 2]


def test_a_pipe_that_somebody_has_set_meanwhile_is_put_back():
    """Whoever has set a pipe of its own, and lost it to the next handler, has it in the end."""
    theirs, ours = socket.socketpair()
    theirs.setblocking(False)

    async def main():
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGUSR1, print)
        before = signal.set_wakeup_fd(theirs.fileno())
        assert theirs.fileno() < before  # it may have any number
        loop.add_signal_handler(signal.SIGUSR2, print)
        loop.remove_signal_handler(signal.SIGUSR1)
        loop.remove_signal_handler(signal.SIGUSR2)
        return signal.set_wakeup_fd(-1)

    with theirs, ours:
        assert portable.run(main, backend="trio") == theirs.fileno()


def test_one_that_fails(both):
    """An error of a handler goes to the loop's exception handler, and the loop goes on."""

    async def main():
        loop, seen = asyncio.get_running_loop(), asyncio.Event()

        def note(_, context):
            note.said = repr(context["exception"])
            seen.set()

        loop.set_exception_handler(note)
        loop.add_signal_handler(signal.SIGUSR1, int, "no number")
        signal.raise_signal(signal.SIGUSR1)
        await seen.wait()
        loop.remove_signal_handler(signal.SIGUSR1)
        return note.said

    assert "ValueError" in both(main)


def test_a_task_that_waits_in_trio_is_woken():
    """The handler runs although all that the loop's task awaits is trio's."""

    async def main():
        loop, woken = asyncio.get_running_loop(), trio.Event()
        loop.add_signal_handler(signal.SIGUSR1, woken.set)
        signal.raise_signal(signal.SIGUSR1)
        await woken.wait()
        return loop.remove_signal_handler(signal.SIGUSR1)

    assert portable.run(main, backend="trio") is True
