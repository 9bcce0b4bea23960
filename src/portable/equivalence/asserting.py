"""The proof as an assertion, for tests of any framework."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from portable._backends import current_backend, installed_backends, require_backend
from portable.clock._taken import Seed
from portable.clock._taken import schedules as named_schedules

from .checking import check
from .comparison import DeclaredDifference
from .forked import can_fork
from .program import Program
from .reading import Reading
from .rendering import text_of
from .report import Report

T = TypeVar("T")

Main = Callable[[], Awaitable[object]]


def assert_equivalent(
    original: Main | Program,
    port: Main | Program,
    *,
    backends: Iterable[str] | None = None,
    schedules: int = 0,
    seed: Seed = 0,
    stretch: float = 0.0,
    declared: Iterable[DeclaredDifference] = (),
    reading: Reading | None = None,
    fork: bool | None = None,
) -> Report:
    """Check that a port does what its original does; raise what differs, if it does not.

    Both run under virtual time, one after the other, each time in a fork of this process: what
    a run leaves in modules, closures or the environment no other run finds, nor does the
    caller. Where there are other threads, or no forks, they run in this process.

    It may be called from async code too: the runs then take place in a thread of their own, in
    this process, and the caller's loop waits.

    Args:
        original: the raw asyncio program, a coroutine function without parameters.
        port: the program to judge. It may still use asyncio in part, and is started as
            `portable.run()` does; a `Program` says itself how it is started, as with
            `starter="anyio"` for one that uses AnyIO alone.
        backends: what to judge the port on; `None`: all that are installed.
        schedules: under how many orders of ready tasks to run the port as well.
        seed: the seed of the first of them; the others follow. With `schedules=1` it may be
            a replay string of a report.
        stretch: by how many seconds at most sleeps take longer in them, drawn by the seed;
            what happens then counts, and not when.
        declared: the differences that are meant.
        reading: what counts, and how exactly.
        fork: whether each run has a fork of its own; `None`: where that can be. `False` is for
            a debugger, for coverage, and for programs that leave something for the test.

    Returns:
        The report, for those who want to know more.

    Raises:
        AssertionError: the port differs; the message is the report.
        UnknownBackendError: there is no backend of one of the names.
        BackendNotInstalledError: a backend that was named is not installed.
        ValueError: `schedules` or `stretch` is negative, or `seed` names no schedule; or
            `fork=True` where there are other threads or no forks.
        TypeError: a program is no function.

    Example:
        >>> import asyncio, anyio
        >>> from portable.equivalence import assert_equivalent
        >>> async def original():
        ...     await asyncio.sleep(3)
        ...     print("done")
        >>> async def port():
        ...     await anyio.sleep(3)
        ...     print("done")
        >>> assert_equivalent(original, port, backends=["asyncio"], schedules=5).equivalent
        True
    """
    __tracebackhide__ = True  # a failure ends where it was called, not in here
    if schedules < 0:
        raise ValueError(f"schedules: must not be negative, got {schedules!r}")
    names = installed_backends() if backends is None else tuple(dict.fromkeys(backends))
    for name in names:
        require_backend(name)
    right = original if isinstance(original, Program) else _program(original)
    judged = port if isinstance(port, Program) else _program(port)
    how = reading or Reading()
    seeds = named_schedules(schedules, seed, stretch)
    meant = tuple(declared)

    def checked() -> Report:
        return check(
            right,
            judged,
            backends=names,
            seeds=seeds,
            declared=meant,
            reading=how,
            fork=_forks(fork),
        )

    report = _outside(checked)
    if not report.equivalent:
        text = text_of(report, again=_again)
        raise AssertionError(f"{judged.name} is not equivalent to {right.name}\n{text}")
    return report


def _forks(wanted: bool | None) -> bool:
    if wanted and not can_fork():
        raise ValueError(
            "fork=True: this process has other threads, which a fork does not, or the system "
            "has no forks; leave it out, and the runs take place in this process"
        )
    return can_fork() if wanted is None else wanted


def _again(backend: str, seed: Seed) -> str:
    return f"assert_equivalent(..., backends=[{backend!r}], schedules=1, seed={seed!r})"


def _program(main: Main) -> Program:
    return Program(getattr(main, "__name__", repr(main)), main)


def _outside(call: Callable[[], T]) -> T:
    """Make a call where no event loop runs."""
    try:
        current_backend()
    except RuntimeError:
        return call()
    done: list[T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return done[0]
