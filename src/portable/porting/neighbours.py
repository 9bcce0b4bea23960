"""The neighbours of a file: which other files may use something of it, and what they use.

`used_names` says what each of them uses; here are the files that it is asked of. Tests take
fixtures of other files, and how pytest-asyncio runs them is configured for all.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import product
from pathlib import Path

from .dependence import (
    OWN,
    Dependences,
    Needs,
)
from .foreign import (
    MODULE,
    TEST_FILE,
    attribute_entry,
    bound_entry,
    event_entry,
    fixture_entry,
    free_entry,
    handled_entry,
    import_entry,
    method_entry,
    module_entry,
    needing_entry,
    package_entry,
    patched_entry,
    request_entry,
    star_entry,
    unlike_entry,
)
from .qualified import LIBRARY
from .source import MARK, TESTS
from .used_names import used_in

SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})
"""Folders that are not searched, beside those whose names begin with a dot."""
AUTO = "asyncio_mode = auto"
"""Stands in `foreign` where pytest-asyncio takes every coroutine for its own."""
SCOPED = "loop scope"
"""Stands in `foreign` where a default loop scope is configured that is not a function."""
MARKED = "add_marker"
"""Stands in `foreign` where a conftest adds pytest-asyncio's marker."""
_CONFIGURATIONS = ("pyproject.toml", "pytest.ini", ".pytest.ini", "tox.ini", "setup.cfg")
_AUTO = re.compile(r"asyncio[_-]mode\s*=\s*[\"']?auto")
_SCOPED = re.compile(r"asyncio_default_\w+_loop_scope\s*=\s*[\"']?(?!function)\w+")
_RUNS = re.compile(rf"\b{LIBRARY}\b.*\brun\b", re.S)
_TESTED = re.compile(rf"\b{TESTS}\b|\bmark\.asyncio\b")


def foreign_attributes(paths: Iterable[Path]) -> Mapping[Path, frozenset[str]]:
    """Return for each file what its neighbours use of it, as `Source.foreign` has it.

    Args:
        paths: the files. Neighbours are the other files of the package a file is in, or of its
            folder if it is in none, and the other paths in the same project. All files of the
            project are looked at for what they import from the files, and for the private
            attributes that keep locks there.
    """
    groups: dict[Path, tuple[list[Path], set[Path]]] = {}
    for path in paths:
        root = package_root(path)
        chosen, near = groups.setdefault(project_root(path) or root, ([], set()))
        if not chosen or package_root(chosen[-1]) != root:
            packaged = (root / "__init__.py").exists()
            near.update(python_files(root) if packaged else root.glob("*.py"))
        chosen.append(path)
        near.add(path)
    result: dict[Path, frozenset[str]] = {}
    for chosen, near in groups.values():
        users: dict[str, set[Path]] = {}
        imports: dict[Path, frozenset[str]] = {}
        for other in _far(chosen, near):
            for name in used_in(other):
                if not name.startswith(_NEAR_ALONE):
                    users.setdefault(name, set()).add(other)
        for other in near:
            used = used_in(other)
            imports[other] = _modules(used)
            for name in used:
                users.setdefault(name, set()).add(other)
        packages = {package_entry(name) for other in near for name in _importable(other)}
        root = project_root(chosen[0]) or package_root(chosen[0])
        names = {other: _importable(other) for other in near if not _is_of_tests(other, root)}
        dependences = Dependences(imports, names)
        needs = _needs(project_root(chosen[0]), imports)
        for path in chosen:
            text = _text(path)
            words = set(_WORD.findall(text))
            named = {entry for kind in _KINDS for entry in map(kind, words) if entry in users}
            mine = {name for name in named if users[name] != {path}}
            mine |= {entry for entry in map(package_entry, words) if entry in packages}
            stars = {path.stem} if path.stem != "__init__" else {path.resolve().parent.name, ""}
            if any(users.get(star_entry(word), {path}) != {path} for word in stars):
                mine.add(import_entry("*"))
            for own, name in product(stars, words):
                if users.get(patched_entry(name, own), {path}) != {path}:
                    mine.add(patched_entry(name))
            if _is_of_tests(path, root):
                mine.add(TEST_FILE)
            if _RUNS.search(text):
                free = set() if TEST_FILE in mine else set(dependences.free(path))
                for word, needing, unseen in needs.found(path.resolve()):
                    if needing:
                        mine.add(needing_entry(word))
                    elif word in free and not unseen:
                        mine.add(free_entry(word))
            if _TESTED.search(text):
                mine |= _configured(root, near)
            result[path] = frozenset(mine)
    return result


_NEAR_ALONE = tuple(
    entry("") for entry in (attribute_entry, event_entry, bound_entry, module_entry)
)
"""What begins the entries that count from neighbours alone: those of attributes by any name."""
_LOCKS = re.compile(r"\b(_\w+)[^\n=]*=[^\n=]*\b(?:Lock|Event|\w*Semaphore|Condition)\(")


