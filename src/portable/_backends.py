"""The table of backends: their names, what they need, how AnyIO is told to use them.

To AnyIO uvloop is an option of asyncio; to everyone who runs or tests a program it is a
backend of its own. This module is the one place that knows the difference.
"""

from __future__ import annotations

import importlib.util
import math
import sys
from asyncio import get_running_loop
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import metadata
from types import MappingProxyType
from typing import Any

import anyio.lowlevel

from ._errors import BackendNotInstalledError, UnknownBackendError


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
        if backend.name == name:
            return backend
    message = f"backend: unknown backend {name!r}; known are: {', '.join(BACKENDS)}"
    for close in get_close_matches(str(name).lower(), BACKENDS, n=1):
        message += f". Did you mean {close!r}?"
    raise UnknownBackendError(message)


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
    return _name_of(running_loop("current_backend"))


def _name_of(loop: object) -> str:
    modules = {cls.__module__.partition(".")[0] for cls in type(loop).__mro__}
    for name in ("trio", "uvloop"):
        if name in modules:
            return name
    return "asyncio"


def running_loop(caller: str) -> object:
    """Return what identifies this run.

    Raises:
        RuntimeError: no event loop runs in this thread; the message says to start one.
    """
    try:
        return anyio.lowlevel.current_token().native_token
    except RuntimeError:  # AnyIO's own, or asyncio's in a thread that inherited a context
        raise RuntimeError(
            f"{caller}() was called with no event loop running in this thread; "
            f"call it from a coroutine started with portable.run(main)"
        ) from None


def running_time(caller: str) -> float:
    """Return the event loop's clock, in seconds.

    Raises:
        RuntimeError: no event loop runs in this thread; the message says to start one.
    """
    try:
        return anyio.current_time()
    except RuntimeError:
        running_loop(caller)
        raise


def native_task_getter(caller: str = "current_task") -> Callable[[], object]:
    """Return the running backend's own function that tells which of its tasks is running.

    AnyIO offers a description of the running task only, made anew at each call; a registry
    of tasks needs the object itself, and cheaply.

    Raises:
        RuntimeError: no event loop runs in this thread.
    """
    if _name_of(running_loop(caller)) == "trio":
        from trio.lowlevel import current_task as trio_task

        return trio_task
    from asyncio import current_task as asyncio_task

    return asyncio_task


def native_context(native_task: Any) -> Context | None:
    """Return the context that one of the backend's own tasks runs in.

    Returns:
        The context itself, or `None` where the backend has no name for it: asyncio got
        `Task.get_context()` in Python 3.12.
    """
    if hasattr(native_task, "get_context"):
        context: Context | None = native_task.get_context()
    else:
        context = getattr(native_task, "context", None)
    return context


def on_tick(deadline: float) -> float:
    """Return a deadline, on uvloop rounded up to the tick at which its timer goes off.

    uvloop's clock counts whole milliseconds, and its timers may go off at the tick before.
    An AnyIO scope whose timer came early calls itself again and again until the next tick.
    """
    try:
        loop = get_running_loop()
    except RuntimeError:
        return deadline
    # By its very class: a virtual clock on uvloop keeps time exactly.
    if type(loop).__module__ != "uvloop" or not math.isfinite(deadline):
        return deadline
    return math.ceil(deadline * 1000 - _NO_TICK) / 1000


#: Less than any tick: what adding up floating-point numbers may have added.
_NO_TICK = 1e-3
