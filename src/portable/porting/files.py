"""The files: find them, port them side by side, write them.

A path is a file, a folder, or `file.py:function`. A pool of processes ports the files. A file
that cannot be read is reported, and the others are ported all the same.
"""

from __future__ import annotations

import gc
import os
import subprocess
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from .markers import FIXTURE, TOGETHER
from .neighbours import (
    foreign_attributes,
    package_root,
    project_root,
    python_files,
    uses_pytest_asyncio,
)
from .patching import RULE as PATCHED
from .port import Ported, port, worth_reading
from .site import Site
from .source import MARK, UnknownFunction, Unreadable, parse

FEW = 8
"""Fewer files than this are ported in this process: a pool takes longer to start."""


@dataclass(frozen=True, slots=True)
class Target:
    """A file to port.

    Attributes:
        path: where it is.
        functions: the functions or classes to port; empty: all of it.
        foreign: what its neighbours do with its names, as entries of `foreign`.
        named: whether somebody named it, and not a folder around it.
    """

    path: Path
    functions: tuple[str, ...] = ()
    foreign: frozenset[str] = frozenset()
    named: bool = False


@dataclass(frozen=True, slots=True)
class FileResult:
    """What became of a file.

    Attributes:
        path: where it is.
        before: its bytes before.
        after: its bytes afterwards.
        sites: where names of asyncio's stand or stood; with `places_after` those that stay
            have their places after the port.
        error: why it could not be ported; empty: it could.
    """

    path: Path
    before: bytes = b""
    after: bytes = b""
    sites: tuple[Site, ...] = ()
    error: str = ""

    @property
    def changed(self) -> bool:
        """Whether anything was rewritten."""
        return self.before != self.after


class NothingToPort(LookupError):
    """What was named is no file or folder with Python in it."""


def find_targets(paths: Iterable[str]) -> list[Target]:
    """Return the files that the paths name, each once, sorted within each folder.

    Raises:
        NothingToPort: there is no such file or folder, a file is no Python, or a folder holds
            none.
    """
    found: dict[Path, tuple[str, ...]] = {}
    named: set[Path] = set()
    for text in paths:
        path, function = split_target(text)
        if path.is_dir() and not function:
            files = sorted(python_files(path, stubs=True))
            if not files:
                raise NothingToPort(f"{text}: there is no Python in this folder")
        elif path.is_file():
            if not _may_be_python(path):
                raise NothingToPort(
                    f"{text}: is no Python: the name does not end in .py, and no first line "
                    "names Python"
                )
            files = [path]
            named.add(path)
        else:
            raise NothingToPort(f"{text}: there is no such file or folder")
        for file in files:
            before = found.get(file)
            whole = not function or before == ()
            found[file] = () if whole else (*(before or ()), function)
    foreign = foreign_attributes(found)
    return [
        Target(path, functions, foreign[path], path in named)
        for path, functions in found.items()
    ]


def _may_be_python(path: Path) -> bool:
    """Say whether a file may be Python: by its ending; or a script, by its first line."""
    if path.suffix in ("", ".py", ".pyi", ".pyw"):
        return True
    try:
        with path.open("rb") as file:
            first = file.readline(200)
    except OSError:
        return False
    return first.startswith(b"#!") and b"python" in first


def split_target(text: str) -> tuple[Path, str]:
    """Return the path and the function that `path.py:function` names; empty: none."""
    place, colon, function = text.rpartition(":")
    if colon and place.endswith(".py") and function.replace(".", "_").isidentifier():
        return Path(place), function
    return Path(text), ""


def port_files(
    targets: Sequence[Target],
    *,
    rules: Collection[str] | None = None,
    assumed: frozenset[str] = frozenset(),
    todo: bool = False,
    places_after: bool = False,
    progress: Callable[[], object] = lambda: None,
) -> list[FileResult]:
    """Port files, several at a time, and return what became of each; nothing is written.

    Args:
        targets: the files.
        rules: the names of the rules to apply; `None`: all.
        assumed: the conditions that hold, by a human's word, where they cannot be seen.
        todo: whether to put what is left to a human into the code as comments.
        places_after: whether sites that stay have their places after the port.
        progress: called after each file.
    """
    options: dict[str, Any] = {
        "rules": rules,
        "assumed": assumed,
        "todo": todo,
        "places_after": places_after,
    }
    results = _port_all(targets, options, progress)
    patching = [
        place
        for place, result in enumerate(results)
        if any(site.rule == PATCHED and not site.rewritten for site in result.sites)
    ]
    renamed = _renamed(results)
    by_path = {target.path: target for target in targets}
    if patching and renamed:
        for place in patching:
            target = by_path[results[place].path]
            results[place] = port_file(target, renamed=renamed, **options)
    for place in _sharing(results):
        target = by_path[results[place].path]
        together = replace(target, foreign=target.foreign | {MARK})
        results[place] = port_file(together, renamed=renamed, **options)
    return results


