"""The neighbours of a file: what they use of it.

`x._lock`, or `self._lock` in a class that never binds it (its base may), uses an attribute of
an object that is not its own: then not all that is done with a `_lock` can be seen in the file
that makes one. A class that inherits may override a method of the same name. A name that is
imported from elsewhere may be one that a file has from asyncio. Tests take fixtures of other
files, and how pytest-asyncio runs them is configured for all.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import chain, product
from pathlib import Path
from typing import TypeGuard

from .dependence import (
    OWN,
    Dependences,
    Needs,
    imported_by_name,
    is_known,
    says_asyncio,
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
    is_private,
    kept_as,
    method_entry,
    module_entry,
    needing_entry,
    package_entry,
    patched_entry,
    request_entry,
    star_entry,
)
from .qualified import LIBRARY
from .source import ACCESS, MARK, TESTS

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
            for name in _used_in(other):
                if not name.startswith(_NEAR_ALONE):
                    users.setdefault(name, set()).add(other)
        for other in near:
            used = _used_in(other)
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
            read[path] = _modules(_used_in(path))
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


def _used_in(path: Path) -> frozenset[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return frozenset()
    return frozenset(_entries(tree))


def _entries(tree: ast.Module) -> set[str]:
    """Return what a file uses, as entries of `foreign`."""
    found: set[str] = set()
    known: set[ast.Attribute] = set()
    entered: set[ast.AST] = set()
    modules: dict[str, str] = {}  # names of imports, and the last words of what they name
    through: list[tuple[str, str]] = []  # a module's name, and an entry if it is one
    replaced: list[tuple[str, str, str]] = []  # the same, with the module's last word
    # A stack, as expressions may be nested too deeply for recursion. Beside each node are the
    # names that the class around it binds through `self`.
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        node, own = waiting.pop()
        found.update(_attributes(node, known))
        if isinstance(node, ast.Assign) and _is_slots(node):
            continue
        if isinstance(node, ast.ClassDef):
            own = _bound_through_self(node)
        if isinstance(node, ast.AsyncWith) and not any(map(_is_yield, ast.walk(node))):
            entered.update(each.context_expr for each in node.items if not each.optional_vars)
        modules.update(_may_be_modules(node))
        if isinstance(node, ast.Attribute) and not _is_mark(node.value):
            through.append((_first_word(node), import_entry(node.attr)))
            if isinstance(node.ctx, ast.Store) and _first_word(node):
                replaced.append((_first_word(node), _last_word(node.value), node.attr))
        elif isinstance(node, ast.Call):
            through += ((module, import_entry(name)) for module, _, name in _reached(node))
            if _name_called(node) not in _READING:
                replaced += _reached(node)
        for name in _names_used(node, own):
            found.add(name)
            if is_private(name) and node not in entered:
                found.add(handled_entry(name))
        waiting += [(child, own) for child in ast.iter_child_nodes(node)]
    found.update(entry for module, entry in through if not module or module in modules)
    for module, word, name in replaced:
        if not module or module in modules:
            found.add(patched_entry(name, modules[module] if word == module else word))
    return found


def _reached(call: ast.Call) -> Iterator[tuple[str, str, str]]:
    """Yield what a call reaches in a module by a text: `patch("app.sleep")`.

    Yields:
        The name of the module here, or an empty string; the module's last word; the name.
    """
    if _name_called(call) not in ACCESS or not call.args:
        return
    first, *others = call.args
    text = first.value if isinstance(first, ast.Constant) else None
    module, name = _first_word(first), others[0] if others else None
    if isinstance(text, str):
        word, _, last = text.rpartition(".")
        if word and not is_known(word.partition(".")[0]):
            yield "", word.rpartition(".")[2], last
    elif module and isinstance(name, ast.Constant):
        yield module, _last_word(first), str(name.value)


def _name_called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


_READING = ("getattr", "hasattr")


def _may_be_modules(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield the names of an import that may stand for modules of the project.

    Yields:
        The name, and the last word of what it stands for.
    """
    if isinstance(node, ast.Import):
        for alias in node.names:
            word = alias.name.partition(".")[0]
            if not is_known(word):
                yield (
                    alias.asname or word,
                    alias.name.rpartition(".")[2] if alias.asname else word,
                )
    elif isinstance(node, ast.ImportFrom) and (
        node.level or not is_known((node.module or "").partition(".")[0])
    ):
        yield from ((alias.asname or alias.name, alias.name) for alias in node.names)


