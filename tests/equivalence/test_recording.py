"""Recordings: how a run ended, who wrote what, and what a recording refuses."""

import asyncio
import gc
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime

import anyio
import anyio.lowlevel
import anyio.to_process
import pytest

import portable
from portable._backends import BACKENDS
from portable.equivalence import (
    ExceptionShape,
    Program,
    Trace,
    record,
)

Main = Callable[[], Awaitable[object]]
Record = Callable[[Main], Trace]


def needs(backend: str) -> None:
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")


def seen(trace: Trace) -> list[tuple[float, str, str]]:
    return [(one.time, one.stream, one.text) for one in trace.observations]


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), GeneratorExit("x")])
def test_an_exception_is_an_outcome(on_all: Record, error: BaseException) -> None:
    """Whatever main raises is the outcome, at the time it was raised."""

    async def main() -> None:
        await anyio.sleep(1)
        raise error

    trace = on_all(main)
    assert trace.outcome.exception == ExceptionShape.of(error)
    assert trace.duration == 1.0
    assert trace.observations[-1].text == f"raised {ExceptionShape.of(error)}"


def test_a_deadlock_is_an_outcome(on_all: Record) -> None:
    """A program in which every task waits for ever ends, and clean-up is seen."""

    async def main() -> None:
        await anyio.sleep(1)
        try:
            await anyio.Event().wait()
        finally:
            print("clean-up")

    trace = on_all(main)
    assert seen(trace) == [
        (1.0, "stdout", "clean-up"),
        (1.0, "outcome", "raised DeadlockError()"),
    ]
    assert "test_recording.py" in trace.observations[-1].details[1]


def test_keyboard_interrupt_of_a_child_passes_through() -> None:
    """Ctrl-C is Ctrl-C also where trio wraps it in a group."""
    needs("trio")

    async def child() -> None:
        raise KeyboardInterrupt

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(child)

    with pytest.raises(KeyboardInterrupt):
        record(Program("p", main, "anyio"), "trio")


def test_the_collector_stays_off_if_it_was(on_asyncio: Record) -> None:
    """Garbage collection is off during a run, and afterwards as it was before."""

    async def main() -> bool:
        return gc.isenabled()

    gc.disable()
    try:
        assert on_asyncio(main).outcome.result == "False"
        assert not gc.isenabled()
    finally:
        gc.enable()
    assert on_asyncio(main).outcome.result == "False"
    assert gc.isenabled()


def test_garbage_of_before_is_not_the_programs(on_asyncio: Record) -> None:
    """What was garbage before the recording is not in the trace, but told outside of it."""

    async def forgotten() -> None: ...

    async def main() -> None: ...

    gc.collect()
    gc.disable()
    try:
        circle: list[object] = [forgotten()]
        circle.append(circle)
        del circle
        with warnings.catch_warnings(record=True, action="always") as caught:
            assert on_asyncio(main).lines("warning") == []
            gc.unfreeze()  # these tests have set their own heap aside
            gc.collect()
            gc.freeze()
        assert ["never awaited" in str(one.message) for one in caught] == [True]
    finally:
        gc.enable()


def test_tasks_left_running(on_all: Record) -> None:
    """Tasks that main leaves behind are counted, and their clean-up is still seen."""

    async def forever() -> None:
        try:
            await anyio.sleep(60)
        finally:
            print("ended")

    async def main() -> None:
        spawn(forever)
        await anyio.sleep(1)

    trace = on_all(main)
    assert trace.left_running == 1
    assert seen(trace)[0] == (1.0, "tasks", "1 left running when main ended")
    assert trace.lines("stdout") == ["ended"]


def spawn(function: Callable[[], Coroutine[object, object, None]]) -> None:
    """Start a task that no block owns, in the way the running program has for it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:  # a run of trio's without asyncio's loop
        import trio

        trio.lowlevel.spawn_system_task(function)
    else:
        _spawned.append(asyncio.create_task(function()))


_spawned: list[object] = []


@pytest.mark.slow
def test_a_process_pool_is_no_task(on_all: Record) -> None:
    """What ends AnyIO's pool of processes is AnyIO's own, and not left running."""

    async def main() -> None:
        print(await anyio.to_process.run_sync(abs, -1))

    assert on_all(main).lines("tasks") == []


def test_tasks_that_have_ended_are_not_left_running(on_all: Record) -> None:
    """A task that ended before main, or with it, is none that is left."""

    async def job() -> None:
        await anyio.sleep(1)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(job)
            await anyio.sleep(1)

    assert on_all(main).left_running == 0


def test_the_wall_clock_is_the_same(on_all: Record) -> None:
    """A printed timestamp is the same in every run, on every backend."""

    async def main() -> None:
        await anyio.sleep(90)
        print(datetime.now(UTC).isoformat(), time.time() - 946684800)

    assert on_all(main).lines("stdout") == ["2000-01-01T00:01:30+00:00 90.0"]


@pytest.mark.parametrize("backend", BACKENDS)
def test_task_names_begin_anew(backend: str) -> None:
    """asyncio's own names of tasks are those of a fresh process in every recording."""
    needs(backend)

    async def child() -> None: ...

    async def main() -> None:
        print(asyncio.current_task().get_name())  # type: ignore[union-attr]
        for name in (None, None, "mine"):
            print(asyncio.create_task(child(), name=name).get_name())

    for _ in range(2):
        trace = record(Program("names", main), backend)
        assert trace.lines("stdout") == ["Task-1", "Task-2", "Task-3", "mine"]


