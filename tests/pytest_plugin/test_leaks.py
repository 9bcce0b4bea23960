"""`no_leaks`: a test that leaves tasks, threads or coroutines behind fails."""

import textwrap

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

HEAD = """
import asyncio, threading
import anyio
import pytest
import trio

kept = []

async def job():
    await anyio.sleep(3600)

def spawn(backend, function):
    if backend == "trio":
        return trio.lowlevel.spawn_system_task(function, name="left over")
    task = asyncio.get_running_loop().create_task(function(), name="left over")
    kept.append(task)
    return task
"""


@pytest.fixture
def suite(pytester):
    """Make a project of one module; return a function that runs it on all the backends."""

    def run(code, *args, option="--anyio-backends"):
        pytester.makepyfile(test_it=HEAD + textwrap.dedent(code))
        return pytester.runpytest(*filter(None, [option]), *args, "-rA")

    return run


def test_a_task_that_is_left(suite):
    """The failure names the task and the line that started it, and only the project's lines."""
    result = suite("""
        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_it(anyio_backend):
            spawn(anyio_backend, job)
    """)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        [
            "left behind by the test:",
            "task 'left over', started at",
            '  File "*test_it.py", line *, in test_it',
            "    spawn(anyio_backend, job)",
            '  File "*test_it.py", line *, in spawn',
        ]
        * 3
    )
    result.stdout.no_fnmatch_line('  File "*_pytest*')
    result.stdout.no_fnmatch_line('  File "*pytest", line*')
    result.stdout.no_fnmatch_line('  File "*outcome*')
    result.stdout.no_fnmatch_line("All traceback entries are hidden*")


def test_each_of_several_tasks(suite):
    """Tasks that share a name, or were given none, are told one by one, the first first."""
    result = suite(
        """
        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_it(anyio_backend):
            if anyio_backend == "trio":
                trio.lowlevel.spawn_system_task(job)
                trio.lowlevel.spawn_system_task(job)
            else:
                kept.append(asyncio.ensure_future(job()))
                kept.append(asyncio.ensure_future(job()))
        """
    )
    result.assert_outcomes(failed=3)
    told = [line for line in result.outlines if line.startswith("task ")]
    assert len(told) == 6
    assert "task 'None', started at" not in told
    calls = [line.strip() for line in result.outlines if "ensure_future(job())" in line]
    assert len(calls) == 4


@pytest.mark.parametrize(
    ("mark", "ini", "outcome"),
    [
        ("", "", "passed"),
        ("", "no_leaks = true", "failed"),
        ("@pytest.mark.no_leaks", "", "failed"),
        ("@pytest.mark.no_leaks(False)", "no_leaks = true", "passed"),
    ],
)
@pytest.mark.parametrize("option", ["--anyio-backends=asyncio,trio", None])
def test_who_is_looked_at(suite, pytester, mark, ini, outcome, option):
    """Only marked tests are looked at, or with the ini setting all that do not opt out."""
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = suite(
        f"""
        @pytest.mark.anyio
        {mark}
        async def test_it(anyio_backend):
            spawn(anyio_backend, job)
        """,
        option=option,
    )
    result.assert_outcomes(**{outcome: 2})


def test_tasks_that_are_not_left(suite):
    """Tasks that ended count as little as those that were about to, or began before."""
    result = suite("""
        pytestmark = [pytest.mark.anyio, pytest.mark.no_leaks]

        @pytest.fixture
        async def home(anyio_backend):
            spawn(anyio_backend, job)
            yield

        async def test_ended():
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 0.001)

        async def test_about_to_end(anyio_backend):
            spawn(anyio_backend, anyio.lowlevel.checkpoint)

        async def test_a_fixtures_task(home):
            await anyio.sleep(0.001)

        async def test_with_threads():
            await anyio.to_thread.run_sync(threading.get_ident)
    """)
    result.assert_outcomes(passed=12)


def test_portables_own_tasks(suite):
    """A task that `create_task()` made and nobody awaited is left behind as well."""
    result = suite("""
        import portable

        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_it():
            portable.create_task(job(), name="forgotten")
            await anyio.sleep(0.001)
    """)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(
        ["task 'forgotten', started at", "*in test_it", "    portable.create_task(job(), *"] * 3
    )


