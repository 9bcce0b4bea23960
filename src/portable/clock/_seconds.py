"""Stand-ins for `time.monotonic()`, `time.perf_counter()`, `time.sleep()` and the like.

While a timeline is shown, the stand-ins replace these functions in the module `time`, and in
modules that imported them by name. A stand-in returns the time of the timeline that was shown
last; that of `sleep()` moves it. The stand-ins call the real functions if the caller is the
standard library, which waits for real threads, processes and sockets, or a test tool.
"""

from __future__ import annotations

import functools
import os
import sys
import time
import weakref
from collections.abc import Callable
from math import inf
from operator import call
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Protocol

# A program that reads the clocks so often while virtual time stands still is waiting for one of
# them in a loop. From then on each reading takes a while, as in reality; else it never ends.
_BUSY_READINGS = 10_000
_A_READING = 1e-5

_SECONDS = ("monotonic", "perf_counter", "process_time", "thread_time")
_REAL: dict[str, Callable[..., Any]] = {
    name: getattr(time, name)
    for base in (*_SECONDS, "time")
    for name in (base, f"{base}_ns")
    if hasattr(time, name)
}
_REAL |= {
    name: getattr(time, name)
    for name in ("clock_gettime", "clock_gettime_ns", "asctime", "ctime", "sleep")
    if hasattr(time, name)
}


class _Timeline(Protocol):
    now: float

    def advance(self, seconds: float) -> None: ...

    def sleep(self, seconds: float) -> None: ...


class _Shown:
    """The timelines that are shown, and how often the last one was read at the same time."""

    def __init__(self) -> None:
        self.timelines: list[_Timeline] = []
        self.readings = 0
        self.at = -1.0

    def read(self) -> float | None:
        if not self.timelines:
            return None
        timeline = self.timelines[-1]
        if timeline.now != self.at:
            if self.readings <= _BUSY_READINGS:
                self.readings = 0
            self.at = timeline.now
        self.readings += 1
        if self.readings > _BUSY_READINGS:
            timeline.advance(_A_READING)
            self.at = timeline.now
        return timeline.now


_shown = _Shown()


def show(timeline: _Timeline) -> None:
    """Let the process's clocks show a timeline until `hide()`."""
    if not _shown.timelines:
        _shown.readings, _shown.at = 0, -1.0
        _replace_in_time(_REAL, _STAND_INS)
        _replace_in_modules(_REAL, _STAND_INS)
    _shown.timelines.append(timeline)


def hide(timeline: _Timeline) -> None:
    """Let the clocks show what they showed before this timeline."""
    _shown.timelines.remove(timeline)
    if not _shown.timelines:
        _replace_in_time(_STAND_INS, _REAL)
        _replace_in_modules(_STAND_INS, _REAL)


def _replace_in_time(
    old: dict[str, Callable[..., Any]], new: dict[str, Callable[..., Any]]
) -> None:
    """Replace the clocks, but none that a test has patched meanwhile."""
    for name in new:
        if getattr(time, name) is old[name]:
            setattr(time, name, new[name])


def _forget() -> None:
    """Make time real again in a forked child, where nobody moves the parent's timeline."""
    _shown.timelines.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)

# The stand-ins -------------------------------------------------------------------------


def _stand_in(name: str) -> Callable[..., Any]:
    real = _REAL[name]

    @functools.wraps(real)
    def read() -> Any:
        if not _shown.timelines or _wants_real_time(sys._getframe(1)):
            return real()
        now = _shown.read()
        if now is None or name.startswith("time"):
            return real()  # time.time(): time-machine replaces it (`_wall.py`)
        return round(now * 1e9) if name.endswith("_ns") else now

    @functools.wraps(real)
    def sleep(seconds: Any, /) -> Any:
        if not _shown.timelines or _wants_real_time(sys._getframe(1)):
            return real(seconds)
        if not isinstance(seconds, int | float) or not 0 < seconds < inf:
            return real(seconds)  # which raises the right error
        return _shown.timelines[-1].sleep(float(seconds))

    @functools.wraps(real)
    def clock_gettime(clock: Any, /) -> Any:
        shown = real(clock)
        if clock == time.CLOCK_REALTIME or _wants_real_time(sys._getframe(1)):
            return shown  # CLOCK_REALTIME: time-machine replaces it
        now = _shown.read()
        if now is None:
            return shown
        return round(now * 1e9) if name.endswith("_ns") else now

    @functools.wraps(real)
    def in_words(*moment: Any) -> Any:
        if moment not in _NOW[name] or _wants_real_time(sys._getframe(1)):
            return real(*moment)
        return real(time.localtime() if name == "asctime" else time.time())

    if name.startswith("clock_gettime"):
        return clock_gettime
    if name in ("asctime", "ctime"):
        return in_words
    return sleep if name == "sleep" else read


