"""Listening: whatever a program shows is seen when it happens, and nothing stays changed."""

import asyncio
import contextlib
import gc
import logging
import sys
import threading
import time
import warnings
from collections.abc import Awaitable, Callable

import anyio
import pytest

from portable.equivalence import (
    Observation,
    Trace,
)

Main = Callable[[], Awaitable[object]]
Record = Callable[[Main], Trace]


def seen(trace: Trace) -> list[tuple[float, str, str]]:
    return [(one.time, one.stream, one.text) for one in trace.observations]


def test_lines_at_their_times(on_all: Record) -> None:
    """Lines on stdout and stderr are recorded with the virtual time they came at."""

    async def main() -> str:
        print("begin")
        await anyio.sleep(3600)
        print("one\ntwo", file=sys.stderr)
        await anyio.sleep(0.5)
        sys.stdout.write("written\n")
        return "x"

    assert seen(on_all(main)) == [
        (0.0, "stdout", "begin"),
        (3600.0, "stderr", "one"),
        (3600.0, "stderr", "two"),
        (3600.5, "stdout", "written"),
        (3600.5, "outcome", "returned 'x'"),
    ]


def test_text_without_a_newline(on_all: Record) -> None:
    """Unended text is recorded when time goes on, and what is left over at the end."""

    async def main() -> None:
        print("load", end="")
        print("ing", end="")
        await anyio.sleep(1)
        print(" done")
        print("\r50 %", end="")

    assert on_all(main).observations[:3] == (
        Observation(0.0, "stdout", "loading", ended=False),
        Observation(1.0, "stdout", " done"),
        Observation(1.0, "stdout", "\r50 %", ended=False),
    )


def test_unended_text_stands_where_it_was_written(on_asyncio: Record) -> None:
    """Unended text comes before what is seen later, on whichever stream."""

    async def main() -> None:
        print("loading", end="")
        await asyncio.sleep(1)
        print("slow", file=sys.stderr)
        await asyncio.sleep(1)
        print(" done", end="")
        await asyncio.sleep(1)
        logging.getLogger("app").warning("late")

    assert seen(on_asyncio(main))[:4] == [
        (0.0, "stdout", "loading"),
        (1.0, "stderr", "slow"),
        (2.0, "stdout", " done"),
        (3.0, "log", "WARNING app: late"),
    ]


def test_text_of_two_tasks_is_not_mixed(on_asyncio: Record) -> None:
    """Unended text of one task is kept apart from the line that another goes on with."""

    async def child() -> None:
        print("child")

    async def main() -> None:
        print("main", end="")
        await asyncio.create_task(child())

    assert [(one.text, one.ended, one.writer) for one in on_asyncio(main).observations[:2]] == [
        ("main", False, 0),
        ("child", True, 1),
    ]


def test_bytes_and_any_character(on_asyncio: Record) -> None:
    """Bytes written to the buffer are seen, also a character cut in two, and surrogates."""

    async def main() -> None:
        sys.stdout.buffer.write("caf\N{LATIN SMALL LETTER E WITH ACUTE}\n".encode()[:4])
        sys.stdout.buffer.write("caf\N{LATIN SMALL LETTER E WITH ACUTE}\n".encode()[4:])
        print("\udcff")
        assert not sys.stdout.isatty()
        assert sys.stdout.name == "<stdout>"

    assert on_asyncio(main).lines("stdout") == [
        "caf\N{LATIN SMALL LETTER E WITH ACUTE}",
        "\\udcff",
    ]


def test_rich_output(on_asyncio: Record) -> None:
    """What Rich prints is recorded as plain lines."""
    console = pytest.importorskip("rich.console")

    async def main() -> None:
        console.Console(width=80).print("[bold]hello[/bold]")

    assert on_asyncio(main).lines("stdout") == ["hello"]


def test_log_records(on_all: Record) -> None:
    """Records are seen with level, logger, message and exception, at their time."""

    async def main() -> None:
        log = logging.getLogger("app")
        log.info("below the level that shows")
        await anyio.sleep(2)
        try:
            raise ValueError("x")
        except ValueError:
            log.exception("failed: %s", "fetch")

    trace = on_all(main)
    assert seen(trace)[0] == (2.0, "log", "ERROR app: failed: fetch [ValueError('x')]")
    assert trace.lines("stderr") == []


def test_what_is_logged_of_a_loop(on_all: Record) -> None:
    """Neither the name of its selector nor how long a step took in debug mode is seen."""

    async def main() -> None:
        logging.basicConfig(level=logging.DEBUG)
        loop = logging.getLogger("asyncio")
        loop.debug("Using selector: %s", "EpollSelector")
        loop.warning("Executing %s took %.3f seconds", "<Task>", 0.123)
        loop.debug("seen")
        await anyio.sleep(0)

    trace = on_all(main)
    assert trace.lines("log") == ["DEBUG asyncio: seen"]
    assert trace.lines("stderr") == ["DEBUG:asyncio:seen"]