def test_asyncios_tasks(suite):
    """asyncio's tasks are found on trio as well, and what runs them there is none."""
    result = suite("""
        async def child():
            kept.append(asyncio.create_task(job(), name="second"))
            await asyncio.sleep(0)

        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_left():
            kept.append(asyncio.create_task(job(), name="first"))
            await asyncio.create_task(child())

        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_clean():
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(asyncio.sleep(0))
            await asyncio.gather(*(anyio.sleep(0) for _ in range(20)))
            await asyncio.to_thread(len, "")
    """)
    result.assert_outcomes(failed=3, passed=3)
    result.stdout.fnmatch_lines(
        [
            "task 'first', started at",
            "*in test_left",
            "task 'second', started at",
            "*in child",
            '    kept.append(asyncio.create_task(job(), name="second"))',
        ]
        * 3
    )


@pytest.mark.parametrize("head", ["@pytest.mark.anyio\nasync def", "def"])
def test_a_thread_that_is_left(suite, head):
    """A thread that runs on is found, in tests of any kind, with the line that started it."""
    result = suite(
        f"""
stop = threading.Event()

@pytest.mark.no_leaks
{head} test_it():
    threading.Thread(target=stop.wait, name="forgotten").start()

def test_after():
    stop.set()
"""
    )
    result.assert_outcomes(failed=3 if "async" in head else 1, passed=1)
    result.stdout.fnmatch_lines(
        ["thread 'forgotten', started at", "  File *test_it.py*", "    threading.Thread(*"]
    )


def test_a_call_in_a_thread_that_is_left(suite):
    """A call in a worker thread that a test abandoned is found; an idle worker is not."""
    result = suite("""
        began, stop = threading.Event(), threading.Event()

        def work():
            began.set()
            stop.wait()

        async def call():
            await anyio.to_thread.run_sync(work, abandon_on_cancel=True)

        @pytest.fixture(scope="module")
        async def home():
            yield

        @pytest.fixture
        def stopped():
            began.clear()
            yield
            stop.set()

        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_idle(home):
            await anyio.to_thread.run_sync(threading.get_ident)
            stop.clear()

        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_busy(home, stopped):
            async with anyio.create_task_group() as group:
                group.start_soon(call)
                while not began.is_set():
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()
    """)
    result.assert_outcomes(passed=3, failed=3)
    result.stdout.fnmatch_lines(["thread '*', still at work at", "*threading.py*wait"] * 3)


def test_work_that_began_before(suite):
    """Threads of a pool that are at work when the test begins are not the test's."""
    result = suite("""
        from concurrent.futures import ThreadPoolExecutor

        @pytest.fixture
        def busy():
            stop = threading.Event()
            with ThreadPoolExecutor() as pool:
                pool.submit(stop.wait)
                yield
                stop.set()

        @pytest.mark.no_leaks
        def test_it(busy):
            pass
    """)
    result.assert_outcomes(passed=1)


def test_an_idle_executor(suite):
    """The threads of asyncio's own executor may wait for work."""
    result = suite(
        """
        @pytest.fixture(scope="module")
        async def home():
            yield

        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_it(home):
            await asyncio.to_thread(threading.get_ident)
        """,
        option="--anyio-backends=asyncio,uvloop",
    )
    result.assert_outcomes(passed=2)


@pytest.mark.parametrize("head", ["@pytest.mark.anyio\nasync def", "def"])
@pytest.mark.parametrize("line", ["job()", "kept.append(job())"], ids=["dropped", "held"])
@pytest.mark.parametrize("filters", ["error", "default"])
def test_a_coroutine_that_nobody_awaited(suite, head, line, filters):
    """It is found whether it is gone or still held, with the line that made it."""
    result = suite(
        f"""
@pytest.mark.no_leaks
{head} test_it():
    {line}
""",
        f"-W{filters}",
    )
    result.assert_outcomes(failed=3 if "async" in head else 1)
    result.stdout.fnmatch_lines(
        [
            "coroutine 'job' was never awaited, made at",
            "*test_it.py*, in test_it",
            f"    {line}",
        ]
    )
    result.stdout.no_fnmatch_line("*RuntimeWarning*")


