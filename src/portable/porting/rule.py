"""A rule: what becomes of some names, and under which conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .decision import Decision
from .source import Source, Use

Decide = Callable[[Source, Sequence[Use]], Iterator[Decision]]

ANYIO = "https://anyio.readthedocs.io/en/stable/"


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of some names.

    Attributes:
        name: its name for `--rules`.
        names: the qualified names that it looks at.
        becomes: what stands in their place afterwards, in Markdown.
        conditions: the conditions under which that keeps the meaning; the file shows each.
        hint: what a human writes where a condition is not met.
        link: the documentation of what is written.
        decide: decides on the uses of a file; `None`: all stay, with the hint.
    """

    name: str
    names: tuple[str, ...]
    becomes: str
    conditions: tuple[str, ...]
    hint: str
    link: str
    decide: Decide | None = None


def asyncio_names(*names: str) -> tuple[str, ...]:
    """Return qualified names of asyncio's."""
    return tuple(f"asyncio.{name}" for name in names)
