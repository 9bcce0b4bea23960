"""Import modules of a package that is not installed, and say how each import ends.

    python tests/strangers/importing.py FOLDER MODULE...

`porting.py` runs it on a package before its port and after it, in processes of their own. What
a package needs and is not installed is stood in for by a *stub*: a module that has every name,
each of them a class that can be inherited, called and used as a decorator. So a module gets as
far as its own code goes, and what a port left without an import is found out. Prints JSON: for
each module `imported`, or the error.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import json
import os
import sys
import types
import warnings
from collections.abc import Sequence
from typing import Any


class _Anything(type):
    """The class of the names of stubs: each has every attribute."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (_Name,), {})

    def __getitem__(cls, item: object) -> Any:
        return cls

    def __iter__(cls) -> Any:
        return iter(())


class _Name(metaclass=_Anything):
    """A name of a stub. Called with a function it is a decorator, which changes nothing."""

    def __new__(cls, *args: Any, **options: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], (types.FunctionType, type)) and not options:
            return args[0]
        return super().__new__(cls)

    def __init__(self, *args: object, **options: object) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (_Name,), {})

    def __call__(self, *args: Any, **options: Any) -> Any:
        return _Name(*args, **options)


class _Stub(types.ModuleType):
    """A module that has every name."""

    __path__: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Anything(name, (_Name,), {})


class _Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a stub for what nobody else has found, but for modules of the package itself."""

    def __init__(self, own: frozenset[str]) -> None:
        self._own = own

    def find_spec(
        self, fullname: str, path: object, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        first = fullname.partition(".")[0]
        if first in self._own or first in sys.stdlib_module_names or first in _INSTALLED:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _Stub(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        pass


_INSTALLED = frozenset({"anyio", "trio", "pytest", "portable"})


def outcome(module: str) -> str:
    """Import a module, and return how that ended."""
    try:
        importlib.import_module(module)
    except BaseException as error:  # what is imported may raise, or exit
        return f"{type(error).__name__}: {error}"
    return "imported"


def main() -> None:
    """Import what the command line names."""
    folder, *modules = sys.argv[1:]
    sys.path.insert(0, folder)
    own = frozenset(name.partition(".")[0] for name in modules)
    sys.meta_path.append(_Stubs(own))
    warnings.simplefilter("ignore")
    answer = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what is imported may print
    found = {module: outcome(module).replace(folder, "") for module in modules}
    answer.write(json.dumps(found))
    answer.flush()
    os._exit(0)  # what is imported may have started threads


if __name__ == "__main__":
    main()