# The arguments that mean now.
_NOW: dict[str, tuple[tuple[()] | tuple[None], ...]] = {
    "asctime": ((),),
    "ctime": ((), (None,)),
}
_STAND_INS = {name: _stand_in(name) for name in _REAL}

# Whose code asks for real time -----------------------------------------------------------

_LIBRARY = str(Path(os.__file__).parent) + os.sep
_PACKAGE = str(Path(__file__).parents[1]) + os.sep
_INSTALLED = tuple(f"{_LIBRARY}{name}{os.sep}" for name in ("site-packages", "dist-packages"))
_CALLERS = tuple(
    _LIBRARY + name.replace("/", os.sep)
    for name in ("concurrent/futures/thread.py", "threading.py", "asyncio/events.py")
)
_TOOLS = ("_pytest", "coverage", "execnet", "hypothesis", "pluggy", "pytest", "time_machine")
_BACKENDS = ("anyio", "trio", "uvloop")


@functools.cache
def _is_real(file: str, package: str) -> bool:
    """Say whether code is the standard library's, a backend's, a test tool's or portable's."""
    if package in _TOOLS or package in _BACKENDS or file.startswith(("<frozen", _PACKAGE)):
        return True
    return file.startswith(_LIBRARY) and not file.startswith(_INSTALLED)


def _wants_real_time(caller: FrameType) -> bool:
    """Say whether the code that reads a clock, or sleeps, is to get real time.

    Some modules of the standard library call what a program gives them, as in
    `to_thread(time.sleep, 1)`: those calls are the program's.
    """
    file = caller.f_code.co_filename
    package = str(caller.f_globals.get("__name__", "")).partition(".")[0]
    return _is_real(file, package) and file not in _CALLERS


# What was imported by name ----------------------------------------------------------------


class _Search:
    """The last search through all modules; valid while modules and sizes are the same.

    Attributes:
        modules: weak references to the modules.
        sizes: how many names each had.
        holders: the indices of the modules that hold a clock by name.
    """

    def __init__(self) -> None:
        self.modules: list[weakref.ref[ModuleType]] = []
        self.sizes: list[int] = []
        self.holders: list[int] = []


_last = _Search()


def _replace_in_modules(
    old: dict[str, Callable[..., Any]], new: dict[str, Callable[..., Any]]
) -> None:
    exchange = {id(old[name]): new[name] for name in old}
    # A lazy module is of another type; it would be loaded by a look at it.
    modules = [one for one in list(sys.modules.values()) if type(one) is ModuleType]
    sizes = [*map(len, map(vars, modules))]
    if sizes != _last.sizes or modules != [*map(call, _last.modules)]:
        _last.modules, _last.sizes = [*map(weakref.ref, modules)], sizes
        _last.holders = [
            place for place, one in enumerate(modules) if one is not time and _holds(one)
        ]
    for place in _last.holders:
        names = vars(modules[place])
        for key, value in list(names.items()):
            if id(value) in exchange:
                names[key] = exchange[id(value)]


_CLOCKS = {id(clock) for clock in (*_REAL.values(), *_STAND_INS.values())}


def _holds(module: ModuleType) -> bool:
    """Say whether a module that is the program's own holds a clock, or its stand-in."""
    names = vars(module)
    file = str(names.get("__file__") or "<frozen")
    if _is_real(file, str(names.get("__name__")).partition(".")[0]):
        return False
    return any(id(value) in _CLOCKS for value in list(names.values()))
