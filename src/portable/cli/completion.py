"""Completions for the shell: names that begin with what was typed."""

from __future__ import annotations

from portable.bench import OPERATIONS
from portable.patterns import pattern_names

from .sections import pages


def complete_patterns(incomplete: str) -> list[str]:
    """Return the patterns whose names begin with what was typed."""
    return [name for name in pattern_names() if name.startswith(incomplete)]


def complete_operations(incomplete: str) -> list[str]:
    """Return the benchmarks' operations whose names begin with what was typed."""
    return [name for name in OPERATIONS if name.startswith(incomplete)]


def complete_pages(incomplete: str) -> list[str]:
    """Return the pages of the documentation whose names begin with what was typed."""
    names = [page.name for listed in pages().values() for page in listed]
    return [name for name in names if name.startswith(incomplete)]
