"""The stacks of suspended tasks, which show where they wait.

The stack of a suspended task is a chain of coroutines, each awaiting the next. Their public
attributes lead from one to the next. Two kinds of objects have no such attribute, an async
generator's step and `coroutine.__await__()`; `gc` finds what they refer to.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any

_NEXT = {"cr_frame": "cr_await", "gi_frame": "gi_yieldfrom", "ag_frame": "ag_await"}

# The frames of these do not say in which line of the user's a task waits.
_OURS = ("portable._", "portable.asyncio_on_trio", "portable.clock")
_MACHINERY = ("anyio", "asyncio", "concurrent", "outcome", "threading", "trio", "uvloop")


def module(frame: FrameType) -> str:
    """Return the name of the module a frame's code stands in."""
    return str(frame.f_globals.get("__name__", ""))


def _chain(coro: object) -> Iterator[tuple[object, FrameType | None]]:
    """Yield the objects that await each other, outermost first, and the frame of each."""
    current: Any = coro
    while current is not None:
        for frame_name, next_name in _NEXT.items():
            if hasattr(current, frame_name):
                yield current, getattr(current, frame_name)
                current = getattr(current, next_name)
                break
        else:
            yield current, None
            current = _driven_by(current)


def await_frames(coro: object) -> Iterator[FrameType]:
    """Yield the frames of a suspended coroutine, outermost first."""
    return (frame for _, frame in _chain(coro) if frame is not None)


def innermost(coro: object) -> object:
    """Return the last object in the chain: the future or bare yield that is awaited."""
    *_, (last, _) = _chain(coro)
    return last


def _driven_by(opaque: object) -> object | None:
    for referent in gc.get_referents(opaque):
        if any(hasattr(referent, name) for name in _NEXT):
            return referent  # type: ignore[no-any-return]
    return None


def waits_in(coro: object, code: CodeType) -> bool:
    """Say whether a suspended coroutine waits somewhere below the function with that code."""
    return any(frame.f_code is code for frame in await_frames(coro))


def place(coro: object) -> str | None:
    """Return `file:line, in function` of the user's line at which a coroutine waits."""
    found = None
    for frame in await_frames(coro):
        name = module(frame)
        if not name.startswith(_OURS) and name.partition(".")[0] not in _MACHINERY:
            code = frame.f_code
            found = f"{code.co_filename}:{frame.f_lineno}, in {code.co_qualname}"
    return found
