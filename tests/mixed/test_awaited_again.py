"""A clean-up may await again what the scope of AnyIO's around it has cancelled."""

import asyncio

import anyio
import pytest

import portable


async def _await_again(awaited):
    """Return what a clean-up saw that awaits again, and whether the scope caught its own."""
    seen = []
    with anyio.move_on_after(1) as scope:
        try:
            await awaited
        finally:
            awaited.cancel()
            try:
                await awaited
            except asyncio.CancelledError:
                seen.append("cancelled")
                raise
    return seen, scope.cancelled_caught, portable.current_time()


async def in_a_task(kind):
    awaited = kind()
    return await asyncio.create_task(_await_again(awaited))


async def in_a_child(kind):
    found = []

    async def child():
        found.append(await _await_again(kind()))

    async with anyio.create_task_group() as group:
        group.start_soon(child)
    return found[0]


def a_future():
    return asyncio.get_running_loop().create_future()


def a_task():
    return asyncio.create_task(asyncio.sleep(10))


def a_shield():
    return asyncio.shield(a_task())


KINDS = [a_future, a_task, a_shield]


@pytest.mark.parametrize("where", [in_a_task, in_a_child], ids=lambda each: each.__name__)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_scope_catches_its_own(run, where, kind):
    """It raises the scope's cancellation again, on each backend, and not one of nobody's."""
    assert run(where, kind) == (["cancelled"], True, 1)


def test_after_the_scope(run):
    """Outside of the scope it raises what a cancelled future raises."""

    async def main():
        awaited = a_future()
        with anyio.move_on_after(1):
            await awaited
        with anyio.move_on_after(1) as scope, pytest.raises(asyncio.CancelledError):
            await awaited
        return scope.cancelled_caught, portable.current_time()

    assert run(main) == (False, 1)
