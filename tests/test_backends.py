"""The table of backends, and which one runs."""

import asyncio
import sys

import anyio
import anyio.to_thread
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


@pytest.mark.parametrize("name", [name for name in _backends.BACKENDS if name != "asyncio"])
def test_backends_are_extras(name):
    """The install command of each backend names an extra that the package has."""
    with open("pyproject.toml", encoding="utf-8") as file:
        project = file.read()
    command = _backends.BACKENDS[name].install_command
    assert command == f"pip install 'portable-tasks[{name}]'"
    assert f"\n{name} = [" in project


def test_current_backend_in_our_runs(backend):
    """It is the one that was asked for, in real and in virtual time."""

    async def main():
        task = asyncio.current_task()
        return portable.current_backend(), task is not None

    assert portable.run(main, backend=backend) == (backend, True)
    assert portable.run(main, backend=backend, virtual_time=True) == (backend, True)


def test_current_backend_and_time_in_anyios_runs(
    backend, anyio_backend_name, anyio_backend_options
):
    """current_backend() knows uvloop from asyncio, also when AnyIO started the loop."""

    async def main():
        return portable.current_backend(), portable.current_time() - anyio.current_time() < 1

    options = {"backend": anyio_backend_name, "backend_options": anyio_backend_options}
    assert anyio.run(main, **options) == (backend, True)


def test_current_backend_and_time_in_plain_tasks(run, backend):
    """A child of an AnyIO group, which on trio is no task of asyncio's, knows both."""
    seen = []

    async def child():
        await anyio.sleep(2)
        seen.append((portable.current_backend(), portable.current_time()))

    async def main():
        async with anyio.create_task_group() as group:
            group.start_soon(child)

    run(main)
    assert seen == [(backend, 2.0)]


def test_current_backend_and_time_of_a_loop_factory():
    """On the loop that `trio_loop()` makes it is trio."""
    pytest.importorskip("trio")

    async def main():
        loop = asyncio.get_running_loop()
        return portable.current_backend(), portable.current_time() - loop.time() < 1

    with asyncio.Runner(loop_factory=portable.trio_loop) as runner:
        assert runner.run(main()) == ("trio", True)


def test_current_backend_where_trio_is_a_guest():
    """In a task of the host's it is the host's, in a task of trio's trio."""
    trio = pytest.importorskip("trio")
    pytest.importorskip("trio.testing")
    seen = []

    async def in_trio():
        seen.append((portable.current_backend(), portable.current_time() == 0))

    async def main():
        host = asyncio.get_running_loop()
        over = host.create_future()
        trio.lowlevel.start_guest_run(
            in_trio,
            run_sync_soon_threadsafe=host.call_soon_threadsafe,
            done_callback=over.set_result,
            clock=trio.testing.MockClock(),
        )
        await asyncio.sleep(0)
        seen.append((portable.current_backend(), portable.current_time() == 0))
        (await over).unwrap()

    asyncio.run(main())
    assert sorted(seen) == [("asyncio", False), ("trio", True)]


@pytest.mark.parametrize("function", [portable.current_backend, portable.current_time])
def test_without_a_loop_they_say_what_to_do(run, function):
    """Outside of an event loop, and in a worker thread, the error shows the right call."""
    message = rf"{function.__name__}\(\) was called with no event loop .*portable\.run\(main\)"

    async def main():
        with pytest.raises(RuntimeError, match=message):
            await anyio.to_thread.run_sync(function)

    with pytest.raises(RuntimeError, match=message):
        function()
    run(main)
