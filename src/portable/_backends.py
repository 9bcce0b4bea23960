"""The table of backends, with the packages that they need and AnyIO's options for them.

To AnyIO uvloop is an option of its backend asyncio. To somebody who runs or tests a program it
is a backend of its own. Only this module knows the difference.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from types import MappingProxyType
from typing import Any

from ._errors import (
    BackendNotInstalledError,
    UnknownBackendError,
    did_you_mean,
    no_running_loop,
)


@dataclass(frozen=True, slots=True)
class Backend:
    """One event loop that programs can run on.

    Attributes:
        name: what portable calls it: `asyncio`, `uvloop` or `trio`.
        anyio_backend: the name AnyIO knows it by.
        anyio_options: the `backend_options` AnyIO needs to choose it.
        requirement: the package that provides it, `None` for the standard library's.
    """

    name: str
    anyio_backend: str
    anyio_options: Mapping[str, Any] = field(default_factory=dict)
    requirement: str | None = None

    @property
    def installed(self) -> bool:
        """Whether the package that provides the backend can be imported."""
        return self.requirement is None or _importable(self.requirement)

    def run_options(self) -> dict[str, Any]:
        """Return options for `asyncio.Runner`; none for trio, which has a run of its own."""
        if self.name == "uvloop":
            return {"loop_factory": importlib.import_module("uvloop").Loop}
        return {}

    @property
    def version(self) -> str:
        """The version of the backend; Python's own for asyncio."""
        if self.requirement is None:
            return ".".join(map(str, sys.version_info[:3]))
        return metadata.version(self.requirement)

    @property
    def install_command(self) -> str:
        """The command that installs what is missing."""
        return f"pip install 'portable-tasks[{self.name}]'"


def _importable(module: str) -> bool:
    if module in sys.modules:
        return sys.modules[module] is not None  # None there means: import is blocked
    return importlib.util.find_spec(module) is not None


BACKENDS: Mapping[str, Backend] = MappingProxyType(
    {
        backend.name: backend
        for backend in (
            Backend("asyncio", "asyncio"),
            Backend("uvloop", "asyncio", {"use_uvloop": True}, requirement="uvloop"),
            Backend("trio", "trio", requirement="trio"),
        )
    }
)


def installed_backends() -> tuple[str, ...]:
    """Return the names of the backends that can be used here, asyncio first."""
    return tuple(name for name, backend in BACKENDS.items() if backend.installed)


def get_backend(name: str) -> Backend:
    """Return the backend of that name, installed or not.

    Raises:
        UnknownBackendError: there is none; the message lists those there are.
    """
    for backend in BACKENDS.values():
        if backend.name == name:  # not `BACKENDS.get(name)`: it may be of any type
            return backend
    message = f"backend: unknown backend {name!r}; known are: {', '.join(BACKENDS)}"
    lower = str(name).lower()
    contained = [known for known in BACKENDS if known in lower]  # as in asyncio+uvloop
    raise UnknownBackendError(message + did_you_mean([lower, *contained][-1], BACKENDS))


def require_backend(name: str) -> Backend:
    """Return the backend of that name, which can be used here.

    Raises:
        UnknownBackendError: there is none of that name.
        BackendNotInstalledError: its package is missing; the message says how to get it.
    """
    backend = get_backend(name)
    if not backend.installed:
        raise BackendNotInstalledError(
            f"backend: {name!r} is known (as are {', '.join(BACKENDS)}) but not installed; "
            f"install it with: {backend.install_command}"
        )
    return backend


def current_backend() -> str:
    """Return the name of the backend this code runs on.

    asyncio has no such function, as it has no other backend than itself.

    Returns:
        `asyncio`, `uvloop` or `trio`.

    Raises:
        RuntimeError: no event loop runs in this thread.

    Example:
        >>> import portable
        >>> async def main():
        ...     return portable.current_backend()
        >>> portable.run(main)
        'asyncio'
    """
    if _on_trio():
        return "trio"
    loop = _asyncios_loop("current_backend")
    modules = {cls.__module__.partition(".")[0] for cls in type(loop).__mro__}
    return "uvloop" if "uvloop" in modules else "asyncio"


def running_time(caller: str) -> float:
    """Return the event loop's clock, in seconds.

    Raises:
        RuntimeError: no event loop runs in this thread; the message says to start one.
    """
    if _on_trio():
        return float(sys.modules["trio"].current_time())
    return _asyncios_loop(caller).time()


def _on_trio() -> bool:
    """Say whether this code runs in trio, and not in an asyncio loop that hosts trio."""
    trio = sys.modules.get("trio")
    if trio is None:
        return False
    if asyncio._get_running_loop() is None:
        return bool(trio.lowlevel.in_trio_run())
    return bool(trio.lowlevel.in_trio_task())


def _asyncios_loop(caller: str) -> asyncio.AbstractEventLoop:
    loop = asyncio._get_running_loop()
    if loop is None:
        raise no_running_loop(caller)
    return loop
