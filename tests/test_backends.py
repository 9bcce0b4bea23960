"""The table of backends."""

import math
import sys

import anyio
import pytest

import portable
from portable import _backends


def test_the_known_backends():
    """There are three, and asyncio is always there."""
    assert list(_backends.BACKENDS) == ["asyncio", "uvloop", "trio"]
    assert _backends.installed_backends()[0] == "asyncio"


def test_a_blocked_import_counts_as_not_installed(monkeypatch):
    """A backend whose import is blocked is not offered."""
    monkeypatch.setitem(sys.modules, "trio", None)
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert _backends.installed_backends() == ("asyncio",)


def test_versions(backend):
    """Each installed backend tells its version; asyncio's is Python's."""
    expected = {"asyncio": ".".join(map(str, sys.version_info[:3]))}
    if backend != "asyncio":
        expected[backend] = __import__(backend).__version__
    assert _backends.BACKENDS[backend].version == expected[backend]


def test_current_backend(backend, anyio_backend_name, anyio_backend_options):
    """current_backend() knows uvloop from asyncio, also when AnyIO started the loop."""

    async def main():
        return portable.current_backend()

    assert portable.run(main, backend=backend) == backend
    assert (
        anyio.run(main, backend=anyio_backend_name, backend_options=anyio_backend_options)
        == backend
    )


def test_current_backend_without_a_loop():
    """Outside of an event loop the error says what to do."""
    with pytest.raises(RuntimeError, match=r"portable\.run\(main\)"):
        portable.current_backend()


def test_current_backend_in_a_worker_thread(run):
    """A worker thread has no backend of its own."""

    async def main():
        with pytest.raises(RuntimeError, match="no event loop"):
            await anyio.to_thread.run_sync(portable.current_backend)

    run(main)


def test_the_native_task_is_the_one_that_runs(run):
    """The backend's own task is the same within one task, another in another."""

    async def main():
        current = _backends.native_task_getter()

        async def other():
            return current()

        mine = current()
        await portable.sleep(0)
        assert current() is mine
        assert await portable.create_task(other()) is not mine

    run(main)


def test_on_tick(backend):
    """On uvloop a deadline is moved to the tick that its timer goes off at; it is kept exactly
    everywhere else, and in virtual time.
    """

    async def main():
        now = portable.current_time()
        moved = [_backends.on_tick(now + delay) - now for delay in (0.0052, 0.005, 3)]
        return moved, _backends.on_tick(math.inf), _backends.on_tick(-math.inf)

    exact = pytest.approx([0.0052, 0.005, 3], abs=1e-7)
    rounded = pytest.approx([0.006, 0.005, 3], abs=1e-7)
    expected = rounded if backend == "uvloop" else exact
    assert portable.run(main, backend=backend) == (expected, math.inf, -math.inf)
    assert portable.run(main, backend=backend, virtual_time=True) == (
        exact,
        math.inf,
        -math.inf,
    )