def _last_word(node: ast.expr) -> str:
    """Return the last word of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else _first_word(node)


def _first_word(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _bound_through_self(owner: ast.ClassDef) -> frozenset[str]:
    """Return the names that a class binds: where it inherits, those that it always binds."""
    parts: Iterable[ast.AST] = _within(owner)
    if owner.bases:
        lines = (each.body for each in owner.body if _is_init(each))
        plain = (ast.Assign, ast.AnnAssign)
        parts = chain.from_iterable(
            ast.walk(line) for line in chain(*lines) if isinstance(line, plain)
        )
    return frozenset(
        each.attr
        for each in parts
        if isinstance(each, ast.Attribute)
        and isinstance(each.ctx, ast.Store)
        and isinstance(each.value, ast.Name)
        and each.value.id == "self"
    )


def _within(owner: ast.ClassDef) -> Iterator[ast.AST]:
    """Yield the nodes of a class, without those of classes in it."""
    waiting: list[ast.AST] = list(owner.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.ClassDef):
            yield node
            waiting += ast.iter_child_nodes(node)


def _is_init(node: ast.stmt) -> TypeGuard[ast.FunctionDef]:
    return isinstance(node, ast.FunctionDef) and node.name == "__init__"


def _names_used(node: ast.AST, own: frozenset[str]) -> Iterator[str]:
    """Yield the entries of one node.

    Args:
        node: what stands in a file.
        own: the names that the class around it binds through `self`.
    """
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, ast.ClassDef):
        if node.bases:
            methods = [each for each in node.body if isinstance(each, functions)]
            yield from (method_entry(each.name) for each in methods)
    elif isinstance(node, functions):
        yield from _fixtures(node)
    elif isinstance(node, ast.Import):
        yield from (module_entry(alias.name.partition(".")[0]) for alias in node.names)
        if any(says_asyncio(alias.name) for alias in node.names):
            yield module_entry(LIBRARY)
    elif isinstance(node, ast.ImportFrom):
        module = OWN if node.level else (node.module or "").partition(".")[0]
        yield module_entry(module)
        if any(says_asyncio(f"{node.module}.{alias.name}") for alias in node.names):
            yield module_entry(LIBRARY)
        if module != LIBRARY:
            yield from (import_entry(alias.name) for alias in node.names)
            if any(alias.name == "*" for alias in node.names):
                yield star_entry((node.module or "").rpartition(".")[2])
    elif isinstance(node, ast.Attribute) and node.attr == LIBRARY and not _is_mark(node.value):
        yield import_entry(LIBRARY)  # module.asyncio
        yield module_entry(LIBRARY)
    elif isinstance(node, ast.Attribute) and is_private(node.attr):
        mine = isinstance(node.value, ast.Name) and node.value.id == "self"
        if not mine or node.attr not in own:
            yield node.attr
            yield kept_as(node.attr)
    elif isinstance(node, ast.MatchClass):
        yield from filter(is_private, node.kwd_attrs)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        last = node.value.rpartition(".")[2]  # getattr(x, "_lock"), patch("a.b._lock")
        if is_private(last) and last.isidentifier():
            yield last
            yield kept_as(last)


def _attributes(node: ast.AST, known: set[ast.Attribute]) -> Iterator[str]:
    """Yield the entries of a node's attributes: which are used, and bound to an event or not.

    Args:
        node: what stands in a file.
        known: gets the targets that are bound to an event or to None.
    """
    if isinstance(node, ast.Attribute):
        yield attribute_entry(node.attr)
        if not isinstance(node.ctx, ast.Load) and node not in known:
            yield bound_entry(node.attr)
    elif isinstance(node, (ast.Assign, ast.AnnAssign)):
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            if isinstance(target, ast.Attribute) and _is_event_or_none(node.value):
                known.add(target)
                if isinstance(node.value, ast.Call):
                    yield event_entry(target.attr)
    elif isinstance(node, ast.ClassDef):
        for each in node.body:
            yield from _bound_by_class(each)
    elif isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        first = getattr(node.args[0], "value", None) if node.args else None
        said = first if isinstance(first, str) else ""
        if word := imported_by_name(name, said):
            yield module_entry(word)
            if says_asyncio(said):
                yield module_entry(LIBRARY)
        for arg in node.args if name in ACCESS else ():
            text = arg.value if isinstance(arg, ast.Constant) else None
            if isinstance(text, str) and (last := text.rpartition(".")[2]).isidentifier():
                yield attribute_entry(last)
                yield bound_entry(last)


def _bound_by_class(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        yield bound_entry(node.name)
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        if _EVENT_TYPE.fullmatch(ast.unparse(node.annotation)):
            yield event_entry(node.target.id)
        else:
            yield bound_entry(node.target.id)
    elif isinstance(node, ast.Assign):
        yield from (bound_entry(each.id) for each in node.targets if isinstance(each, ast.Name))


_EVENT_TYPE = re.compile(r"[\"']?(asyncio\.|anyio\.)Event(\s*\|\s*None)?[\"']?")


def _is_event_or_none(node: ast.expr | None) -> bool:
    if isinstance(node, ast.Call):
        return ast.unparse(node.func) in ("asyncio.Event", "anyio.Event")
    return node is None or (isinstance(node, ast.Constant) and node.value is None)


def _fixtures(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    """Return the fixture that a function makes, if it is a coroutine, and those it takes."""
    made = any("fixture" in ast.unparse(each) for each in node.decorator_list)
    if made and isinstance(node, ast.AsyncFunctionDef):
        yield fixture_entry(node.name)
    if made or node.name.startswith("test"):
        args = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
        yield from (request_entry(arg.arg) for arg in args)


def _is_yield(node: ast.AST) -> bool:
    return isinstance(node, (ast.Yield, ast.YieldFrom))


def _is_mark(node: ast.expr) -> bool:
    return isinstance(node, (ast.Attribute, ast.Name)) and ast.unparse(node).endswith("mark")


def _is_slots(node: ast.Assign) -> bool:
    return any(isinstance(each, ast.Name) and each.id == "__slots__" for each in node.targets)
