"""The message for a missing name, which says if another Python's asyncio has it."""

from __future__ import annotations

import sys

from ._errors import did_you_mean

#: Names of asyncio's that were added or removed by a version of Python.
_SINCE = {
    "EventLoop": "3.13",
    "FrameCallGraphEntry": "3.14",
    "FutureCallGraph": "3.14",
    "QueueShutDown": "3.13",
    "capture_call_graph": "3.14",
    "create_eager_task_factory": "3.12",
    "eager_task_factory": "3.12",
    "format_call_graph": "3.14",
    "future_add_to_awaited_by": "3.14",
    "future_discard_from_awaited_by": "3.14",
    "print_call_graph": "3.14",
}
_UNTIL = {
    "AbstractChildWatcher": "3.13",
    "FastChildWatcher": "3.13",
    "MultiLoopChildWatcher": "3.13",
    "PidfdChildWatcher": "3.13",
    "SafeChildWatcher": "3.13",
    "ThreadedChildWatcher": "3.13",
    "coroutine": "3.10",
}


def explain(name: str) -> str:
    """Return the message of the AttributeError for a name that portable does not have."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    message = f"module 'portable' has no attribute {name!r}"
    if name in _SINCE:
        return f"{message}: it is asyncio's since Python {_SINCE[name]}, and this is {python}"
    if name in _UNTIL:
        return f"{message}: it was asyncio's until Python {_UNTIL[name]}, and this is {python}"
    message += f": neither portable nor asyncio of Python {python} has it"
    return message + did_you_mean(name, dir(sys.modules["portable"]))
