"""What is left to a human, as comments in the code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .site import Site

_TODO = "# TODO(portable): "
_QUOTES = re.compile(rb"\"\"\"|'''")


def with_todos(code: bytes, sites: Sequence[Site]) -> bytes:
    """Return code with a comment above the line of each site, in the place of one for its name.

    Args:
        code: the file's bytes.
        sites: what is left, with the lines it has in this code.
    """
    lines = code.splitlines(keepends=True)
    over = _above(lines, sites)
    comments: dict[int, dict[bytes, None]] = {}
    for site in sites:
        line = lines[site.statement - 1]
        text = "; ".join(filter(None, (site.why, site.write)))
        indent = line[: len(line) - len(line.lstrip())]
        ending = b"\r\n" if line.endswith(b"\r\n") else b"\n"
        comment = indent + _beginning(site) + text.encode() + ending
        comments.setdefault(site.statement - 1, {})[comment] = None
    result: list[bytes] = []
    for number, line in enumerate(lines):
        result += comments.get(number, ())
        result += [] if number in over else [line]
    return b"".join(result)


def without_todos(code: bytes, sites: Iterable[Site]) -> bytes:
    """Return code without the comments above the lines of sites that are for their names.

    Args:
        code: the file's bytes.
        sites: what is rewritten, with the lines it has in this code.
    """
    lines = code.splitlines(keepends=True)
    over = _above(lines, sites)
    return b"".join(line for number, line in enumerate(lines) if number not in over)


def _above(lines: Sequence[bytes], sites: Iterable[Site]) -> set[int]:
    """Return the places of the comments that stand above sites and are for their names."""
    found: set[int] = set()
    for site in sites:
        place = site.statement - 2
        while place >= 0 and _is_comment(lines[place]):
            if lines[place].lstrip().startswith(_beginning(site)):
                found.add(place)
            place -= 1
    return found


def _beginning(site: Site) -> bytes:
    """Return what a comment for a site begins with: all before its reason."""
    return f"{_TODO}{site.name}: ".encode()


def _is_comment(line: bytes) -> bool:
    """Say whether a line is a comment of these, and not the end of a string."""
    return line.lstrip().startswith(_TODO.encode()) and not _QUOTES.search(line)
