"""Step 0 for programs in files: find one by its name, and make it something that can be run.

A target is `path/file.py[:function]` or `package.module[:function]`. Without a function it is
`main`, or, in a file without one, the whole file as a script. What it takes is decided from
the source, before anything of it runs, so that a typing error is told as such; its code is
loaded inside the recording, as what a module prints belongs to what is seen.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import os
import runpy
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from .starting import Starting

Role = Literal["original", "port"]


class TargetError(Exception):
    """A target cannot be loaded; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A program in a file.

    Attributes:
        text: as it was named.
        file: where its source is.
        module: the dotted name it was given by; `None` if it was given by its file.
        function: which function is the program; `None`: the whole file is, as a script.
    """

    text: str
    file: Path
    module: str | None
    function: str | None

    @classmethod
    def find(cls, text: str, args: Sequence[str] = ()) -> Target:
        """Return the target of that name.

        Raises:
            TargetError: there is no such file, module or function, or it is no Python.

        Example:
            >>> Target.find("no_such.py")
            Traceback (most recent call last):
            portable.equivalence.target.TargetError: no_such.py: there is no such file
        """
        place, function = _split(text)
        file, module = _located(place, text)
        tree = _parsed(file)
        known = _functions(tree)
        if function is not None:
            if function not in known and _is_plain_name_missing(tree, function):
                raise TargetError(
                    f"{text}: {file.name} has no function {function!r}; it has: "
                    f"{', '.join(known) or 'none'}"
                )
            return cls(text, file, module, function)
        main = known.get("main")
        if main is not None and (_takes(main, len(args)) or not _has_guard(tree)):
            return cls(text, file, module, "main")
        return cls(text, file, module, None)

    def uses(self, package: str) -> bool:
        """Say whether the source imports that package."""
        for node in ast.walk(_parsed(self.file)):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            else:
                continue
            if any(name.partition(".")[0] == package for name in names):
                return True
        return False

    def starter(self, role: Role) -> Literal["asyncio", "anyio"]:
        """Say what starts its function, if that does not start its loop itself.

        A port that still uses asyncio in part is a program of asyncio's.
        """
        if role == "original" or self.uses("asyncio") or self.uses("portable"):
            return "asyncio"
        return "anyio"

    def run(self, role: Role, args: Sequence[str], starting: Starting) -> object:
        """Load and run the program on what `starting` starts.

        Raises:
            TargetError: it cannot be loaded, or it starts no event loop.
        """
        sys.path.insert(0, str(Path.cwd() if self.module else self.file.parent))
        sys.argv = [str(self.file), *args]
        if self.function is None:
            runpy.run_path(str(self.file), run_name="__main__")
            self._must_have_started(starting)
            return None
        main = self._load()
        values = [_value(arg) for arg in args]
        try:
            inspect.signature(main).bind(*values)
        except TypeError as error:
            raise TargetError(
                f"{self.text}: {self.function}() cannot be called with {len(values)} "
                f"arguments: {error}; give each with --arg"
            ) from None
        if not inspect.iscoroutinefunction(main):
            result = main(*values)
            if not inspect.iscoroutine(result):
                self._must_have_started(starting)
                return result
            coro = result
            return self._start(role, starting, lambda: coro)
        return self._start(role, starting, partial(main, *values))

    def _start(self, role: Role, starting: Starting, main: Any) -> object:
        if self.starter(role) == "asyncio":
            return starting.run_asyncio(main)
        return starting.run_anyio(main)

    def _load(self) -> Any:
        assert self.function is not None
        try:
            if self.module is not None:
                module = importlib.import_module(self.module)
            else:
                spec = importlib.util.spec_from_file_location(self.file.stem, self.file)
                assert spec is not None
                assert spec.loader is not None
                module = importlib.util.module_from_spec(spec)
                sys.modules[self.file.stem] = module
                spec.loader.exec_module(module)
            found = module
            for name in self.function.split("."):
                found = getattr(found, name)
        except Exception as error:
            raise TargetError(
                f"{self.text}: loading it raised {type(error).__name__}: {error}"
            ) from error
        if not callable(found):
            raise TargetError(f"{self.text}: {self.function!r} is no function but {found!r}")
        return found

    def _must_have_started(self, starting: Starting) -> None:
        # Two programs that do nothing are the same: that must not pass for a proof.
        if not starting.started:
            known = ", ".join(_functions(_parsed(self.file))) or "none"
            raise TargetError(
                f"{self.text}: it ran and started no event loop; name the function to run, "
                f"as in {self.text.partition('.py')[0]}.py:function; it has: {known}"
            )


def _split(text: str) -> tuple[str, str | None]:
    place, colon, function = text.rpartition(":")
    # A single letter before a colon is a drive.
    if colon and len(place) > 1 and function.replace(".", "_").isidentifier():
        return place, function
    return text, None


def _located(place: str, text: str) -> tuple[Path, str | None]:
    path = Path(place)
    if path.is_file():
        return path.resolve(), None
    if path.is_dir():
        raise TargetError(f"{text}: is a folder; name a file in it")
    if place.endswith(".py") or os.sep in place:
        raise TargetError(f"{text}: there is no such file")
    sys.path.insert(0, str(Path.cwd()))
    try:
        spec = importlib.util.find_spec(place)
    except (ImportError, ValueError) as error:
        raise TargetError(f"{text}: there is no such module: {error}") from None
    finally:
        sys.path.pop(0)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise TargetError(
            f"{text}: there is no such module with a source; name a file or module"
        )
    return Path(spec.origin), place


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes(), str(file))
    except SyntaxError as error:
        raise TargetError(
            f"{file.name}, line {error.lineno}: {type(error).__name__}: {error.msg}"
        ) from None
    except (OSError, ValueError) as error:
        raise TargetError(f"{file.name}: cannot be read: {error}") from None


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _functions(tree: ast.Module) -> dict[str, Function]:
    return {node.name: node for node in tree.body if isinstance(node, Function)}


def _is_plain_name_missing(tree: ast.Module, name: str) -> bool:
    """Say whether nothing at the top level of a source could give it that name."""
    first = name.partition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == first and isinstance(node.ctx, ast.Store):
            return False
        if isinstance(node, ast.ClassDef) and node.name == first:
            return False
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*" or (alias.asname or alias.name).partition(".")[0] == first:
                    return False
    return True


def _takes(function: Function, count: int) -> bool:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    least = len(positional) - len(given.defaults)
    if any(default is None for default in given.kw_defaults):
        return False
    return least <= count and (given.vararg is not None or count <= len(positional))


def _has_guard(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.If) and "__name__" in ast.dump(node.test) for node in tree.body
    )


def _value(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
