"""The loop in runs of trio's that somebody else started: it comes up and goes with them."""

import asyncio
import gc
import signal
import sys
import threading

import anyio
import anyio.from_thread
import pytest
import trio
import trio.lowlevel
import trio.testing

import portable
from portable.asyncio_on_trio import EventLoop, bring_up, current_loop, open_loop

STARTERS = {
    "trio.run": trio.run,
    "anyio.run": lambda main, *args: anyio.run(main, *args, backend="trio"),
    "trio.run with MockClock": lambda main, *args: trio.run(
        main, *args, clock=trio.testing.MockClock(autojump_threshold=0)
    ),
    "guest of nothing": lambda main, *args: _as_guest(main, *args),
}
starters = pytest.mark.parametrize("start", STARTERS.values(), ids=STARTERS.keys())


def _as_guest(main, *args):
    """Run trio as the guest of a host that has no asyncio loop of its own (a GUI, say)."""
    import queue

    steps, ended = queue.SimpleQueue(), []
    trio.lowlevel.start_guest_run(
        main, *args, run_sync_soon_threadsafe=steps.put, done_callback=ended.append
    )
    while not ended:
        steps.get()()
    return ended[0].unwrap()


async def both(result):
    await asyncio.sleep(0.001)
    await trio.sleep(0.001)
    return result


@starters
def test_the_first_use_brings_it_up(start):
    """Whoever started trio: a name of portable's is all it takes, and nothing stays after."""

    async def main():
        assert current_loop() is None
        task = portable.create_task(both("result"))
        assert current_loop() is asyncio.get_running_loop()
        return await task

    for _ in range(2):
        assert start(main) == "result"
        assert asyncio._get_running_loop() is None


@starters
def test_a_block_brings_it_up_and_down(start):
    """After the block there is no loop; a second block makes another one."""

    async def main():
        loops = []
        for _ in range(2):
            async with portable.asyncio_loop() as loop:
                loops.append(loop)
                assert current_loop() is loop
                assert await asyncio.gather(both(1), both(2)) == [1, 2]
            assert current_loop() is None
            assert asyncio._get_running_loop() is None
        return loops[0] is not loops[1], [loop.is_closed() for loop in loops]

    assert start(main) == (True, [True, True])


@starters
def test_what_is_left_at_the_end_of_the_run(start):
    """Tasks are cancelled and awaited, generators closed, as asyncio.run() does at its end."""
    seen = []

    async def job():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0.001)
            await trio.sleep(0.001)
            seen.append("task")

    async def numbers():
        try:
            yield 1
        finally:
            await asyncio.sleep(0.001)
            seen.append("generator")

    async def main():
        tasks.append(portable.create_task(job()))
        generators.append(numbers())
        await asyncio.create_task(begin())
        await asyncio.sleep(0.001)

    async def begin():
        await anext(generators[0])

    tasks, generators = [], []
    start(main)
    assert seen == ["task", "generator"]
    assert tasks[0].cancelled()


@starters
@pytest.mark.parametrize("kind", [LookupError, SystemExit, KeyboardInterrupt])
def test_a_run_that_fails(start, kind):
    """What the foreign main raises comes out as it is; what is left has ended."""
    error = kind("main")

    async def main():
        tasks.append(portable.create_task(asyncio.sleep(3600)))
        await asyncio.sleep(0.001)
        raise error

    tasks = []
    with pytest.raises(kind) as caught:
        start(main)
    assert caught.value is error
    assert tasks[0].cancelled()
    assert asyncio._get_running_loop() is None


def test_a_cancelled_block():
    """A scope that is cancelled around the block does not keep its tasks from ending."""
    seen = []

    async def job():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(1)
            seen.append(trio.current_time())

    async def main():
        start = trio.current_time()
        with trio.move_on_after(1) as scope:
            async with portable.asyncio_loop():
                asyncio.create_task(job())
                await trio.sleep_forever()
        return scope.cancelled_caught, trio.current_time() - start

    clock = trio.testing.MockClock(autojump_threshold=0)
    assert trio.run(main, clock=clock) == (True, 2)
    assert len(seen) == 1