def _far(chosen: Iterable[Path], near: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of a project that are no neighbours, but import or use what is chosen."""
    chosen = [path.resolve() for path in chosen]
    project = project_root(chosen[0])
    known = {path.resolve() for path in near}
    far = () if project is None else (x for x in python_files(project) if x not in known)
    pattern: re.Pattern[str] | None = None
    for path in far:
        if pattern is None:
            names = {name for each in chosen for name in _LOCKS.findall(_text(each))}
            modules = {x.parent.name if x.stem == "__init__" else x.stem for x in chosen}
            words = "|".join(map(re.escape, sorted(modules)))
            private = "".join(f"|{re.escape(name)}\\b" for name in sorted(names))
            pattern = re.compile(rf"\b(?:{words})\b{private}")
        if pattern.search(_text(path)):
            yield path


def _modules(used: Iterable[str]) -> frozenset[str]:
    """Return the first words of a file's imports."""
    return frozenset(name.removeprefix(MODULE) for name in used if name.startswith(MODULE))


def _needs(project: Path | None, known: Mapping[Path, frozenset[str]]) -> Needs:
    """Return what is seen to need asyncio's loop.

    Args:
        project: the folder of the project; `None`: there is none.
        known: what the files that were read import.
    """
    read = {path.resolve(): found for path, found in known.items()}

    @cache
    def index() -> Mapping[_Place, list[Path]]:
        """Return the files of each place: those of tests if there are no others."""
        found: dict[bool, dict[_Place, list[Path]]] = {False: {}, True: {}}
        for path in list(read) if project is None else python_files(project):
            places = found[_is_of_tests(path, project or package_root(path))]
            for place in _places(path, project):
                places.setdefault(place, []).append(path)
        return found[True] | found[False]

    @cache
    def everywhere() -> list[Path | None]:
        """Return the folders that any file of the project may import from."""
        folders = dict.fromkeys(folder for folder, _ in index())
        return [folder for folder in folders if folder is None or folder.parent == project]

    def files(word: str, path: Path) -> list[Path]:
        packaged = (path.parent / "__init__.py").exists()
        if word == OWN:
            # Without an `__init__.py` it may be the outermost folder.
            *_, place = _places(path, project)
            if packaged:
                place = None, package_root(path).name
            found = index().get(place, []) if packaged or path.parent != project else []
            return found or list(python_files(path.parent))
        if word in sys.stdlib_module_names:
            return [] if packaged else _beside(path, word)
        folders = dict.fromkeys([*everywhere(), *_up_to(project, path)])
        found = [each for folder in folders for each in index().get((folder, word), ())]
        return found or _beside(path, word)

    def imports(path: Path) -> frozenset[str]:
        if path not in read:
            read[path] = _modules(used_in(path))
        return read[path]

    return Needs(files, imports)


_Place = tuple[Path | None, str]
"""A folder, and the first word by which a file is imported there; `None`: from anywhere."""


def _places(path: Path, project: Path | None) -> Iterator[_Place]:
    """Yield the places of a file, from the inside to the outside."""
    if (path.parent / "__init__.py").exists():
        yield None, package_root(path).name
    else:
        yield path.parent, path.stem
    for folder in _up_to(project, path):
        if folder != project and not (folder.parent / "__init__.py").exists():
            yield folder.parent, folder.name


def _up_to(project: Path | None, path: Path) -> Iterator[Path]:
    """Yield the folders around a file: its own, and those up to its project's."""
    for folder in path.parents:
        yield folder
        if project is None or folder == project:
            break


def _beside(path: Path, word: str) -> list[Path]:
    """Return the files of a module or package beside a file, or beside its package."""
    found: list[Path] = []
    for folder in {path.parent, package_root(path).parent}:
        found += python_files(folder / word)
        found += filter(Path.is_file, [folder / f"{word}.py"])
    return found


def _configured(root: Path, near: Iterable[Path]) -> set[str]:
    """Return what is configured for the tests of a project."""
    found = set()
    texts = [_text(root / name) for name in _CONFIGURATIONS if (root / name).is_file()]
    if any(map(_AUTO.search, texts)):
        found.add(AUTO)
    if any(map(_SCOPED.search, texts)):
        found.add(SCOPED)
    conftests = [_text(path) for path in near if path.name == "conftest.py"]
    if any("add_marker" in text and MARK in text for text in conftests):
        found.add(MARKED)
    return found


def uses_pytest_asyncio(path: Path) -> bool:
    """Say whether a file has tests or fixtures of pytest-asyncio's."""
    return _TESTED.search(_text(path)) is not None


def _importable(path: Path) -> tuple[str, ...]:
    """Return the first words by which a file may be imported."""
    root = package_root(path).name
    return (root,) if (path.parent / "__init__.py").exists() else (root, path.stem)


def _is_of_tests(path: Path, root: Path) -> bool:
    """Say whether a file is one of tests, by its name or its folder."""
    if path.stem.startswith("test_") or path.stem.endswith("_test") or path.stem == "conftest":
        return True
    place = path.resolve()
    folders = place.relative_to(root).parts[:-1] if place.is_relative_to(root) else ()
    return not {"tests", "test"}.isdisjoint(folders[:1])


_KINDS = (
    str,
    handled_entry,
    unlike_entry,
    method_entry,
    import_entry,
    fixture_entry,
    request_entry,
    attribute_entry,
    event_entry,
    bound_entry,
)
_WORD = re.compile(r"[^\W\d]\w*")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def python_files(folder: Path, *, stubs: bool = False) -> Iterator[Path]:
    """Yield the Python files below a folder, but not those in hidden or `SKIPPED` folders.

    Args:
        folder: the folder.
        stubs: whether to yield files of types (`.pyi`) as well.
    """
    endings = (".py", ".pyi") if stubs else (".py",)
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "." and name not in SKIPPED]
        yield from (Path(root, name) for name in files if name.endswith(endings))


def project_root(path: Path) -> Path | None:
    """Return the folder of the project around a file; `None`: there is none to be seen."""
    for folder in path.resolve().parents:
        if any((folder / name).exists() for name in ("pyproject.toml", "setup.py", ".git")):
            return folder
    return None


def package_root(path: Path) -> Path:
    """Return the folder of the outermost package around a file."""
    folder = path.parent
    while (folder / "__init__.py").exists() and (folder.parent / "__init__.py").exists():
        folder = folder.parent
    return folder
