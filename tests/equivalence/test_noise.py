"""What means nothing is the same on both sides; what a program decides is not."""

import asyncio
import itertools
import json
import logging
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import pytest

from portable.equivalence import Program, check
from portable.equivalence.noise import (
    normalised,
    raised_at,
    without_frames,
    without_frames_inside,
)
from portable.equivalence.rendering import text_of

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<Stream at 7faa584af230>", "<Stream at 0x...>"),
        (
            "in <uvloop.Loop running=True closed=False>",
            "in <EventLoop running=True closed=False>",
        ),
        ("Ran 12 tests in 0.034s", "Ran 12 tests in ..."),
        ("<lock at 0x7f12ab [unlocked]>", "<lock at 0x... [unlocked]>"),
        ("<socket.socket fd=7, family=2>", "<socket.socket fd=..., family=2>"),
        ("('127.0.0.1', 45123)", "('127.0.0.1', ...)"),
        ("http://127.0.0.1:45123/", "http://127.0.0.1:.../"),
        ("[::1]:60001 localhost:32768", "[::1]:... localhost:..."),
        (
            "Exception in callback main.<locals>.<lambda>() at /a/old.py:38",
            "Exception in callback <lambda>()",
        ),
        ("<Handle again(1, 'x') at /a/old.py:7>", "<Handle again(1, 'x')>"),
        (
            "<Task pending name='Task-2' coro=<f() running at /a b.py:7> wait_for=<Future>>",
            "<Task pending coro=<f()>>",
        ),
        (
            "<Task cancelled name='nap' coro=<f() done, defined at /x.py:1> cb=[g()]>",
            "<Task cancelled name='nap' coro=<f()>>",
        ),
    ],
)
def test_noise_is_made_equal(text: str, expected: str) -> None:
    """Addresses, descriptors, ports of the system's and the loop's part of a task go."""
    assert normalised(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "at 8080",
        "127.0.0.1:8080",
        "took 45123 ms",
        "at deadbeef",
        "(lost) at old.py, line 7",
        "fd 7",
        "<Taskmaster pending>",
    ],
)
def test_what_a_program_says_stays(text: str) -> None:
    """Numbers that a program chose, and words that only look like noise, stay."""
    assert normalised(text) == text


def test_a_group_in_a_traceback() -> None:
    """The margin of a group's traceback stays, and so do its exceptions."""
    lines = [
        "  + Exception Group Traceback (most recent call last):",
        '  |   File "/home/me/app.py", line 3, in fetch',
        "  |     raise Lost()",
        "  | app.Lost: it is",
        "done",
    ]
    kept = [line for line in without_frames(lines) if line is not None]
    assert kept == [lines[0], "  |   in fetch", "  | Lost: it is", "done"]


def told(name: str) -> list[str]:
    frame = '  File "/home/me/app.py", line 3, in main'
    return ["Traceback (most recent call last):", frame, "    await wait()", name]


def cut(name: str) -> list[str]:
    return ["Traceback (most recent call last):", "  in main", name]


WHILE = ["", "During handling of the above exception, another exception occurred:", ""]
AFTER = ["one", "two", "three", "four"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (told("asyncio.exceptions.CancelledError"), cut("CancelledError")),
        (told("trio.Cancelled") + AFTER, cut("Cancelled") + AFTER),
        (told("CancelledError") + WHILE + told("TimeoutError"), cut("TimeoutError")),
        (
            told("app.Lost: it") + WHILE + told("TimeoutError"),
            cut("Lost: it") + WHILE + cut("TimeoutError"),
        ),
    ],
    ids=["at the end", "with output after it", "in a time limit", "another error"],
)
def test_cancellations_in_tracebacks(lines: list[str], expected: list[str]) -> None:
    """One that something was made of goes; all else stays."""
    assert [line for line in without_frames(lines) if line is not None] == expected


def test_a_traceback_inside_of_a_text() -> None:
    """A message that holds one is cut down as the lines of a stream are."""
    text, expected = ("\n".join(["said:", *make("app.Lost")]) for make in (told, cut))
    assert without_frames_inside(text) == expected.replace("app.", "")