def test_a_log_record_that_cannot_be_formatted(on_asyncio: Record) -> None:
    """A record whose arguments do not fit is seen as it was made."""

    async def main() -> None:
        logging.getLogger("app").warning("%d", "x")

    assert on_asyncio(main).lines("log") == ["WARNING app: '%d' % ('x',)"]


def test_a_program_may_set_up_logging(on_asyncio: Record) -> None:
    """basicConfig works as in a fresh process, each time, and nothing of it stays."""
    before = logging.getLogger().handlers[:], logging.getLogger().level

    async def main() -> None:
        logging.basicConfig(format="%(message)s", level=logging.INFO)
        logging.getLogger("app.level").setLevel(logging.CRITICAL)
        logging.getLogger("app").info("hello")

    for _ in range(2):
        trace = on_asyncio(main)
        assert trace.lines("stderr") == ["hello"]
        assert trace.lines("log") == ["INFO app: hello"]
    assert (logging.getLogger().handlers[:], logging.getLogger().level) == before
    assert logging.getLogger("app.level").level == logging.NOTSET


def test_warnings_count_each_time(on_all: Record) -> None:
    """A warning is seen as often as it is given, a deprecation never."""

    async def main() -> None:
        for _ in range(2):
            warnings.warn("careful", stacklevel=1)
            warnings.warn("old", DeprecationWarning, stacklevel=1)

    assert on_all(main).lines("warning") == ["UserWarning: careful"] * 2


def test_a_coroutine_never_awaited(on_all: Record) -> None:
    """A forgotten coroutine is seen, also one that only the collector finds."""

    async def forgotten() -> None: ...

    async def main() -> None:
        forgotten()
        circle: list[object] = [forgotten()]
        circle.append(circle)

    message = "RuntimeWarning: coroutine 'forgotten' was never awaited"
    assert on_all(main).lines("warning") == [message] * 2


def test_an_exception_never_retrieved(on_asyncio: Record) -> None:
    """asyncio's complaint about a lost error belongs to the program that lost it."""

    async def fail() -> None:
        raise ValueError("lost")

    async def main() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(1)
        del task

    (record_,) = on_asyncio(main).lines("log")
    assert record_.startswith("ERROR asyncio: Task exception was never retrieved")
    assert record_.endswith("[ValueError('lost')]")
    assert "<Task finished coro=<fail()>" in record_


def test_a_task_destroyed(on_asyncio: Record) -> None:
    """asyncio's complaint about a pending task that nobody holds is seen."""

    async def main() -> None:
        async def wait_on(future: "asyncio.Future[None]") -> None:
            await future

        task = asyncio.create_task(wait_on(asyncio.Future()))
        await asyncio.sleep(1)
        del task
        gc.collect()

    (record_,) = on_asyncio(main).lines("log")
    assert record_.startswith("ERROR asyncio: Task was destroyed but it is pending!")


def test_errors_that_nobody_can_be_told(on_asyncio: Record) -> None:
    """An error in a finalizer and one that ends a thread are seen."""

    class Careless:
        def __del__(self) -> None:
            raise ValueError("finalizer")

    def fail() -> None:
        raise KeyError("thread")

    async def main() -> None:
        Careless()
        for target in (fail, sys.exit):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()

    trace = on_asyncio(main)
    assert trace.lines("unraisable") == ["ValueError('finalizer')"]
    assert trace.lines("thread") == ["KeyError('thread')"]


@contextlib.contextmanager
def unchanged():  # type: ignore[no-untyped-def]
    def state() -> tuple[object, ...]:
        return (
            sys.stdout,
            sys.stderr,
            sys.unraisablehook,
            threading.excepthook,
            warnings.showwarning,
            warnings.filters[:],
            logging.getLogRecordFactory(),
            logging.lastResort,
            logging.getLogger().handlers[:],
            logging.getLogger().level,
            logging.getLogger("app").filters[:],
            logging.root.manager.disable,
            gc.isenabled(),
        )

    before, now = state(), time.time()
    yield
    assert state() == before
    assert abs(time.time() - now) < 60


def test_keyboard_interrupt_passes_through(on_all: Record) -> None:
    """Ctrl-C ends the recording, not only the program, and restores everything."""

    async def main() -> None:
        raise KeyboardInterrupt

    with unchanged(), pytest.raises(KeyboardInterrupt):
        on_all(main)


def test_everything_is_as_before(on_all: Record) -> None:
    """What the recording and the program change in the process is changed back."""

    async def main() -> None:
        logging.disable(logging.CRITICAL)
        logging.getLogger("app").addFilter(lambda _: True)
        logging.getLogger().addHandler(logging.NullHandler())
        warnings.simplefilter("error")
        raise ValueError

    with unchanged():
        on_all(main)