def test_task_names_begin_anew_in_runs_of_trio() -> None:
    """They do so, too, where the loop comes up in a run of trio's that the program starts."""
    needs("trio")

    async def main() -> None:
        async with portable.asyncio_loop():
            print(asyncio.create_task(asyncio.sleep(0)).get_name())

    for _ in range(2):
        assert record(Program("names", main, "anyio"), "trio").lines("stdout") == ["Task-1"]


def test_writers(on_all: Record) -> None:
    """Each line is known to come from one task or thread; a callback's from none."""

    async def job(name: str) -> None:
        print(name)
        await anyio.sleep(1)
        print(name)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(job, "a")
            await anyio.sleep(0)
            group.start_soon(job, "b")
        await anyio.to_thread.run_sync(print, "thread")
        print("main")

    trace = on_all(main)
    by_text: dict[str, set[int | None]] = {}
    for one in trace.observations:
        by_text.setdefault(one.text, set()).add(one.writer)
    assert len(set().union(*(by_text[text] for text in ("a", "b", "main", "thread")))) == 4
    assert [len(by_text[text]) for text in "ab"] == [1, 1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_callback_is_no_task(backend: str) -> None:
    """What a callback of the loop writes belongs to no task."""
    needs(backend)

    async def main() -> None:
        asyncio.get_running_loop().call_soon(print, "callback")
        await asyncio.sleep(1)

    trace = record(Program("p", main), backend)
    assert [one.writer for one in trace.observations] == [None, None]


def test_runs_do_not_differ(on_all: Record) -> None:
    """Two recordings of one program are equal, even after much garbage."""

    async def job(number: int) -> int:
        await anyio.sleep(number % 3)
        return number

    async def main() -> list[object]:
        async with anyio.create_task_group() as group:
            for number in range(300):
                group.start_soon(job, number)
        return [job, main, object()]

    assert on_all(main).observations == on_all(main).observations


ORDER: dict[str, tuple[Main, float | None]] = {}


def order_free_from(time: float | None) -> Callable[[Main], Main]:
    def keep(main: Main) -> Main:
        ORDER[main.__name__] = main, time  # type: ignore[attr-defined]
        return main

    return keep


@order_free_from(None)
async def asyncio_alone() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(asyncio.sleep(1))
    await asyncio.to_thread(print)


@order_free_from(2.0)
async def a_wait_of_trio() -> None:
    await asyncio.sleep(1)
    await anyio.sleep(1)


@order_free_from(1.0)
async def a_task_of_trio() -> None:
    await asyncio.sleep(1)
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 5)


@pytest.mark.parametrize("name", ORDER)
def test_when_trio_has_a_say(name: str) -> None:
    """A trace says since when the order is trio's too: never, with asyncio's names alone."""
    needs("trio")
    main, time = ORDER[name]
    assert record(Program(name, main), "trio").order_free_from == time
    assert record(Program(name, main), "asyncio").order_free_from is None


def test_in_a_run_of_trio_the_order_is_trios() -> None:
    """In a program that AnyIO starts on trio, all tasks are trio's own."""
    needs("trio")
    assert record(Program("p", anyio.lowlevel.checkpoint, "anyio"), "trio").order_free_from == 0


def test_errors_of_the_program_are_asyncios_on_trio() -> None:
    """What asyncio logs and raises is the same on trio: lost errors, cancellation, groups."""
    needs("trio")

    async def fail() -> None:
        raise ValueError("no")

    async def main() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(1)
        del task
        cancelled = asyncio.create_task(asyncio.sleep(5))
        await asyncio.sleep(1)
        cancelled.cancel("why")
        try:
            await cancelled
        except asyncio.CancelledError as error:
            print(repr(error))
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    right, found = (record(Program("p", main), backend) for backend in ("asyncio", "trio"))
    assert found.observations == right.observations
    assert found.lines("stdout") == ["CancelledError('why')"]


def test_unknown_backend() -> None:
    """A backend that does not exist is refused before anything runs."""

    async def main() -> None: ...

    with pytest.raises(portable.UnknownBackendError, match="known are: asyncio"):
        record(Program("p", main), "curio")


def test_record_needs_no_loop_around_it() -> None:
    """From async code it is refused, with what to do instead."""

    async def outer() -> None:
        record(Program("p", outer))

    with pytest.raises(RuntimeError, match="called from async code on asyncio"):
        anyio.run(outer)


def test_one_recording_at_a_time(on_asyncio: Record) -> None:
    """A second recording at the same time is refused, instead of mixing the two."""

    async def inner() -> None: ...

    async def outer() -> None:
        await asyncio.to_thread(record, Program("inner", inner))

    error = on_asyncio(outer).outcome.exception
    assert error is not None
    assert error.name == "RuntimeError"
    assert "another recording is under way" in error.args[0]


def test_a_missing_package_is_no_outcome(
    on_asyncio: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without time-machine the caller is told so, not the trace."""

    async def main() -> None: ...

    monkeypatch.setitem(sys.modules, "time_machine", None)
    with pytest.raises(portable.MissingDependencyError, match="portable-tasks"):
        on_asyncio(main)


def test_real_time_has_no_schedules() -> None:
    """A seed for real time is refused, as its order is not for anyone to choose."""
    with pytest.raises(ValueError, match="seed: the order of real time cannot be chosen"):
        record(Program("alone", asyncio_alone, "asyncio"), real_time=True, seed=1)
