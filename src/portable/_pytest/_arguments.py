"""The arguments of `--anyio-backends`: rewriting the command line, splitting the list.

`--anyio-backends` may stand alone; the next word is then a path and not its value. argparse
cannot express that: an option with an optional value takes the next word. So the command line
is rewritten before pytest parses it: a bare `--anyio-backends` becomes `--anyio-backends=all`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import pytest

from portable._backends import BACKENDS

OPTION = "--anyio-backends"
ALL = "all"


def rewrite(words: Iterable[str], sources: Iterable[Sequence[str]] = ()) -> list[str]:
    """Return the words of a command line with each list of backends joined to its option.

    A list with spaces behind its commas arrives as several words, which are joined.

    Args:
        words: all words, in pytest's order: the ini file's, the environment's, the typed ones.
        sources: the typed words, then the environment's. A typed list replaces those of the
            environment, and a list of the environment those of the ini file.

    Raises:
        pytest.UsageError: a list of backends follows the bare option, where a path belongs.
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
    """Refuse a list of backends behind the bare option, unless a path has that name."""
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
