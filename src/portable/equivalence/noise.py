"""The noise in a trace: what differs between two runs of one program, and means nothing.

It is made equal on both sides: addresses, positions in sources, file descriptors, the ports
that a system gives out, the class of a loop, how long unittest took, what the `repr` of a task
or a timer says of the loop below it.

Of a traceback the exceptions stay, with their text, and the names of the program's functions;
frames of libraries and lines of source go.
"""

from __future__ import annotations

import re
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from traceback import walk_tb

# Python writes addresses behind "at"; a short hexadecimal number elsewhere is the program's.
_ADDRESS = re.compile(r"(?<=\bat )(0x[0-9a-fA-F]+|[0-9a-f]{9,16}\b)|\b0x[0-9a-fA-F]{9,}")
_POSITION = re.compile(r"(\b(?:running|defined|created) at )\S+:\d+")
# So asyncio names a callback: by what it calls, and where that is written.
_CALLBACK = re.compile(r"(?<=\)) at \S+\.pyw?:\d+")
# From the beginning of a word on alone, or a long word would be gone through at each letter.
_NESTING = re.compile(r"(?<![\w.])(?:[\w.]*\w\.<locals>\.)+")
_PROCESS = re.compile(r"(<Process |\b[Pp][Ii][Dd]\W{1,3})\d+")
# A loop may run a timer's callback by a plain handle.
_TIMER = re.compile(r"<TimerHandle when=[\d.e+-]+")
_LOOP = re.compile(r"<[\w.]*[Ll]oop(?= running=)")
_UNITTEST = re.compile(r"^(Ran \d+ tests? in )\d+\.\d+s$")
_DESCRIPTOR = re.compile(r"\bfd=\d+")
# Systems give out ports from 32768 on.
_PORT = re.compile(
    r"""((?<![\w.])(?:\d{1,3}(?:\.\d{1,3}){3}|localhost|::1?)(?:'|\])?(?::|,\s))"""
    r"(3276[89]|327[7-9]\d|32[89]\d\d|3[3-9]\d{3}|[4-6]\d{4})\b"
)
_OF_A_LOOP = re.compile(r"<(?:Task|Future|_GatheringFuture)\b")
_WHERE = re.compile(r"(?: done,)? (?:running|defined|created) at [^>\]]*?:\d+")
_WAITS_FOR = re.compile(r" wait_for=<[^<>]*(?:<[^<>]*>[^<>]*)*>")
_CALLBACKS = re.compile(r" cb=\[[^\[\]]*\]")
_NUMBERED = re.compile(r" name='Task-\d+'")


def normalised(text: str) -> str:
    """Return the text without what differs between two runs of one program.

    Example:
        >>> normalised("<coroutine object main.<locals>.fetch at 0x7f12ab>")
        '<coroutine object fetch at 0x...>'
        >>> normalised("listening on ('127.0.0.1', 45123)")
        "listening on ('127.0.0.1', ...)"
    """
    if _OF_A_LOOP.search(text):
        for pattern in (_WAITS_FOR, _CALLBACKS, _WHERE, _NUMBERED):
            text = pattern.sub("", text)
    text = _TIMER.sub("<Handle", text)
    text = _LOOP.sub("<EventLoop", _UNITTEST.sub(r"\1...", _PROCESS.sub(r"\1...", text)))
    text = _CALLBACK.sub("", _POSITION.sub(r"\1...", _ADDRESS.sub("0x...", text)))
    return _NESTING.sub("", _PORT.sub(r"\1...", _DESCRIPTOR.sub("fd=...", text)))


# asyncio's debug mode shows where an object was created, and logging where it was called with
# wrong arguments, both in the form of a traceback.
_HEAD = re.compile(
    r"(?P<before>.*?)(?:(?:Exception Group )?Traceback|(?:Object|Coroutine) created at)"
    r" \(most recent call last\):?$|Call stack:$"
)
_FRAME = re.compile(r'\s*File "(?P<path>[^"]*)", line \d+(?:, in (?P<name>.*))?')
_CANCELLED = re.compile(r"(?:[\w.]+\.)?(?:CancelledError|Cancelled)\b")
_CLASS = re.compile(r"[A-Za-z_][\w.]*\.(?=[A-Za-z_]\w*(?::|$))")
_CHAINED = (
    "The above exception was the direct cause of the following exception:",
    "During handling of the above exception, another exception occurred:",
)


def without_frames(lines: Sequence[str]) -> list[str | None]:
    """Return lines with the tracebacks in them cut down to what a program decides.

    Args:
        lines: of one stream, in order.

    Returns:
        What becomes of each line; `None`: it goes.

    Example:
        >>> without_frames(['Traceback (most recent call last):',
        ...     '  File "port.py", line 3, in fetch', '    raise Lost()', 'port.Lost: it is'])
        ['Traceback (most recent call last):', '  in fetch', None, 'Lost: it is']
    """
    kept: list[str | None] = list(lines)
    head: int | None = None
    margin = ""
    for at, line in enumerate(lines):
        found = _HEAD.match(line)
        if found is not None:
            before = found["before"] or ""
            head, margin = at, "" if before.strip(" |+") else before.replace("+", "|")
            continue
        if head is None:
            continue
        inner = line[len(margin) :] if line.startswith(margin) else line.lstrip()
        frame = _FRAME.match(inner)
        if frame is not None:
            name = frame["name"]
            own = name not in (None, "<module>") and not _is_a_librarys(frame["path"])
            kept[at] = f"{margin}  in {name}" if own else None
        elif inner.startswith("  "):
            kept[at] = None
        else:
            kept[at] = margin + _CLASS.sub("", inner, count=1)
            if _CANCELLED.match(inner) and _chained(lines, at):
                # A time limit may show the cancellation that it has replaced, or may not.
                kept[head : at + 4] = [None] * (at + 4 - head)
            head = None
    return kept


def _chained(lines: Sequence[str], at: int) -> bool:
    return at + 3 < len(lines) and lines[at + 2].strip(" |") in _CHAINED


def without_frames_inside(text: str) -> str:
    """Return a text of several lines with the tracebacks in it cut down."""
    if "(most recent call last)" not in text:
        return text
    return "\n".join(line for line in without_frames(text.split("\n")) if line is not None)


def raised_at(error: BaseException) -> str | None:
    """Return the innermost place in a program's own source that an error came through."""
    own = [
        (frame.f_code, line)
        for frame, line in walk_tb(error.__traceback__)
        if not _is_a_librarys(frame.f_code.co_filename)
    ]
    if not own:
        return None
    code, line = own[-1]
    return f"{Path(code.co_filename).name}, line {line}"


@cache
def _is_a_librarys(path: str) -> bool:
    if path.startswith("<frozen") or "site-packages" in path:
        return True
    return any(path.startswith(folder) for folder in _library_folders())


@cache
def _library_folders() -> tuple[str, ...]:
    return tuple(_folders())


def _folders() -> Iterator[str]:
    yield str(Path(__file__).parents[1])
    for kind in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield sysconfig.get_path(kind)
    yield str(Path(sys.base_prefix, "lib"))
