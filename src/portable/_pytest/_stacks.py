"""Where something was started, told in the lines of the project alone."""

from __future__ import annotations

import os
import re
import sys
import threading
import traceback
from collections.abc import Iterable
from traceback import FrameSummary
from types import CoroutineType, FrameType
from typing import Any

DEPTH = 40
_SHOWN = 10
_MACHINERY = (
    "pluggy",
    "anyio",
    "asyncio",
    "trio",
    "outcome",  # trio's steps are made by it
    "uvloop",
    "portable",
    "contextlib",
)


def caller() -> str:
    """Return the lines that lead to the caller of the function that calls this."""
    return _told(traceback.extract_stack(sys._getframe(2)))


def position(frame: FrameType) -> str:
    """Return the lines where a thread is, all of them."""
    return "".join(traceback.format_stack(frame)).rstrip()


def origin(coro: CoroutineType[Any, Any, Any]) -> str:
    """Return the lines that made a coroutine, if Python was told to keep track of them."""
    return _told(
        FrameSummary(filename, line, name)
        for filename, line, name in reversed(coro.cr_origin or ())
    )


def told_again(text: str) -> str:
    """Return a text of Python's own about a stack, with the telling lines of it alone."""
    lines = re.findall(r'^  File "(.*)", line (\d+), in (.*)$', text, re.MULTILINE)
    return _told(FrameSummary(filename, int(line), name) for filename, line, name in lines)


def _told(frames: Iterable[FrameSummary]) -> str:
    homes = tuple(_homes())
    pytest_home = _home("_pytest")
    shown: list[FrameSummary] = []
    for frame in frames:
        if frame.filename.startswith(pytest_home):
            shown = []  # what comes before is the way to the test
        elif not frame.filename.startswith(homes):
            shown.append(frame)
    return "".join(traceback.format_list(shown[-_SHOWN:])).rstrip()


def _homes() -> Iterable[str]:
    """Yield where the code lives that runs tests and loops, and so stands in every stack."""
    yield threading.__file__
    for name in _MACHINERY:
        if name in sys.modules:
            yield _home(name)


def _home(name: str) -> str:
    file = sys.modules[name].__file__ or name
    is_package = os.path.basename(file).startswith("__init__.")
    return os.path.dirname(file) + os.sep if is_package else file
