"""asyncio's own library on any event loop.

asyncio's names are asyncio's objects here: `portable.gather is asyncio.gather`, and `import
portable as asyncio` means what `import asyncio` means. On asyncio and uvloop that is all. On
trio the same library, CPython's code, runs on a loop that trio drives; one task may await what
is asyncio's, trio's and AnyIO's. What asyncio lacks is portable's own: `run` on any backend,
`Supervisor`, `race`, `amap`, `amap_unordered`, virtual time, proof and price.

Names are loaded when they are first used, so that `import portable` costs what `import anyio`
costs. In a run of trio's that somebody else has started, that is also when asyncio's loop comes
up there.
"""

# pyright: reportWildcardImportFromLibrary=false

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Module by module: mypy would keep asyncio's `run` if it came along, and not take ours.
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
    # Not kept: in somebody else's run of trio's each use may be the first.
    if "trio" in sys.modules and asyncio._get_running_loop() is None:
        from ._running import come_up

        come_up()
    return value


def __dir__() -> list[str]:
    import asyncio

    return sorted({*_OURS, *asyncio.__all__})