def test_a_scope_does_not_reach_the_loops_tasks():
    """A task belongs to the loop, not to the scope it was created in, as with asyncio."""

    async def main():
        async with portable.asyncio_loop():
            with trio.CancelScope() as scope:
                task = asyncio.create_task(both("not cancelled"))
                await trio.sleep(0)
                scope.cancel()
            return await task

    assert trio.run(main) == "not cancelled"


def test_nested_blocks_are_one():
    """Only the outermost block brings the loop up and down."""

    async def main():
        async with open_loop() as outer:
            async with open_loop() as inner, portable.asyncio_loop() as another:
                task = asyncio.create_task(asyncio.sleep(3600))
            await trio.sleep(0)
            return inner is outer is another is bring_up(), task.done()

    assert trio.run(main) == (True, False)


def test_a_block_after_the_first_use():
    """Where a name has brought the loop up, a block leaves it up: it lasts with the run."""

    async def main():
        loop = portable.get_running_loop()
        async with portable.asyncio_loop() as inside:
            task = asyncio.create_task(both("goes on"))
        return inside is loop is current_loop(), await task

    assert trio.run(main) == (True, "goes on")


@starters
def test_a_block_in_a_system_task(start):
    """It and trio's main task may end in either order; what is left cleans up all the same."""

    async def linger():
        try:
            await asyncio.sleep(3600)
        finally:
            ended.append(await both("cleaned up"))

    async def serve():
        async with open_loop():
            task = asyncio.create_task(linger())
            await trio.sleep_forever()
            assert not task

    async def main():
        trio.lowlevel.spawn_system_task(serve)
        await trio.testing.wait_all_tasks_blocked()

    ended = []
    for _ in range(5):  # trio's order is free
        start(main)
    gc.collect()
    assert ended == 5 * ["cleaned up"]


def test_outside_of_trio():
    """There is no loop to bring up, and none is current."""
    with pytest.raises(RuntimeError):
        bring_up()
    with pytest.raises(RuntimeError):
        current_loop()


def test_trio_as_a_guest_of_asyncio():
    """There asyncio's names mean the host's loop, and the error says so."""
    seen = []

    async def in_trio():
        await trio.sleep(0)
        assert portable.gather is asyncio.gather
        try:
            bring_up()
        except RuntimeError as error:
            seen.append(str(error))
        seen.append(asyncio.get_running_loop() is host)

    async def main():
        nonlocal host
        host = asyncio.get_running_loop()
        over = host.create_future()
        trio.lowlevel.start_guest_run(
            in_trio,
            run_sync_soon_threadsafe=host.call_soon_threadsafe,
            done_callback=over.set_result,
        )
        (await over).unwrap()

    host = None
    asyncio.run(main())
    assert "guest" in seen[0]
    assert seen[1] is True


