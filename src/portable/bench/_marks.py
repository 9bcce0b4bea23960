"""Marks in a page, such as the README, between which results are written."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class NoPlaceError(ValueError):
    """A page lacks the marks between which results are written."""


def put_between(page: Path, name: str, lines: Iterable[str]) -> None:
    """Replace the lines between two marks of a page.

    Args:
        page: the file; everything outside the marks is kept.
        name: the name in the marks `<!-- name -->` and `<!-- end of name -->`.
        lines: the new lines.

    Raises:
        NoPlaceError: the page lacks a mark.
    """
    first, last = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, begin, rest = page.read_text(encoding="utf-8").partition(first)
    _, end, after = rest.partition(last)
    if not (begin and end):
        raise NoPlaceError(f"{page}: put the results between {first} and {last}")
    inside = "\n".join(["", "", *lines, "", ""])
    page.write_text(f"{before}{first}{inside}{last}{after}", encoding="utf-8")
