"""Strategies that write programs: in asyncio's names alone, and in both languages.

What is not drawn in mixed programs, as AnyIO itself or asyncio has another meaning for it on
the other backend, or as a difference of portable's is declared:

- In plain tasks what asks for asyncio's current task (T5).
- `uncancel()` but for a cancellation that was swallowed, and a second `cancel()` before that:
  AnyIO on asyncio counts cancellations to know its own.
- Time limits of asyncio's of no time at all, and a task that cancels itself: they come in the
  midst of a checkpoint of AnyIO's that refuses to be given up (T3) or has its value already
  (T4).
- `asyncio.wait()` for no time, or for what is done: it is over within an iteration, and a scope
  that is cancelled already may let the first such wait pass.
- `Condition.wait()`: cancelled by a scope it waits for its lock, and AnyIO on asyncio cancels
  it again at each turn.
"""

from __future__ import annotations

import asyncio
import sys
from pprint import pformat
from typing import Any

from hypothesis import strategies as st

from . import anyio_statements as a
from . import statements as s

Blocks = st.SearchStrategy[s.Block]

_CAN_START_EAGERLY = sys.version_info >= (3, 12)
_slots = st.integers(0, 3)
_seconds = st.sampled_from([0, 0, 1, 1, 2, 3])
_limits = st.sampled_from([None, 0, 1, 1, 2, 2])
_some_time = st.sampled_from([None, 1, 1, 2, 2])
_messages = st.sampled_from([None, "a", "b"])
_two = st.integers(0, 1)
_three = st.integers(0, 2)
_until = st.sampled_from(
    [asyncio.ALL_COMPLETED, asyncio.FIRST_COMPLETED, asyncio.FIRST_EXCEPTION]
)
_kinds = st.sampled_from(list(s.KINDS))
_mixed_kinds = st.sampled_from(["cancelled", "cancelled", "oops", "exception", "timeout"])
_actions = st.builds(
    s.Action,
    st.sampled_from(["nothing", "event", "future", "cancel", "put", "raise", "spawn"]),
    _slots,
)


def _blocks(statements: st.SearchStrategy[Any], most: int = 5) -> Blocks:
    return st.lists(statements, max_size=most).map(tuple)


def _some(blocks: Blocks) -> st.SearchStrategy[tuple[s.Block, ...]]:
    return st.lists(blocks, min_size=1, max_size=3).map(tuple)


def _children(blocks: Blocks) -> st.SearchStrategy[tuple[tuple[int, s.Block], ...]]:
    return st.lists(st.tuples(_slots, blocks), max_size=3).map(tuple)


# What every kind of task may do, in either kind of program -----------------------------------

_common = [
    st.builds(s.Sleep, _seconds),
    st.builds(s.Sleep, _seconds),
    st.builds(s.Sleep, _seconds),
    st.builds(s.Cancel, _slots, _messages),
    st.builds(s.Cancel, _slots, _messages),
    st.builds(s.Await, _slots),
    st.builds(s.Wait, st.lists(_slots, min_size=1, max_size=3).map(tuple), _limits, _until),
    st.builds(s.Raise),
    st.builds(s.Put, _three),
    st.builds(s.Get, _three),
    st.builds(s.SetEvent, _two),
    st.builds(s.WaitEvent, _two),
    st.builds(s.AwaitFuture, _three),
    st.builds(s.EndFuture, _three, st.sampled_from(["result", "error", "cancel"])),
]
_alone = [
    *_common,
    st.builds(s.CancelSelf, _messages),
    st.builds(s.Uncancel, st.one_of(st.none(), _slots)),
    st.builds(s.TaskDone, _three),
    st.builds(s.Join, _three),
    st.builds(s.WaitCondition),
    st.builds(s.Notify, st.integers(1, 2)),
    st.builds(s.ClearEvent, _two),
    st.builds(s.WaitBarrier),
    st.builds(s.Call, _limits, _actions),
    st.builds(s.CallWhenDone, _slots, _actions),
    st.builds(s.Reschedule, _slots, _limits),
]
if hasattr(asyncio.Queue, "shutdown"):
    _alone.append(st.builds(s.ShutDown, _three, st.booleans()))


