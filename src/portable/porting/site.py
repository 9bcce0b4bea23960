"""A site: one place where a name of asyncio's stands or stood, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    """One place where a name of asyncio's stands or stood, and what became of it.

    Attributes:
        line: its line, from 1 on.
        column: its column, from 1 on.
        name: the qualified name.
        rule: the name of the rule that looked at it; empty: none does.
        rewritten: whether it was rewritten.
        why: why it stays.
        write: what a human would write in its place.
        statement: the line in which the innermost statement around it begins.
    """

    line: int
    column: int
    name: str
    rule: str
    rewritten: bool
    why: str = ""
    write: str = ""
    statement: int = 0
