"""The words of `--anyio-backends`, from the command line to a list of names.

`--anyio-backends` may stand alone, and what follows it is then a path, not its value.
argparse cannot say so: an option with an optional value takes the next word. So the words
are rewritten before pytest parses them for good: alone it becomes `--anyio-backends=all`.
"""

from __future__ import annotations

from collections.abc import Iterable

OPTION = "--anyio-backends"
ALL = "all"


def rewrite(words: Iterable[str]) -> list[str]:
    """Return the words of a command line with every list of backends joined to its option.

    A list whose commas are followed by spaces arrives as several words; they are joined.
    """
    rest = list(words)
    done: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*done, word, *rest]
        if word == OPTION:
            word = f"{OPTION}={ALL}"
        elif word.startswith(f"{OPTION}="):
            while word.rstrip().endswith(",") and rest and not rest[0].startswith("-"):
                word += rest.pop(0)
        done.append(word)
    return done


def names_in(values: Iterable[str]) -> list[str]:
    """Return the names in lists separated by commas or spaces, each once, in order."""
    found = (name for value in values for name in value.replace(",", " ").split())
    return list(dict.fromkeys(found))