def test_where_an_error_was_raised() -> None:
    """The innermost line of the program's own is told, whatever it called."""
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("{")
    assert caught.value.__traceback__ is not None
    line = caught.value.__traceback__.tb_lineno
    assert raised_at(caught.value) == f"{Path(__file__).name}, line {line}"


async def limited(limit: Callable[[], Awaitable[object]]) -> None:
    async def job() -> None:
        raise ValueError("no")

    try:
        await job()
    except ValueError:
        traceback.print_exc()
        logging.exception("failed")
        logging.error("as text: %s", traceback.format_exc())
    try:
        await limit()
    except TimeoutError:
        traceback.print_exc()
    await limit()


async def original() -> None:
    async def limit() -> None:
        async with asyncio.timeout(1):
            await asyncio.sleep(9)

    await limited(limit)


async def port() -> None:
    async def inner() -> None:
        await anyio.sleep(9)

    async def limit() -> None:
        with anyio.fail_after(1):
            await inner()

    await limited(limit)


def test_tracebacks_and_causes_of_a_time_limit() -> None:
    """Frames of libraries, lines of source, and what a limit was made of do not count."""
    report = check(Program("original", original), Program("port", port, "anyio"))
    assert report.equivalent, text_of(report)
    found = report.row("port", "asyncio").comparison
    assert found is not None
    assert {seen.stream for seen in found.port.observations} >= {"stderr", "log"}


@pytest.mark.parametrize(
    "path", ["<frozen runpy>", "/a/site-packages/lib.py", asyncio.__file__]
)
def test_frames_of_libraries(path: str) -> None:
    """Python's own, what is frozen into it and what is installed is no program's."""
    assert without_frames([told("Lost")[0], f'  File "{path}", line 1, in run']) == [
        told("Lost")[0],
        None,
    ]


def test_where_an_object_was_created() -> None:
    """What debug modes tell of an object's creation is cut down as tracebacks are."""
    text = [
        "source_traceback: Object created at (most recent call last):",
        '  File "/a/port.py", line 3, in main',
        "    loop.call_soon(f)",
        f'  File "{asyncio.__file__}", line 9, in run',
        "end",
    ]
    assert [line for line in without_frames(text) if line is not None] == [
        text[0],
        "  in main",
        "end",
    ]


def test_a_timers_handle() -> None:
    """The time at which a timer is due by the loop's clock is noise, and so is its class."""
    text = "Exception in callback f()\nhandle: <TimerHandle when=4711.25 f() at app.py:3>"
    assert normalised(text) == "Exception in callback f()\nhandle: <Handle f()>"


def test_the_stack_of_a_logging_error() -> None:
    """What logging writes of a call with wrong arguments is cut down as tracebacks are."""
    text = [
        "--- Logging error ---",
        *told("TypeError: not enough arguments for format string"),
        "Call stack:",
        f'  File "{asyncio.__file__}", line 9, in run',
        "    self._run_once()",
        '  File "/a/port.py", line 3, in main',
        "Message: 'bad %s %s'",
    ]
    assert [line for line in without_frames(text) if line is not None] == [
        text[0],
        *cut("TypeError: not enough arguments for format string"),
        "Call stack:",
        "  in main",
        text[-1],
    ]


def test_an_original_that_differs_from_itself() -> None:
    """What comes otherwise in a second run is told line by line, with what to do."""
    numbers = itertools.count()

    async def counting() -> None:
        print("run", next(numbers))
        print("done")

    report = check(
        Program("original", counting), Program("port", counting), backends=["asyncio"]
    )
    [found] = report.unsteady
    assert [str(found.first), str(found.then)] == [
        "0.0 s  stdout  run 0",
        "0.0 s  stdout  run 1",
    ]
    text = text_of(report)
    assert text.startswith("! the original differs from itself in 1 line, first at 0 s\n")
    assert "--normalize" in text


async def leaks() -> None:
    send, receive = anyio.create_memory_object_stream[int](1)
    print("done")
    del send, receive


async def done() -> None:
    print("done")


def test_a_warning_that_nobody_sees_is_no_difference() -> None:
    """Python shows a ResourceWarning to nobody who does not ask for it."""
    assert check(Program("original", done), Program("port", leaks, "anyio")).equivalent
