"""Dependence: what of a file's imports needs asyncio's loop.

A program that AnyIO runs on trio has no loop of asyncio's around it. So nothing that it imports
may need one. A module of the project does if it imports asyncio, or another one that does.
Whether other libraries do cannot be seen, but for those that say that they run on trio, or on
asyncio alone.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import libcst as cst

from .foreign import free_entry, needing_entry, package_entry
from .qualified import LIBRARY, dotted_name
from .source import Source
from .tree import find

FREE = "free"
"""What `--assume` calls the condition."""
OWN = "."
"""Stands for the package of a file itself, as a relative import names it."""
_ON_TRIO = ("anyio", "fastapi", "httpcore", "httpx", "sniffio", "starlette", "trio")
_NEED_NO_LOOP = frozenset(
    {*sys.stdlib_module_names, *_ON_TRIO, "exceptiongroup", "typing_extensions"} - {LIBRARY}
)
_NEED_LOOP = frozenset(
    {"aio_pika", "aiobotocore", "aiofiles", "aiogram", "aiohttp", "aiokafka", "aiomysql"}
    | {"aiopg", "aioredis", "aiosqlite", "asyncpg", "asyncssh", "discord", "motor", "sanic"}
    | {"tornado", "uvloop", "winloop"}
)
"""Libraries that say that they run on asyncio alone."""
_SAID = re.compile(rf"(?:^|[._]){LIBRARY}(?:$|[._])")


def is_known(word: str) -> bool:
    """Say whether a module is Python's own, or a library that is known to run on trio."""
    return word == LIBRARY or word in _NEED_NO_LOOP


def says_asyncio(dotted: str) -> bool:
    """Say whether what is imported needs asyncio's loop, by its name: `redis.asyncio`."""
    return dotted.partition(".")[0] in _NEED_LOOP or _SAID.search(dotted) is not None


def why_not_free(source: Source) -> str:
    """Return why what a file imports may need asyncio's loop; empty: nothing does."""
    needed = "imports {}, which needs asyncio's loop"
    unseen: dict[str, None] = {}
    for word, name, said in _imported(source):
        own = word == OWN or package_entry(word) in source.foreign
        if word == LIBRARY or (word in _NEED_NO_LOOP and not own):
            continue
        if free_entry(word) in source.foreign:
            continue
        shown = {OWN: "its own package", UNSEEN: "what it finds by a name"}.get(word, word)
        if said:
            return needed.format(name)
        if needing_entry(word) in source.foreign:
            return needed.format(shown)
        unseen[shown] = None
    if not unseen:
        return ""
    for node in source.attributes.get(LIBRARY, ()):
        if not source.code(node.value).endswith("mark"):
            return f"uses {source.code(node)} in line {source.line(node)}"
    if source.doubts(FREE):
        return f"imports {', '.join(unseen)}, which may need asyncio's loop"
    return ""


_BY_NAME = ("import_module", "__import__", "run_module", "run_path")
UNSEEN = "?"
"""Stands for what is imported by a name that cannot be seen."""


def imported_by_name(function: str, text: str) -> str:
    """Return the first word of what a call imports; empty: it imports nothing.

    Args:
        function: the last word of what is called.
        text: its first argument, if that is a string; else empty.
    """
    if function not in _BY_NAME:
        return ""
    word = text.partition(".")[0]
    return word if word.isidentifier() and function != "run_path" else UNSEEN


def _imported(source: Source) -> Iterator[tuple[str, str, bool]]:
    """Return each import of a file, in order.

    Yields:
        Its first word, its dotted name, and whether that says that it needs asyncio's loop.
    """
    for node in find(source.module, cst.Import, cst.ImportFrom, deep=True):
        if isinstance(node, cst.Import):
            for alias in node.names:
                name = dotted_name(alias.name)
                yield name.partition(".")[0], name, says_asyncio(name)
        elif isinstance(node, cst.ImportFrom):
            dots = OWN * len(node.relative)
            module = dots + ("" if node.module is None else dotted_name(node.module))
            word = OWN if dots else module.partition(".")[0]
            several = () if isinstance(node.names, cst.ImportStar) else node.names
            begin = module if module.endswith(OWN) else f"{module}."
            names = [module, *(begin + dotted_name(each.name) for each in several)]
            said = next(filter(says_asyncio, names), "")
            yield word, said or module, bool(said)
    for node in find(source.module, cst.Call, deep=True):
        call = cst.ensure_type(node, cst.Call)
        first = call.args[0].value if call.args else None
        text = first.raw_value if isinstance(first, cst.SimpleString) else ""
        word = imported_by_name(source.code(call.func).rpartition(".")[2], text)
        if word:
            yield word, text or word, says_asyncio(text)


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
        packaged = len(self._names[path]) == 1
        for word in self._imports.get(path, ()):
            known = packaged if word == OWN else word in self._files
            if known and self._is_free(word, path):
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
                    elif each not in _NEED_NO_LOOP and each != OWN:  # that is looked at whole
                        return False
        return True


class Needs:
    """What is seen of the files that imports may mean.

    More files may be taken for what an import means than Python would take: a folder of that
    name, wherever it is in the project.

    Args:
        files: returns the files that an import may mean: its first word, or `OWN`, and the
            file that it stands in.
        imports: returns the first words of what a file imports, with asyncio's for all that
            says by its name that it needs it.
    """

    def __init__(
        self,
        files: Callable[[str, Path], Collection[Path]],
        imports: Callable[[Path], frozenset[str]],
    ) -> None:
        self._files = files
        self._imports = imports

    def found(self, path: Path) -> Iterator[tuple[str, bool, bool]]:
        """Return what is seen of a file's imports; the file itself is not looked at.

        Yields:
            The first word of one, whether that is seen to need the loop, and whether
            something that it imports cannot be looked into.
        """
        return ((word, *self._look(word, path)) for word in self._imports(path))

    def _look(self, word: str, asking: Path) -> tuple[bool, bool]:
        waiting = list(self._files(word, asking))
        seen = {asking}
        unseen = False
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            for each in self._imports(path):
                if each == LIBRARY or each in _NEED_LOOP:
                    return True, False
                files = self._files(each, path)
                waiting.extend(files)
                unseen = unseen or (not files and each not in _NEED_NO_LOOP)
        return False, unseen
