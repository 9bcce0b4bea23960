"""`without_options()`: the words of a command line that reports repeat."""

from __future__ import annotations

from collections.abc import Collection, Iterable


def without_options(words: Iterable[str], options: Collection[str]) -> list[str]:
    """Return the words of a command line without some options and their values.

    Args:
        words: the words; an option's value is the next word, or stands behind `=`.
        options: the options to leave out, as `--seed`; each takes a value.
    """
    kept = []
    is_value = False
    for word in words:
        if is_value:
            is_value = False
        elif word in options:
            is_value = True
        elif word.partition("=")[0] not in options:
            kept.append(word)
    return kept
