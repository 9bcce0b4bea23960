"""Step 0 for programs in files: a target, which is found by its name and can be run.

A target is `path/file.py[:function]` or `package.module[:function]`. A function that is named
is the program. Without one the file is run as a script; if that only defines things, and starts
no loop, its `main` is called. With a colon and no name behind it no `main` is called.
The recording includes the loading of the code, as a module may print something. A syntax error
is reported before any of it runs.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from .starting import Starting
from .syntax import imported, parsed

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
        falls_back: whether a script that starts no loop has a `main` that is called then.
        home: the directory in which it was named: its modules are found from there.
    """

    text: str
    file: Path
    module: str | None
    function: str | None
    falls_back: bool = False
    home: Path = field(default_factory=Path.cwd)

    @classmethod
    def find(cls, text: str) -> Target:
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
        falls_back = "main" in known and not _has_guard(tree) and not text.endswith(":")
        return cls(text, file, module, None, falls_back)

    def uses(self, package: str) -> bool:
        """Say whether the source imports that package."""
        return package in imported(_parsed(self.file))

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
        sys.path.insert(0, str(self.home if self.module else self.file.parent))
        sys.argv = [str(self.file), *args]
        if self.function is not None:
            return self._call(self._function(self._load()), role, args, starting)
        script = self._run_script(starting)
        if self.falls_back and starting.did_nothing:
            return self._call(script.main, role, args, starting)
        self._must_have_started(starting)
        return None

    def _run_script(self, starting: Starting) -> Any:
        """Run the source as Python runs a script or `-m module`; return the module."""
        script = ModuleType("__main__")
        script.__file__ = str(self.file)
        if self.module is not None:
            script.__spec__ = importlib.util.find_spec(self.module)
            script.__package__ = self.module.rpartition(".")[0]
        # It stays there: what it defines may be pickled, or its file be run by a child.
        sys.modules["__main__"] = script
        code = compile(self.file.read_bytes(), str(self.file), "exec")
        try:
            exec(code, script.__dict__)
        except SystemExit as end:
            if end.code not in (None, 0):  # the exit code of a script that just ends is 0
                raise
        except ImportError as error:
            if not starting.did_nothing:
                raise
            raise TargetError(f"{self.text}: loading it raised {error!r}") from error
        return script

    def _call(
        self, main: Callable[..., Any], role: Role, args: Sequence[str], starting: Starting
    ) -> object:
        values = [_value(arg) for arg in args]
        try:
            inspect.signature(main).bind(*values)
        except TypeError as error:
            given = "1 argument" if len(values) == 1 else f"{len(values)} arguments"
            raise TargetError(
                f"{self.text}: {main.__name__}() cannot be called with {given}: {error}; "
                "write --arg VALUE once for each that it takes"
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

    def _load(self) -> ModuleType:
        try:
            if self.module is not None:
                return importlib.import_module(self.module)
            spec = importlib.util.spec_from_file_location(self.file.stem, self.file)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[self.file.stem] = module
            spec.loader.exec_module(module)
        except Exception as error:
            raise TargetError(
                f"{self.text}: loading it raised {type(error).__name__}: {error}"
            ) from error
        return module

    def _function(self, module: ModuleType) -> Callable[..., Any]:
        assert self.function is not None
        found: Any = module
        for name in self.function.split("."):
            try:
                found = getattr(found, name)
            except AttributeError as error:
                raise TargetError(f"{self.text}: {error}") from error
        if not callable(found):
            raise TargetError(f"{self.text}: {self.function!r} is no function but {found!r}")
        return found  # type: ignore[no-any-return]

    def _must_have_started(self, starting: Starting) -> None:
        # Two programs that do nothing are the same: that must not pass for a proof.
        if starting.did_nothing:
            known = ", ".join(_functions(_parsed(self.file))) or "none"
            raise TargetError(
                f"{self.text}: it ran and started no event loop; name the function to run, "
                f"as in {self.text.partition('.py')[0]}.py:function; it has: {known}"
            )


def _split(text: str) -> tuple[str, str | None]:
    if text.endswith(":") and len(text) > 2:
        return text[:-1], None
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
    except ImportError as error:
        raise TargetError(f"{text}: there is no such module: {error}") from None
    except Exception as error:  # of the package that it is in
        raise TargetError(
            f"{text}: looking for it raised {type(error).__name__}: {error}"
        ) from None
    finally:
        sys.path.pop(0)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise TargetError(
            f"{text}: there is no such module with a source; name a file or module"
        )
    return Path(spec.origin), place


def _parsed(file: Path) -> ast.Module:
    try:
        return parsed(file.read_bytes(), str(file))
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
        if isinstance(node, ast.ClassDef | Function) and node.name == first:
            return False
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*" or (alias.asname or alias.name).partition(".")[0] == first:
                    return False
    return True


def _has_guard(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.If) and "__name__" in ast.dump(node.test) for node in tree.body
    )


def _value(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
