"""The catalogue of patterns: what tutorials teach about tasks, each as two programs.

Each module of this package is a pattern; no list names them. The first line of its docstring is
its title. Its programs are two coroutine functions without parameters: `original` uses asyncio
alone, and runs on trio as it is; `port` uses AnyIO alone. `DECLARED` lists where the port
differs from the original on purpose.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from portable._errors import did_you_mean
from portable.equivalence import DeclaredDifference, Program

__all__ = ["Pattern", "UnknownPatternError", "get_pattern", "pattern_names", "patterns"]


class UnknownPatternError(LookupError):
    """A pattern was named that is not in the catalogue."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Something that tutorials teach about tasks, as two programs.

    Attributes:
        name: the name of its module.
        title: what it teaches, in a few words.
        original: the program in asyncio's names.
        port: the same program in AnyIO's names.
        declared: the differences of the port that are meant.
    """

    name: str
    title: str
    original: Program
    port: Program
    declared: tuple[DeclaredDifference, ...] = ()

    @property
    def programs(self) -> tuple[Program, Program]:
        """Its two programs, the original first."""
        return self.original, self.port


def pattern_names() -> tuple[str, ...]:
    """Return the names of all patterns, sorted.

    Example:
        >>> "timeout" in pattern_names()
        True
    """
    return tuple(sorted(found.name for found in iter_modules(__path__) if found.name[0] != "_"))


def patterns() -> tuple[Pattern, ...]:
    """Return all patterns, sorted by name."""
    return tuple(map(get_pattern, pattern_names()))


@cache
def get_pattern(name: str) -> Pattern:
    """Return the pattern of that name.

    Raises:
        UnknownPatternError: there is none; the message lists those there are.
        TypeError: its module lacks one of the programs, or the title.

    Example:
        >>> get_pattern("timeout").title
        'Time a task out'
    """
    known = pattern_names()
    if name not in known:
        message = f"unknown pattern {name!r}; known are: {', '.join(known)}"
        message += did_you_mean(name.lower().replace("-", "_"), known)
        raise UnknownPatternError(message)
    module = import_module(f".{name}", __name__)
    return Pattern(
        name=name,
        title=_title(module),
        original=Program("original", _function(module, "original"), starter="asyncio"),
        port=Program("port", _function(module, "port"), starter="anyio"),
        declared=tuple(getattr(module, "DECLARED", ())),
    )


def _title(module: ModuleType) -> str:
    lines = (module.__doc__ or "").strip().splitlines()
    if not lines:
        raise TypeError(
            f"pattern {module.__name__} ({module.__file__}) has no docstring; its first line "
            "is the pattern's title"
        )
    return lines[0].rstrip(".")


def _function(module: ModuleType, name: str) -> Callable[[], Awaitable[object]]:
    function: Callable[[], Awaitable[object]] | None = getattr(module, name, None)
    if function is None:
        raise TypeError(
            f"pattern {module.__name__} ({module.__file__}) has no program {name!r}; write "
            f"`async def {name}():`"
        )
    return function