def _holding(
    blocks: Blocks, tasks: Blocks, kinds: st.SearchStrategy[str]
) -> list[st.SearchStrategy[Any]]:
    """Statements with blocks that need no current task of asyncio's."""
    return [
        st.builds(s.Spawn, _slots, tasks),
        st.builds(s.Spawn, _slots, tasks),
        st.builds(
            s.Gather,
            _some(tasks),
            st.lists(_slots, max_size=2).map(tuple),
            st.booleans(),
        ),
        st.builds(s.Try, blocks, kinds, blocks, st.booleans()),
        st.builds(s.Try, blocks, kinds, blocks, st.booleans()),
        st.builds(s.Finally, blocks, blocks),
        st.builds(s.Shield, _slots, st.one_of(st.none(), tasks)),
        st.builds(s.Supervise, _children(tasks), blocks),
        st.builds(s.Race, _some(tasks)),
    ]


def _of_a_task(
    blocks: Blocks, tasks: Blocks, limits: st.SearchStrategy[float | None]
) -> list[st.SearchStrategy[Any]]:
    """Statements with blocks that ask for asyncio's current task."""
    return [
        st.builds(s.WaitFor, st.one_of(tasks, _slots), limits),
        st.builds(s.Timeout, _slots, limits, blocks),
        st.builds(s.Timeout, _slots, limits, blocks),
        st.builds(s.Group, _children(tasks), blocks),
        st.builds(s.Group, _children(tasks), blocks),
    ]


def _write_alone(depth: int) -> Blocks:
    leaf = st.one_of(_alone)
    blocks = _blocks(leaf, 4)
    for _ in range(depth):
        locks = st.sampled_from(["lock", "semaphore", "condition"])
        blocks = _blocks(
            st.one_of(
                leaf,
                leaf,
                *_holding(blocks, blocks, _kinds),
                *_of_a_task(blocks, blocks, _limits),
                *([st.builds(s.SpawnEagerly, _slots, blocks)] if _CAN_START_EAGERLY else []),
                st.builds(s.AsCompleted, _some(blocks), _limits),
                st.builds(s.Generate, blocks, st.integers(0, 3), blocks, st.booleans()),
                st.builds(s.Locked, locks, blocks),
            )
        )
    return blocks


# Both languages ------------------------------------------------------------------------------

_anyio_waits = [
    st.builds(a.AnyioSleep, _seconds),
    st.builds(a.AnyioSleep, _seconds),
    st.builds(a.WaitAnyioEvent, _two),
    st.builds(a.Send, _two),
    st.builds(a.Receive, _two),
]
_anyio_calls = [
    st.builds(a.CancelScope, _slots),
    st.builds(a.CancelScope, _slots),
    st.builds(a.MoveDeadline, _slots, _seconds),
    st.builds(a.SetAnyioEvent, _two),
]


def _scope(blocks: Blocks) -> list[st.SearchStrategy[Any]]:
    either = st.booleans()
    return [
        st.builds(a.Scope, _slots, _limits, either, st.just(False), blocks),
        st.builds(a.Scope, _slots, _limits, either, either, blocks),
    ]


def _write_mixed(depth: int) -> Blocks:
    leaf = st.one_of(*_common, *_anyio_waits, *_anyio_calls)
    tasks = plain = _blocks(leaf, 4)
    locks = st.sampled_from(["lock", "semaphore", "anyio"])
    for _ in range(depth):
        children = st.lists(plain, max_size=3).map(tuple)
        in_plain = _blocks(
            st.one_of(
                leaf,
                leaf,
                *_holding(plain, tasks, _mixed_kinds),
                *_scope(plain),
                st.builds(a.AnyioGroup, _slots, children, plain),
                st.builds(s.Locked, locks, plain),
            )
        )
        tasks = _blocks(
            st.one_of(
                leaf,
                leaf,
                *_holding(tasks, tasks, _mixed_kinds),
                *_of_a_task(tasks, tasks, _some_time),
                *_scope(tasks),
                st.builds(a.AnyioGroup, _slots, children, tasks),
                st.builds(a.AnyioGroup, _slots, children, tasks),
                st.builds(s.Locked, locks, tasks),
            )
        )
        plain = in_plain
    return tasks


class Program:
    """A program, told in as few words as there are: Hypothesis would tell each part twice."""

    def __init__(self, block: s.Block) -> None:
        self.block = block

    def __repr__(self) -> str:
        return pformat(self.block)


@st.composite
def _programs(draw: st.DrawFn, blocks: Blocks) -> Program:
    return Program(draw(blocks))


#: Programs in asyncio's names alone.
alone = _programs(_write_alone(3))
#: Programs in asyncio's names and AnyIO's.
mixed = _programs(_write_mixed(3))
