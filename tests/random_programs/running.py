"""Running a program on a backend, and what is kept of the run.

asyncio itself leaves one order free: a `TaskGroup` cancels its children in the order of a set,
which hangs on the addresses of tasks. Tasks are numbered here, and hashed by that.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import itertools
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import pytest

import portable
from portable.clock import VirtualClock

from .world import World, by_scope

_ROUNDS = 20  # how often what swallows its cancellation is cancelled again at the end
_MANY = 100
_TURNS = (0, 0, 0, 1, 2, 3)

_numbers = itertools.count()


def _hash(task: Any) -> int:
    number: int = task.order_number
    return number


class NotComparable(SystemExit):
    """AnyIO on asyncio does in this program what it does on no other backend."""


class Numbered(asyncio.Task[Any]):
    """asyncio's task, with a number."""

    __hash__ = _hash

    def __init__(self, *args: Any, **options: Any) -> None:
        self.order_number = next(_numbers)
        super().__init__(*args, **options)


class Watched(Numbered):
    """Sees what AnyIO does to a task on asyncio and on no other backend.

    - If a cancellation of asyncio's and one of a scope meet in one task, AnyIO takes them for
      one, or does not let the scope catch its own.
    - AnyIO cancels what a task awaits again at each turn until it ends. A clean-up in there is
      cancelled at each of its awaits, or the clock never moves.
    """

    _nesting = 0
    refused = False
    own = passed_on = times = 0
    by_scope = False
    when = -1.0

    def cancel(self, msg: Any = None) -> bool:
        now = self.get_loop().time()
        if by_scope(msg):
            self.times = self.times + 1 if self.when == now else 1
            self.when = now
            if self.times > _MANY or (not self._nesting and self.own):
                self._refuse()
            if self._nesting:
                self.passed_on += 1
                if self.passed_on > 1:
                    self._refuse()
            self.by_scope = True
        else:
            if self.by_scope:
                self._refuse()
            self.own += 1
        Watched._nesting += 1
        try:
            return super().cancel(msg)
        finally:
            Watched._nesting -= 1

    def _refuse(self) -> None:
        # Whatever ends the run then: AnyIO, stopped in its midst, may leave a task waiting.
        Watched.refused = True
        raise NotComparable

    def uncancel(self) -> int:
        left = super().uncancel()
        if left == 0:
            self.own, self.by_scope = 0, False
        elif self.own:
            self.own -= 1
        return left


for _class in (Numbered, Watched):  # as asyncio's own in what a loop tells
    _class.__name__ = _class.__qualname__ = asyncio.Task.__name__


@functools.cache
def _class_on_trio() -> Any:
    async def find() -> type:
        return type(asyncio.current_task())

    found = portable.run(find, backend="trio")
    assert found is not asyncio.Task
    return found


@contextmanager
def _numbered_on_trio() -> Iterator[None]:
    """Number the tasks of a run on trio, too."""
    kind = _class_on_trio()
    init = kind.__init__

    def init_numbered(task: Any, *args: Any, **options: Any) -> None:
        task.order_number = next(_numbers)
        init(task, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "__init__", init_numbered)
        patch.setattr(kind, "__hash__", _hash)
        yield


def _delay_steps(loop: Any, lots: random.Random) -> None:
    """Let tasks take their steps some turns too late here and there."""
    call_soon = loop.call_soon

    def later(turns: int, *call: Any, context: Any) -> None:
        if turns:
            call_soon(partial(later, turns - 1, *call, context=context))
        else:
            call_soon(*call, context=context)

    def call_step_late(*call: Any, context: Any = None) -> Any:
        is_step = isinstance(getattr(call[0], "__self__", None), asyncio.Task)
        if is_step and (turns := lots.choice(_TURNS)):
            return call_soon(partial(later, turns - 1, *call, context=context))
        return call_soon(*call, context=context)

    loop.call_soon = call_step_late


async def _main(world: World, program: Any, make_task: Any, lots: random.Random | None) -> None:
    global _numbers
    world.open()
    if lots is not None:
        _delay_steps(world.loop, lots)
    _numbers = itertools.count(100)
    loop: Any = world.loop
    if make_task is None:
        world.make_eagerly = partial(loop.create_task, eager_start=True)
    else:
        world.make_eagerly = partial(make_task, loop=loop, eager_start=True)
        loop.set_task_factory(
            lambda loop, coro, **options: make_task(coro, loop=loop, **options)
        )
    root = asyncio.create_task(world.coro("m", program))
    world.keep(0, "m", root)
    await asyncio.wait([root], timeout=50)
    world.note("main", world.outcome(root))
    me = asyncio.current_task()
    for number in range(_ROUNDS):
        left: Any = [task for task in world.made.values() if not task.done()]
        if not world.mixed:
            left = sorted(asyncio.all_tasks() - {me}, key=_hash)
        if not left:
            break
        world.note("main", "ends what is left", len(left))
        for task in left:
            task.cancel(f"the end, {number}")
        await asyncio.wait(left, timeout=20)
    else:
        world.note("main", "immortal", len(left))
    outcomes = {label: world.outcome(task) for label, task in world.made.items()}
    world.note("main", sorted(outcomes.items()) if world.mixed else outcomes)
    world.close()


