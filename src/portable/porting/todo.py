"""What is left to a human, as comments in the code."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .site import Site

_TODO = "# TODO(portable): "
_QUOTES = re.compile(rb"\"\"\"|'''")


def with_todos(code: bytes, sites: Iterable[Site]) -> bytes:
    """Return code with a comment above the line of each site, in the place of one for its name.

    Args:
        code: the file's bytes.
        sites: what is left, with the lines it has in this code.
    """
    lines = code.splitlines(keepends=True)
    comments: dict[int, dict[bytes, bytes]] = {}  # by the line, and by how they begin
    for site in sites:
        start = site.statement - 1
        begin = f"{_TODO}{site.name}: ".encode()
        text = begin + (f"{site.why}; " if site.why else "").encode() + site.write.encode()
        line = lines[start]
        indent = line[: len(line) - len(line.lstrip())]
        ending = b"\r\n" if line.endswith(b"\r\n") else b"\n"
        mine = comments.setdefault(start, {})
        mine[text] = indent + text + ending
    result: list[bytes] = []
    for number, line in enumerate(lines):
        mine = comments.get(number, {})
        names = tuple(_beginning(text) for text in mine)
        above: list[bytes] = []
        while result and _is_comment(result[-1]):
            above.insert(0, result.pop())
        result += [each for each in above if not (names and each.lstrip().startswith(names))]
        result += [*mine.values(), line]
    return b"".join(result)


def without_todos(code: bytes, sites: Iterable[Site]) -> bytes:
    """Return code without the comments above the lines of sites that are for their names.

    Args:
        code: the file's bytes.
        sites: what is rewritten, with the lines it has in this code.
    """
    lines = code.splitlines(keepends=True)
    over: set[int] = set()
    for site in sites:
        begin = f"{_TODO}{site.name}: ".encode()
        place = site.statement - 2
        while place >= 0 and _is_comment(lines[place]):
            if lines[place].lstrip().startswith(begin):
                over.add(place)
            place -= 1
    return b"".join(line for number, line in enumerate(lines) if number not in over)


def _is_comment(line: bytes) -> bool:
    """Say whether a line is a comment of these, and not the end of a string."""
    return line.lstrip().startswith(_TODO.encode()) and not _QUOTES.search(line)


def _beginning(text: bytes) -> bytes:
    """Return what a comment begins with: all before its reason."""
    return text[: text.index(b": ", len(_TODO)) + 2]
