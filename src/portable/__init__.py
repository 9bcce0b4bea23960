"""asyncio's own library on any event loop.

asyncio's names are asyncio's objects here: `portable.gather is asyncio.gather`, and `import
portable as asyncio` means the same as `import asyncio`. On asyncio and uvloop that is all. On
trio the same library, CPython's code, runs on a loop that trio drives, and one task may await
asyncio's, trio's and AnyIO's functions. portable's own names do what asyncio cannot: `run` on
any backend, `Supervisor`, `race`, `amap`, `amap_unordered`, virtual time, proof and price.

A name is loaded when it is first used, so that `import portable` is as fast as `import anyio`.
In a trio run that somebody else has started, the first use of a name of asyncio's also starts
asyncio's loop there.
"""

# pyright: reportWildcardImportFromLibrary=false

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Module by module, without asyncio.runners: mypy would keep its `run` and ignore ours.
    import asyncio
    from asyncio.base_events import *  # noqa: F403
    from asyncio.coroutines import *  # noqa: F403
    from asyncio.events import *  # noqa: F403
    from asyncio.exceptions import *  # noqa: F403
    from asyncio.futures import *  # noqa: F403
    from asyncio.locks import *  # noqa: F403
    from asyncio.protocols import *  # noqa: F403
    from asyncio.queues import *  # noqa: F403
    from asyncio.runners import Runner as Runner
    from asyncio.streams import *  # noqa: F403
    from asyncio.subprocess import *  # noqa: F403
    from asyncio.taskgroups import *  # noqa: F403
    from asyncio.tasks import *  # noqa: F403
    from asyncio.threads import *  # noqa: F403
    from asyncio.timeouts import *  # noqa: F403
    from asyncio.transports import *  # noqa: F403

    if sys.platform == "win32":
        from asyncio.windows_events import *  # noqa: F403
    else:
        from asyncio.unix_events import *  # noqa: F403
    if sys.version_info >= (3, 14):
        from asyncio.graph import *  # noqa: F403

    from ._backends import current_backend
    from ._errors import (
        BackendNotInstalledError,
        DeadlockError,
        LivelockError,
        MissingDependencyError,
        UnknownBackendError,
    )
    from ._mapping import amap, amap_unordered
    from ._race import race
    from ._running import asyncio_loop, current_time, run, trio_loop
    from ._supervisor import Supervisor

    __all__ = [
        "BackendNotInstalledError",
        "DeadlockError",
        "LivelockError",
        "MissingDependencyError",
        "Supervisor",
        "UnknownBackendError",
        "amap",
        "amap_unordered",
        "asyncio_loop",
        "current_backend",
        "current_time",
        "race",
        "run",
        "trio_loop",
    ]
    __all__ += asyncio.__all__

_OURS = {
    "BackendNotInstalledError": "_errors",
    "DeadlockError": "_errors",
    "LivelockError": "_errors",
    "MissingDependencyError": "_errors",
    "Supervisor": "_supervisor",
    "UnknownBackendError": "_errors",
    "amap": "_mapping",
    "amap_unordered": "_mapping",
    "asyncio_loop": "_running",
    "current_backend": "_backends",
    "current_time": "_running",
    "race": "_race",
    "run": "_running",
    "trio_loop": "_running",
}


def __getattr__(name: str) -> Any:
    if name in _OURS:
        value = getattr(import_module(f".{_OURS[name]}", __name__), name)
        globals()[name] = value
        return value
    import asyncio

    if name == "__all__":
        return __dir__()
    value = None if name.startswith("__") else getattr(asyncio, name, None)
    if value is None:
        from ._missing import explain

        raise AttributeError(explain(name), name=name, obj=sys.modules[__name__])
    # The value is not cached in this module: each use may be the first in a new trio run.
    if "trio" in sys.modules and asyncio._get_running_loop() is None:
        from ._running import start_loop_on_trio

        start_loop_on_trio()
    return value


def __dir__() -> list[str]:
    import asyncio

    return sorted({*_OURS, *asyncio.__all__})