class Trace:
    """What is compared: what each task did, and what went wrong beside.

    Attributes:
        log: in order, or by task.
        told: what the loop's exception handler was told.
        unraisable: what no code could catch, coroutines that nobody awaited among it.
    """

    def __init__(self, world: World, unraisable: list[str]) -> None:
        self.log: Any = world.log
        if world.mixed:
            by_task = defaultdict(list)
            for who, when, *what in world.log:
                by_task[who].append((round(when, 9), *what))
            self.log = dict(sorted(by_task.items()))
        else:
            self.log = _without_the_order_of_a_set(world.log)
        self.told = sorted(world.told, key=repr)
        self.unraisable = unraisable

    @property
    def hangs(self) -> bool:
        """Whether a task waited for ever."""
        return "'pending'" in str(self)

    def __eq__(self, other: object) -> bool:
        return vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        lines = self.log
        if isinstance(lines, dict):
            lines = [(who, *entry) for who, log in lines.items() for entry in log]
        return "\n".join(map(repr, [*lines, *self.told, *self.unraisable]))


def _without_the_order_of_a_set(log: list[Any]) -> list[Any]:
    """Sort what asyncio itself does in a set's order: close the generators that are left."""
    places = [place for place, entry in enumerate(log) if "the generator" in str(entry[-1])]
    entries = sorted(
        (log[place] for place in places), key=lambda entry: (entry[1], entry[-1], entry)
    )
    log = list(log)
    for place, entry in zip(places, entries, strict=True):
        log[place] = entry
    return log


def trace(program: Any, backend: str, *, mixed: bool, seed: int | None = None) -> Trace:
    """Run a program.

    Args:
        program: its statements.
        backend: where to run it.
        mixed: whether AnyIO's statements are among them.
        seed: on trio the lots of its scheduler; on asyncio the schedule, and by how many
            turns steps are late. `None`: asyncio's own order.

    Raises:
        NotComparable: see `Watched`.

    What was cancelled in vain till the end may hold the run up on trio alone: asyncio.run()
    cancels AnyIO's children, too, which are its tasks on asyncio; a child of trio's that is
    shielded and waits for ever is nobody's to end, in trio.run() neither.
    """
    with _collected_here() as unraisable:
        seen, leaves = _run(program, backend, mixed, seed, unraisable)
        if leaves:
            # Tasks that wait for the world's objects were left with it. They are collected
            # now, and what they say of a loop that is closed is no part of any trace.
            gc.collect()
    if seen is None:
        raise NotComparable
    return seen


def _run(
    program: Any,
    backend: str,
    mixed: bool,
    seed: int | None,
    unraisable: list[str],
) -> tuple[Trace | None, bool]:
    """Run a program; return its trace, and whether tasks that have not ended may be left."""
    lots = None if seed is None or backend == "trio" else random.Random(seed)
    world = World(program, mixed=mixed)
    restore = _seed_trio(seed or 0)
    make = None if backend == "trio" else Watched if mixed else Numbered
    clock = VirtualClock(start=None, seed=None if lots is None else seed)
    Watched.refused = False
    try:
        with _numbered_on_trio() if backend == "trio" else nullcontext():
            portable.run(_main, world, program, make, lots, backend=backend, virtual_time=clock)
    except NotComparable:
        pass
    except Exception as error:
        if not (isinstance(error, portable.DeadlockError) and world.is_immortal()):
            world.log.append(("the run", -1, world.describe(error)))
    finally:
        restore()
        world.close()
        gc.collect(1)
    if Watched.refused:
        return None, True
    return Trace(world, unraisable.copy()), world.is_immortal()


@contextmanager
def _collected_here() -> Iterator[list[str]]:
    """Collect nothing in the block by itself; list what no code could catch.

    When the collector comes by itself is no matter of the loop's.
    """
    unraisable: list[str] = []
    hook, sys.unraisablehook = (
        sys.unraisablehook,
        lambda args: unraisable.append(f"{args.exc_type.__name__}: {args.exc_value}"),
    )
    gc.disable()
    try:
        yield unraisable
    finally:
        gc.enable()
        sys.unraisablehook = hook


def _seed_trio(seed: int) -> Callable[[], None]:
    """Let trio's scheduler draw its own lots by a seed; return what makes it as it was."""
    from trio._core import _run

    scheduler: Any = _run
    before = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r.getstate()
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True
    scheduler._r.seed(seed)

    def restore() -> None:
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING = before[0]
        scheduler._r.setstate(before[1])

    return restore
