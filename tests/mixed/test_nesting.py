"""AnyIO's scopes and groups around and inside asyncio's timeouts and groups, three deep.

Each program is three blocks in each other and a wait in the innermost. One of the blocks ends
at 1 second: a time limit by its time, a group by a child that fails. What comes out of that
block, and what the blocks around it make of it, is the same on each backend, but for T2.
"""

import asyncio
import sys
from contextlib import asynccontextmanager
from itertools import product

import anyio
import pytest

#: One block of each kind; asyncio's are `timeout` and `TaskGroup`.
KINDS = ("move_on_after", "fail_after", "anyio group", "timeout", "TaskGroup")
ASYNCIOS = {"timeout", "TaskGroup"}


class Oops(Exception):
    """What a child raises."""


class Block:
    """One block of a program.

    Attributes:
        kind: which.
        seconds: when its limit is over.
        fails: whether its child fails at 1 second, or returns half a second later.
        wait: what its child waits with.
        left: when it was left.
        child: what became of its child.
    """

    def __init__(self, kind, ends_after, wait):
        self.kind, self.wait = kind, wait
        self.fails = ends_after == 0
        self.seconds = 1 if self.fails else 2 + ends_after
        self.left = None
        self.child = "none"

    async def run_child(self):
        self.child = "runs"
        try:
            await self.wait(1 if self.fails else 1.5)
            if self.fails:
                raise Oops
        finally:
            self.child = "ended"

    @asynccontextmanager
    async def open(self):
        if self.kind == "move_on_after":
            with anyio.move_on_after(self.seconds):
                yield
        elif self.kind == "fail_after":
            with anyio.fail_after(self.seconds):
                yield
        elif self.kind == "timeout":
            async with asyncio.timeout(self.seconds):
                yield
        elif self.kind == "anyio group":
            async with anyio.create_task_group() as group:
                group.start_soon(self.run_child)
                yield
        else:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.run_child())
                yield


async def run_inside(blocks, wait, depth=0):
    """Open the blocks in each other and wait in the innermost."""
    if depth == len(blocks):
        await wait(9)
        return
    block = blocks[depth]
    try:
        async with block.open():
            await run_inside(blocks, wait, depth + 1)
    finally:
        block.left = asyncio.get_running_loop().time()


def kinds_of(error):
    """The class of an error; of a group, those of the errors in it."""
    if isinstance(error, BaseExceptionGroup):
        return sorted(kind for inner in error.exceptions for kind in kinds_of(inner))
    return [type(error).__name__]


def expected(kind):
    """What comes out of the outermost block, by what each kind of block promises."""
    if kind == "move_on_after":
        return []
    return ["TimeoutError"] if kind in ("fail_after", "timeout") else ["Oops"]


#: T2: asyncio's cancellation comes out of AnyIO's group in a group, which its block takes for
#: an error of the body.
THROUGH_A_GROUP = {"timeout": ["CancelledError"], "TaskGroup": ["CancelledError", "Oops"]}


def passes_a_group(kinds, first):
    """Whether asyncio's cancellation passes through a group of AnyIO's."""
    return kinds[first] in ASYNCIOS and "anyio group" in kinds[first + 1 :]


async def outcome(kinds, first, wait):
    """Run three blocks of which one ends first: what came out, and what was left behind."""
    blocks = [Block(kind, abs(place - first), wait) for place, kind in enumerate(kinds)]
    task = asyncio.create_task(run_inside(blocks, wait))
    await asyncio.wait([task])
    assert {block.left for block in blocks[first:]} == {1}
    assert {block.left for block in blocks} <= {1, 1.5}
    assert {block.child for block in blocks} <= {"none", "ended"}
    if task.cancelled():
        return ["cancelled"]
    error = task.exception()
    return [] if error is None else kinds_of(error)


@pytest.mark.slow_on_uvloop
@pytest.mark.parametrize("kinds", list(product(KINDS, repeat=3)), ids=" > ".join)
def test_three_deep(run, backend, kinds):
    """The block that ends first decides, whatever is around it and in it; no child is left."""

    async def main():
        rows = [(first, wait) for first in range(3) for wait in (asyncio.sleep, anyio.sleep)]
        outcomes = await asyncio.gather(*(outcome(kinds, *row) for row in rows))
        return zip(rows, outcomes, strict=True)

    for (first, _), out in run(main):
        if backend == "trio" and passes_a_group(kinds, first):
            assert out == THROUGH_A_GROUP[kinds[first]]
        else:
            assert out == expected(kinds[first])


@pytest.mark.parametrize("wait", [asyncio.sleep, anyio.sleep], ids=["asyncio's", "AnyIO's"])
def test_a_scope_around_a_group_of_asyncios(run, backend, wait):
    """Whatever its body waits for is cancelled, and its task is, too; nothing is wrapped.

    T2: on trio asyncio's group before Python 3.13 wraps each subclass of its CancelledError.
    """
    seen = []

    async def child():
        try:
            await wait(9)
        finally:
            seen.append("child ended")

    async def main():
        with anyio.CancelScope() as scope:
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(child())
                    await asyncio.sleep(1)
                    scope.cancel()
                    await wait(9)
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
            except BaseExceptionGroup as error:
                seen.append(kinds_of(error))
                raise
        return scope.cancelled_caught, seen

    wrapped = backend == "trio" and sys.version_info < (3, 13)
    assert run(main) == (True, ["child ended", ["ScopeCancelled"] if wrapped else "cancelled"])


def test_a_wait_that_begins_in_a_cancelled_scope(run):
    """It is cancelled, though what it waits for would end it in the same turn."""

    async def main():
        done = asyncio.get_running_loop().create_future()
        done.set_result("there")
        with anyio.CancelScope() as scope:
            scope.cancel()
            await asyncio.wait([done])
        return scope.cancelled_caught

    assert run(main)


@pytest.mark.parametrize("whose", ["a callback", "another task"])
def test_a_scope_that_is_cancelled_within_the_turn(run, whose):
    """A wait that would end in the same turn is cancelled none the less."""
    went_on = []

    async def main():
        with anyio.CancelScope() as scope:
            if whose == "a callback":
                asyncio.get_running_loop().call_soon(scope.cancel)
                await asyncio.sleep(0)
            else:

                async def cancel():
                    scope.cancel()

                await asyncio.create_task(cancel())
            went_on.append(whose)
        return went_on, scope.cancelled_caught

    assert run(main) == ([], True)
