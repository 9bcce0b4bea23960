"""Stacks that show where something was started, reduced to the lines of the project."""

from __future__ import annotations

import os
import re
import sys
import threading
import traceback
from collections.abc import Iterable
from itertools import islice
from traceback import FrameSummary
from types import CodeType, CoroutineType, FrameType
from typing import Any

# So many frames Python notes for each coroutine that is made. Each takes a third of a
# microsecond, and a test that talks HTTP makes hundreds of coroutines.
DEPTH = 12
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


class Trail:
    """A stack whose line numbers and source are looked up only when it is rendered."""

    def __init__(self, frame: FrameType | None = None, text: str = "") -> None:
        self._text = text
        self._places: list[tuple[CodeType, int]] = []
        while frame is not None:
            self._places.append((frame.f_code, frame.f_lasti))
            frame = frame.f_back

    def render(self) -> str:
        """Return the stack as text."""
        return self._text or _render(
            FrameSummary(code.co_filename, _line(code, at), code.co_name)
            for code, at in reversed(self._places)
        )


def _line(code: CodeType, at: int) -> int | None:
    """Return the line of the instruction at an offset, in bytes; each has two."""
    line, *_ = next(islice(code.co_positions(), at // 2, None), (None,))
    return line


def caller() -> Trail:
    """Return the stack down to the caller of the function that calls this."""
    return Trail(sys._getframe(2))


def position(frame: FrameType) -> str:
    """Return the whole stack of a thread as text."""
    return "".join(traceback.format_stack(frame)).rstrip()


def origin(coro: CoroutineType[Any, Any, Any]) -> str:
    """Return the stack that made a coroutine, as text; Python must have tracked it."""
    return _render(
        FrameSummary(filename, line, name)
        for filename, line, name in reversed(coro.cr_origin or ())
    )


def shorten(text: str) -> str:
    """Return a stack that Python has rendered, with the project's lines alone."""
    lines = re.findall(r'^  File "(.*)", line (\d+), in (.*)$', text, re.MULTILINE)
    return _render(FrameSummary(filename, int(line), name) for filename, line, name in lines)


def _render(frames: Iterable[FrameSummary]) -> str:
    homes = tuple(_homes())
    pytest_home = _home("_pytest")
    shown: list[FrameSummary] = []
    for frame in frames:
        if frame.filename.startswith(pytest_home):
            shown = []  # the frames above lead from pytest's start to the test
        elif not frame.filename.startswith(homes):
            shown.append(frame)
    return "".join(traceback.format_list(shown[-_SHOWN:])).rstrip()


def _homes() -> Iterable[str]:
    """Yield the folders and files of the libraries whose frames are in every stack."""
    yield threading.__file__
    for name in _MACHINERY:
        if name in sys.modules:
            yield _home(name)


def _home(name: str) -> str:
    file = sys.modules[name].__file__ or name
    is_package = os.path.basename(file).startswith("__init__.")
    return os.path.dirname(file) + os.sep if is_package else file
