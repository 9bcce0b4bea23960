"""The words of `--anyio-backends`, from the command line to a list of names.

`--anyio-backends` may stand alone, and what follows it is then a path, not its value.
argparse cannot say so: an option with an optional value takes the next word. So the words
are rewritten before pytest parses them for good: alone it becomes `--anyio-backends=all`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import pytest

from portable._backends import BACKENDS

OPTION = "--anyio-backends"
ALL = "all"


def rewrite(words: Iterable[str], sources: Iterable[Sequence[str]] = ()) -> list[str]:
    """Return the words of a command line with every list of backends joined to its option.

    A list whose commas are followed by spaces arrives as several words; they are joined.

    Args:
        words: all the words, as pytest puts them together: those of the ini file, then those
            of the environment, then those that were typed.
        sources: the words that were typed, then those of the environment. Where one of them
            has lists, those are meant instead of the lists that come before it.

    Raises:
        pytest.UsageError: a list of backends stands behind the bare option, like a path.
    """
    before = list(words)
    groups: list[list[str]] = []
    for source in sources:
        at = len(before) - len(source)
        if before[at:] == list(source):
            before, group = before[:at], before[at:]
            groups.insert(0, group)
    done: list[str] = []
    for group in [before, *groups]:
        joined = _joined(group)
        if any(_is_list(word) for word in joined):
            done = [word for word in done if not _is_list(word)]
        done += joined
    return done


def _joined(words: Iterable[str]) -> list[str]:
    rest = list(words)
    done: list[str] = []
    while rest:
        word = rest.pop(0)
        if word == "--":
            return [*done, word, *rest]
        if word == OPTION:
            _refuse_a_list_as_a_path(rest)
            word = f"{OPTION}={ALL}"
        elif _is_list(word):
            while word.rstrip().endswith(",") and rest and not rest[0].startswith("-"):
                word += rest.pop(0)
        done.append(word)
    return done


def _is_list(word: str) -> bool:
    return word.startswith(f"{OPTION}=")


def _refuse_a_list_as_a_path(rest: Sequence[str]) -> None:
    """Say what to write where a list follows the bare option and no such path exists."""
    names = names_in(rest[:1])
    if names and {ALL, *BACKENDS}.issuperset(names) and not os.path.exists(rest[0]):
        raise pytest.UsageError(
            f"{OPTION} {rest[0]}: alone the option means all backends, and there is no path "
            f"{rest[0]!r}; for these backends write {OPTION}={','.join(names)}"
        )


def names_in(values: Iterable[str]) -> list[str]:
    """Return the names in lists separated by commas or spaces, each once, in order."""
    found = (name for value in values for name in value.replace(",", " ").split())
    return list(dict.fromkeys(found))
