"""What tests of the benchmarks share."""

from __future__ import annotations

_PLAIN = str.maketrans({"\N{EN DASH}": "-", "\N{MULTIPLICATION SIGN}": "x"})


def plain(text: str) -> str:
    """Return a text in characters that are told from each other at sight."""
    return text.translate(_PLAIN)
