"""What is left to a human, as comments in the code."""

from __future__ import annotations

from collections.abc import Iterable

from .site import Site

_TODO = "# TODO(portable): "


def with_todos(code: bytes, sites: Iterable[Site]) -> bytes:
    """Return code with a comment above the line of each site, unless it is there already.

    Args:
        code: the file's bytes.
        sites: what is left, with the lines it has in this code.
    """
    lines = code.splitlines(keepends=True)
    comments: dict[int, list[bytes]] = {}
    for site in sites:
        start = site.statement - 1
        text = f"{_TODO}{site.name}: {site.why or site.write}".encode()
        if site.why:
            text += f"; {site.write}".encode()
        line = lines[start]
        indent = line[: len(line) - len(line.lstrip())]
        ending = b"\r\n" if line.endswith(b"\r\n") else b"\n"
        comments.setdefault(start, []).append(indent + text + ending)
    result = []
    for number, line in enumerate(lines):
        there = set(_comments_above(lines, number))
        result += [
            each for each in dict.fromkeys(comments.get(number, ())) if each not in there
        ]
        result.append(line)
    return b"".join(result)


def _comments_above(lines: list[bytes], number: int) -> Iterable[bytes]:
    while number and lines[number - 1].lstrip().startswith(_TODO.encode()):
        number -= 1
        yield lines[number]