def _sharing(results: Sequence[FileResult]) -> list[int]:
    """Return the indices of files whose tests share fixtures, if all of a project can move."""
    projects: dict[Path, list[int]] = {}
    for place, result in enumerate(results):
        if any(site.name in _TESTS for site in result.sites):
            root = project_root(result.path) or package_root(result.path)
            projects.setdefault(root, []).append(place)
    sharing: list[int] = []
    for root, places in projects.items():
        sites = [
            (place, site)
            for place in places
            for site in results[place].sites
            if site.name in _TESTS and not site.rewritten
        ]
        if not sites or any(site.why != TOGETHER for _, site in sites):
            continue
        known = {results[place].path.resolve() for place in places}
        tests = filter(uses_pytest_asyncio, python_files(root))
        if all(path.resolve() in known for path in tests):
            sharing += dict.fromkeys(place for place, _ in sites)
    return sharing


_TESTS = (MARK, FIXTURE)


def _renamed(results: Iterable[FileResult]) -> frozenset[str]:
    """Return the names that were used, and of which no use is left anywhere."""
    uses = [site for result in results for site in result.sites if site.rule != PATCHED]
    left = {site.name for site in uses if not site.rewritten}
    return frozenset(site.name for site in uses if site.rewritten) - left


def _port_all(
    targets: Sequence[Target], options: dict[str, Any], progress: Callable[[], object]
) -> list[FileResult]:
    work = partial(port_file, **options)
    results = []
    # A file in a folder that does not name the library is left out here: it needs no process.
    worth = [target for target in targets if target.named or _names_library(target.path)]
    processes = os.cpu_count() or 1
    if processes < 2 or len(worth) < FEW:
        for result in map(work, worth):
            results.append(result)
            progress()
        return results
    # Not by fork: there may be threads.
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=gc.disable
    ) as pool:
        for result in pool.map(partial(_in_worker, work), worth, chunksize=4):
            results.append(result)
            progress()
    return results


def _in_worker(work: Callable[[Target], FileResult], target: Target) -> FileResult:
    """Port a file where the collector is off: trees are large, and live as long as a file."""
    try:
        return work(target)
    finally:
        gc.collect()


def _names_library(path: Path) -> bool:
    try:
        return worth_reading(path.read_bytes())
    except OSError:
        return True  # port_file tells why


def port_file(
    target: Target,
    *,
    rules: Collection[str] | None = None,
    assumed: frozenset[str] = frozenset(),
    todo: bool = False,
    places_after: bool = False,
    renamed: frozenset[str] = frozenset(),
) -> FileResult:
    """Port a file without writing it."""
    try:
        before = target.path.read_bytes()
    except OSError as error:
        return FileResult(target.path, error=error.strerror or str(error))
    try:
        if target.named and not worth_reading(before):
            parse(before)  # else nobody would see that it cannot be read
        done: Ported = port(
            before,
            rules=rules,
            functions=target.functions,
            foreign=target.foreign,
            assumed=assumed,
            renamed=renamed,
            todo=todo,
            places_after=places_after,
        )
    except (Unreadable, UnknownFunction) as error:
        return FileResult(target.path, before, before, error=str(error))
    except Exception as error:  # one file's fault, or ours, must not end the others
        text = f"portable failed on it ({type(error).__name__}: {error}); please report this"
        return FileResult(target.path, before, before, error=text)
    return FileResult(target.path, before, done.code, done.sites)


def dirty_files(paths: Iterable[Path]) -> list[str]:
    """Return the uncommitted files that would mix with a port of some files.

    These are all changed files that git tracks, and those of the ported files that it does not
    track. Outside of a git work tree, or without git, there are none.
    """
    targets = [path.resolve() for path in paths]
    dirty: dict[str, None] = {}
    seen: set[str] = set()
    for folder in sorted({path.parent for path in targets}):
        root = git(folder, "rev-parse", "--show-toplevel").strip()
        if not root or root in seen:
            continue
        seen.add(root)
        names = ("-c", "core.quotePath=false")  # as they are, in any script
        for line in git(Path(root), *names, "status", "--porcelain").splitlines():
            place = Path(root, line[3:].strip('"'))
            unknown = line.startswith("??")
            if not unknown or any(place in (path, *path.parents) for path in targets):
                dirty[line[3:]] = None
    return list(dirty)


def git(folder: Path, *words: str) -> str:
    """Return the output of a git command in a folder; empty if it fails, or there is no git."""
    try:
        done = subprocess.run(
            ["git", *words], cwd=folder, capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return done.stdout if done.returncode == 0 else ""