def test_two_threads_have_two_loops():
    """Each run of trio's has its own."""
    import threading

    async def main():
        loop = portable.get_running_loop()
        await both(None)
        return loop

    loops = []
    threads = [threading.Thread(target=lambda: loops.append(trio.run(main))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(loops)) == 3


def test_a_blocking_portal():
    """AnyIO's portal on trio runs functions that use asyncio's names, one after the other."""

    async def job(number):
        return await portable.gather(both(number), portable.create_task(both(number + 1)))

    def names():
        return portable.get_running_loop() is not None

    with anyio.from_thread.start_blocking_portal("trio") as portal:
        assert portal.call(job, 1) == [1, 2]
        assert portal.call(names)
        assert portal.call(job, 3) == [3, 4]
        future = portal.start_task_soon(job, 5)
        assert future.result() == [5, 6]


def test_nothing_is_left_of_it():
    """Loop and tasks of a run that is over can be collected, and asyncio is as it was."""
    import asyncio.tasks
    import weakref

    before = dict(vars(asyncio.tasks)), sys.get_asyncgen_hooks()

    async def main():
        await portable.create_task(both(None))
        return weakref.ref(asyncio.get_running_loop())

    gone = trio.run(main)
    gc.collect()
    assert gone() is None
    assert (dict(vars(asyncio.tasks)), sys.get_asyncgen_hooks()) == before


def test_an_asgi_like_server():
    """Requests are children of a nursery; what one of them starts outlives it."""
    seen = []

    async def background():
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append("background ends")

    async def request(number):
        if not number:
            portable.create_task(background())
        seen.append(await portable.gather(both(number), both(number)))

    async def server(*, task_status=trio.TASK_STATUS_IGNORED):
        async with trio.open_nursery() as nursery:
            task_status.started()
            for number in range(3):
                nursery.start_soon(request, number)

    async def main():
        async with trio.open_nursery() as nursery:
            await nursery.start(server)

    trio.run(main)
    assert sorted(map(str, seen[:3])) == ["[0, 0]", "[1, 1]", "[2, 2]"]
    assert seen[3:] == ["background ends"]


@pytest.mark.parametrize(("method", "args"), [("call_soon", []), ("call_at", [0])])
def test_what_a_loop_has_to_do_when_it_opens(method, args):
    """Whoever makes it may have set callbacks and timers: they run though nothing else does."""
    seen = []

    def make():
        loop = EventLoop()
        getattr(loop, method)(*args, seen.append, "called")
        return loop

    async def main():
        async with open_loop(make):
            await trio.sleep(1)
            return list(seen)

    assert trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)) == ["called"]


@trio.lowlevel.enable_ki_protection
def interrupt():
    """Send SIGINT where nothing may be raised at once, as when everything waits."""
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_while_the_block_ends():
    """What still cleans up is left then, and the run ends."""

    async def linger():
        try:
            await asyncio.sleep(3600)
        finally:
            asyncio.get_running_loop().call_soon(interrupt)
            await asyncio.sleep(3600)

    async def main():
        async with portable.asyncio_loop():
            asyncio.create_task(linger())
            await trio.testing.wait_all_tasks_blocked()

    with pytest.raises(KeyboardInterrupt):
        trio.run(main)
    gc.collect()  # asyncio tells of the task that is destroyed


@pytest.mark.parametrize(
    ("wait", "ends_with"),
    [
        pytest.param(trio.sleep_forever, [asyncio.CancelledError], id="trio's"),
        pytest.param(lambda: asyncio.sleep(3600), [], id="asyncio's"),
    ],
)
def test_what_cleans_up_as_the_end_is_broken_off(run, wait, ends_with):
    """Who waits for asyncio's is left, as by asyncio; trio cancels who waits there."""

    async def linger():
        try:
            await asyncio.sleep(3600)
        finally:
            asyncio.get_running_loop().call_soon(sys.exit, 3)
            try:
                await wait()
            except BaseException as error:
                seen.append(type(error))
                raise

    async def main():
        asyncio.create_task(linger())
        await asyncio.sleep(0)

    seen = []
    with pytest.raises(SystemExit):
        run(main)
    assert seen == ends_with
    gc.collect()  # asyncio tells of the task that is destroyed


def test_what_is_left_ends_before_the_loop_does(logged):
    """A wait in trio that cannot be given up has the loop when it ends."""

    async def linger():
        try:
            await trio.to_thread.run_sync(interrupt_and_wait)
        finally:
            seen.append(asyncio.get_running_loop().is_closed())

    def interrupt_and_wait():
        ends.wait()
        idle = trio.testing.wait_all_tasks_blocked
        trio.from_thread.run(idle, trio_token=token)
        trio.from_thread.run_sync(interrupt, trio_token=token)
        trio.from_thread.run(idle, trio_token=token)

    async def main():
        nonlocal token
        token = trio.lowlevel.current_trio_token()
        asyncio.create_task(linger())
        await trio.testing.wait_all_tasks_blocked()
        asyncio.get_running_loop().call_soon(ends.set)

    token, ends, seen = None, threading.Event(), []
    with pytest.raises(KeyboardInterrupt):
        portable.run(main, backend="trio")
    assert (seen, logged()) == ([False], [])