def test_other_warnings_are_left_alone(suite):
    """Warnings of another kind go where they would go."""
    code = """
        import warnings

        @pytest.mark.no_leaks
        def test_it():
            warnings.warn("look here", UserWarning, stacklevel=1)
    """
    result = suite(code, "-Wdefault")
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(["*UserWarning: look here"])
    suite(code, "-Werror").assert_outcomes(failed=1)


def test_a_failing_test_keeps_its_own_failure(suite):
    """What a failing test leaves is not added to its failure."""
    result = suite("""
        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_it(anyio_backend):
            spawn(anyio_backend, job)
            assert not kept
            assert anyio_backend != "trio"
    """)
    result.assert_outcomes(failed=3)
    result.stdout.no_fnmatch_line("*left behind*")


def test_nothing_stays_changed(suite):
    """After the test tasks, threads and coroutines are made as before."""
    result = suite("""
        import sys, warnings

        def state():
            return threading.Thread.start, sys.get_coroutine_origin_tracking_depth()

        before = state()

        @pytest.fixture(scope="module")
        async def home():
            yield

        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_it(home):
            assert state() != before

        @pytest.mark.anyio
        async def test_after(home, anyio_backend):
            assert state() == before
            if anyio_backend != "trio":
                assert asyncio.get_running_loop().get_task_factory() is None
    """)
    result.assert_outcomes(passed=6)


def test_in_virtual_time(suite):
    """To look for leaks moves no time."""
    result = suite("""
        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_it(virtual_clock):
            await anyio.sleep(3600)

        @pytest.mark.anyio
        @pytest.mark.no_leaks
        async def test_left(virtual_clock, anyio_backend):
            spawn(anyio_backend, job)
    """)
    result.assert_outcomes(passed=3, failed=3)


def test_what_was_there_before_is_not_walked_through(suite):
    """What a session has piled up is set aside in a test; what was frozen before stays so."""
    result = suite("""
        import gc

        pytestmark = pytest.mark.anyio
        frozen = [gc.get_freeze_count()]

        @pytest.mark.no_leaks
        async def test_it():
            frozen.append(gc.get_freeze_count())

        def test_after():
            # The session around this one may have set its heap aside for good. What it has
            # frozen may still end, so that the count alone says nothing.
            assert frozen[-1] > 1000
            assert (gc.get_freeze_count() > 1000) == (frozen[0] > 1000)
    """)
    result.assert_outcomes(passed=4)


@pytest.mark.slow
def test_the_heap_is_set_aside_for_the_test_alone(pytester):
    """What was there before a test is the collector's again after it."""
    pytester.makepyfile(
        """
        import gc
        import pytest

        @pytest.mark.no_leaks
        def test_looked_at():
            assert gc.get_freeze_count() > 1000

        def test_after_it():
            # Python 3.12 begins with some hundred frozen objects of its own.
            assert gc.get_freeze_count() < 1000
        """
    )
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_cycles_that_fixtures_drop_do_not_pile_up(pytester):
    """What fixtures drop before, during and after a test is collected, now and then."""
    pytester.makepyfile(
        """
        import gc
        import pytest

        class Node:
            alive = 0

            def __init__(self):
                self.me = self
                Node.alive += 1

            def __del__(self):
                Node.alive -= 1

        def nodes():
            return [Node() for _ in range(500)]

        @pytest.fixture
        def dropped():
            nodes()
            held = nodes()
            yield
            del held
            nodes()

        @pytest.mark.no_leaks
        @pytest.mark.parametrize("number", range(300))
        def test_it(dropped, number):
            assert gc.get_freeze_count()

        def test_after():
            assert Node.alive < 300 * 500 / 2
        """
    )
    # The session around this one may have set its heap aside for good.
    pytester.runpytest_subprocess("-q").assert_outcomes(passed=301)
