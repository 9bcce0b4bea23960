"""Dependence: what of a file's imports needs asyncio's loop.

A program that AnyIO runs on trio has no loop of asyncio's around it. So nothing that it imports
may need one. A module of the project does if it imports asyncio, or another one that does.
Whether other libraries do cannot be seen, but for those that say that they run on trio.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import libcst as cst

from .foreign import free_entry, package_entry
from .qualified import LIBRARY, dotted_name
from .source import Source
from .tree import find

OWN = "."
"""Stands for the package of a file itself, as a relative import names it."""
_ON_TRIO = ("anyio", "fastapi", "httpcore", "httpx", "sniffio", "starlette", "trio")
_NEED_NO_LOOP = frozenset(
    {*sys.stdlib_module_names, *_ON_TRIO, "exceptiongroup", "typing_extensions"} - {LIBRARY}
)


def first_needing(source: Source) -> str:
    """Return the first module a file imports that may need asyncio's loop; empty: none."""
    for name in _imported(source):
        own = name == OWN or package_entry(name) in source.foreign
        if name == LIBRARY or (name in _NEED_NO_LOOP and not own):
            continue
        if free_entry(name) not in source.foreign:
            return "its own package" if name == OWN else name
    return ""


def _imported(source: Source) -> Iterator[str]:
    """Return the first word of each import of a file, in order."""
    for node in find(source.module, cst.Import, cst.ImportFrom, deep=True):
        if isinstance(node, cst.Import):
            for alias in node.names:
                yield dotted_name(alias.name).partition(".")[0]
        elif isinstance(node, cst.ImportFrom):
            module = None if node.relative else node.module
            yield OWN if module is None else dotted_name(module).partition(".")[0]


class Dependences:
    """What the files of a project import.

    Args:
        imports: for each file the first words of what it imports; `OWN` for its own package.
        names: for each file the first words by which others may import it.
    """

    def __init__(
        self, imports: Mapping[Path, frozenset[str]], names: Mapping[Path, tuple[str, ...]]
    ) -> None:
        self._imports = imports
        self._names = names
        self._files: dict[str, list[Path]] = {}
        for path, words in names.items():
            for word in words:
                self._files.setdefault(word, []).append(path)

    def free(self, path: Path) -> Iterator[str]:
        """Return what a file imports of the project that needs no loop of asyncio's.

        The file itself is not looked at, if what it imports imports it.
        """
        for word in self._imports.get(path, ()):
            if (word == OWN or word in self._files) and self._is_free(word, path):
                yield word

    def _is_free(self, word: str, asking: Path) -> bool:
        waiting = list(self._names[asking]) if word == OWN else [word]
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            for path in self._files[name]:
                if path == asking:
                    continue
                for each in self._imports.get(path, ()):
                    if each in self._files:
                        waiting.append(each)
                    elif (
                        each not in _NEED_NO_LOOP and each != OWN
                    ):  # it is looked at as a whole
                        return False
        return True