def broken(loop, coro, **options):
    coro.close()
    raise LookupError("factory")


def test_a_task_factory_that_fails(backend):
    """The loop ends all the same; run() raises its error, as asyncio.run() does."""

    async def main():
        asyncio.get_running_loop().set_task_factory(broken)

    with pytest.raises(LookupError, match="factory"):
        portable.run(main, backend=backend)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
@pytest.mark.parametrize("where", ["task", "handler", "generator"])
def test_an_exit_asked_for_while_the_run_ends(backend, error, where):
    """The run ends with it at once, whatever still cleans up."""

    async def numbers():
        try:
            yield
        finally:
            raise error("exit")

    def handle(loop, context):
        raise error("exit")

    async def left():
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError if where == "handler" else error("exit")

    async def stubborn():
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(3600)

    async def main():
        if where == "generator":
            keep.append(numbers())
            await anext(keep[0])
            return
        if where == "handler":
            asyncio.get_running_loop().set_exception_handler(handle)
        else:
            asyncio.create_task(stubborn())
        asyncio.create_task(left())
        await asyncio.sleep(0)

    keep = []
    with pytest.raises(error, match="exit"):
        portable.run(main, backend=backend)
    gc.collect()
    assert portable.run(both, "free", backend="trio") == "free"


def test_a_task_that_cannot_be_cancelled_when_the_run_ends(backend):
    """The error of its future's cancel() ends the run, as on asyncio."""

    class Stubborn(asyncio.Future):
        def cancel(self, msg=None):
            raise LookupError("stubborn")

    async def left():
        await Stubborn()

    async def main():
        asyncio.create_task(left())
        await asyncio.sleep(0)

    with pytest.raises(LookupError, match="stubborn"):
        portable.run(main, backend=backend)
    gc.collect()


def test_the_end_of_a_run_is_no_task_among_those_that_are_left(backend):
    """A clean-up that cancels and awaits all other tasks meets the program's alone."""
    seen = []

    async def left():
        try:
            await asyncio.sleep(3600)
        finally:
            seen.append(asyncio.all_tasks() - {asyncio.current_task()})

    async def main():
        asyncio.create_task(left())
        await asyncio.sleep(0)

    portable.run(main, backend=backend)
    assert seen == [set()]


def test_a_generator_that_cancels_the_end_of_a_run(backend):
    """The cancellation comes out of the run, as on asyncio, and does not pass for a success."""

    async def numbers():
        try:
            yield
        finally:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await asyncio.sleep(0)

    async def main():
        keep.append(numbers())
        await anext(keep[0])

    keep = []
    with pytest.raises(asyncio.CancelledError):
        portable.run(main, backend=backend)


def test_a_loop_that_is_stopped_while_the_run_ends(backend):
    """It is asyncio's error, though the main task has a result."""

    async def left():
        try:
            await asyncio.sleep(3600)
        finally:
            asyncio.get_running_loop().stop()
            await asyncio.sleep(3600)

    async def main():
        asyncio.create_task(left())
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="Event loop stopped before Future completed"):
        portable.run(main, backend=backend)
    gc.collect()


@pytest.mark.parametrize("when", ["in the block", "while it ends", "later"])
@starters
def test_an_exception_handler_that_asks_for_an_exit(start, when, logged):
    """It cannot end somebody else's run: both errors are logged, and the loop goes on."""

    def handle(loop, context):
        raise SystemExit("handler")

    async def left():
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("left")

    async def main():
        if when == "later":
            bring_up()  # it ends with the run, not with the block
        async with open_loop() as loop:
            loop.set_exception_handler(handle)
            if when == "in the block":
                loop.call_soon(lambda: 1 / 0)
                assert await both("goes on") == "goes on"
            else:
                asyncio.create_task(left())
                await both(None)

    start(main)
    assert "Unhandled error in exception handler" in logged()
    assert any("trio" in line for line in logged())  # what portable itself tells of
