"""Tests and async fixtures that may await what is asyncio's, on trio as elsewhere."""

import textwrap

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

HEAD = """
import asyncio
import anyio
import pytest

pytestmark = pytest.mark.anyio
log = []

async def job(name, seconds=0.0, error=None):
    try:
        await asyncio.sleep(seconds)
    except asyncio.CancelledError:
        log.append(f"{name} cancelled")
        raise
    if error is not None:
        raise error
    log.append(name)
"""


@pytest.fixture
def suite(pytester):
    """Make a project of one module; return a function that runs it on all the backends."""

    def run(code, *args, head=HEAD):
        pytester.makepyfile(test_it=head + textwrap.dedent(code))
        return pytester.runpytest("--anyio-backends", *args)

    return run


def test_asyncios_library_in_a_test(suite):
    """A test awaits asyncio's sleep, limits, groups, queues, threads, on every backend."""
    result = suite("""
        async def test_it():
            queue = asyncio.Queue()
            async with asyncio.timeout(5), asyncio.TaskGroup() as group:
                group.create_task(queue.put("put"))
                assert await queue.get() == "put"
            assert await asyncio.gather(asyncio.sleep(0, 1), asyncio.sleep(0, 2)) == [1, 2]
            assert await asyncio.to_thread(len, "abc") == 3
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(asyncio.Event().wait(), 0.001)
            async with anyio.create_task_group() as group:
                group.start_soon(anyio.sleep, 0)
            assert asyncio.current_task() is not None
    """)
    result.assert_outcomes(passed=3)


def test_left_over_tasks_end_after_the_fixtures(suite):
    """What a test leaves over is cancelled as asyncio.run() does, after its fixtures."""
    result = suite("""
        @pytest.fixture
        async def fixture():
            yield
            await asyncio.sleep(0)
            log.append("fixture")

        async def test_it(fixture):
            asyncio.create_task(job("left", 3600))
            await asyncio.sleep(0)

        async def test_after():
            assert log == ["fixture", "left cancelled"]
            log.clear()
    """)
    result.assert_outcomes(passed=6)


def test_a_callbacks_error_fails_the_test(suite):
    """An error in a callback is the test's, on trio as AnyIO has it on asyncio."""
    result = suite("""
        async def test_callback():
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            await asyncio.sleep(0.001)

        async def test_several():
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            await asyncio.sleep(0.001)
            raise LookupError

        @pytest.fixture
        async def broken():
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)
            await asyncio.sleep(0.001)
            yield

        async def test_fixture(broken):
            pass
    """)
    result.assert_outcomes(failed=6, errors=3)
    result.stdout.fnmatch_lines(["*ZeroDivisionError*"] * 3)
    result.stdout.fnmatch_lines(
        ["*Multiple exceptions occurred in asynchronous callbacks*"] * 3
    )


def test_a_failing_test_shows_its_own_error(suite):
    """What the test raises comes out as it is, without a line of portable's."""
    result = suite("""
        async def test_it():
            asyncio.create_task(job("left", 3600))
            assert log == ["x"]
    """)
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["E       AssertionError: assert [[][]] == [[]'x'[]]"])
    result.stdout.no_fnmatch_line("*ExceptionGroup*")
    result.stdout.no_fnmatch_line("*_wrapper.py*")
    result.stdout.no_fnmatch_line("*_stage.py*")


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        ("pytest.skip('because')", {"skipped": 3}),
        ("pytest.xfail('because')", {"xfailed": 3}),
        ("pytest.fail('because')", {"failed": 3}),
        ("raise asyncio.CancelledError", {"failed": 3}),
        ("asyncio.current_task().cancel(); await asyncio.sleep(0)", {"failed": 3}),
        ("asyncio.get_running_loop().stop(); await asyncio.sleep(0)", {"failed": 3}),
    ],
)
def test_however_a_test_ends(suite, statement, outcome):
    """Every way in which a test ends is the same on all backends, and the next one runs."""
    result = suite(f"""
        async def test_it():
            {statement}

        async def test_after():
            await asyncio.sleep(0)
    """)
    result.assert_outcomes(**({"passed": 3} | outcome))


@pytest.mark.parametrize("backend", ["asyncio", "uvloop", "trio"])
@pytest.mark.parametrize("where", ["await end()", "await asyncio.create_task(end())"])
def test_an_interrupt_ends_the_session(pytester, where, backend):
    """Ctrl-C in a test, or in a task of its, ends the session."""
    pytester.makepyfile(
        HEAD
        + textwrap.dedent(f"""
            async def end():
                raise KeyboardInterrupt

            async def test_it():
                {where}

            async def test_after():
                pass
        """)
    )
    result = pytester.runpytest_subprocess(f"--anyio-backends={backend}")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*KeyboardInterrupt*"])
    result.assert_outcomes()


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_asyncios_library_in_a_fixture(suite, scope):
    """A fixture's set-up and tear-down await it, whatever its scope and kind."""
    result = suite(f"""
        @pytest.fixture(scope="{scope}")
        async def yielding():
            async with asyncio.TaskGroup() as group:
                task = group.create_task(job("task", 3600))
                await asyncio.sleep(0)
                yield task
                assert await asyncio.gather(asyncio.sleep(0, 1)) == [1]
                task.cancel()
                await asyncio.wait([task])
            log.append("torn down")

        @pytest.fixture(scope="{scope}")
        async def returning():
            return await asyncio.gather(asyncio.sleep(0, 1))

        async def test_one(yielding, returning):
            log.clear()
            assert not yielding.done() and returning == [1]

        async def test_two(yielding):
            assert log == (["task cancelled", "torn down"] if "{scope}" == "function" else [])
            await asyncio.sleep(0)

        @pytest.fixture(autouse=True, scope="session")
        def last():
            yield
            times = 2 if "{scope}" == "function" else 1
            assert log == ["task cancelled", "torn down"] * times
    """)
    result.assert_outcomes(passed=6)


def test_a_fixture_and_its_test_share_a_task(suite):
    """Scopes, limits and variables that a fixture holds open hold for its test."""
    result = suite("""
        from contextvars import ContextVar

        var = ContextVar("var", default="unset")

        @pytest.fixture
        async def task():
            var.set("set")
            async with asyncio.timeout(3600), anyio.create_task_group() as group:
                group.start_soon(anyio.sleep_forever)
                yield asyncio.current_task()
                group.cancel_scope.cancel()

        async def test_it(task):
            assert var.get() == "set"
            assert asyncio.current_task() is task
    """)
    result.assert_outcomes(passed=3)


def test_a_fixtures_group_cancels_its_test(suite):
    """A task that fails in a group of a fixture ends the test on trio, as AnyIO has it."""
    code = """
        @pytest.fixture
        async def broken():
            async with anyio.create_task_group() as group:
                group.start_soon(job, "bad", 0.001, LookupError("in the group"))
                yield

        async def test_it(broken):
            await asyncio.sleep(3600)
    """
    result = suite(code, "-k", "trio")
    result.assert_outcomes(failed=1, errors=1, deselected=2)
    result.stdout.fnmatch_lines(["*LookupError: in the group*"])


def test_a_fixture_of_a_class(suite):
    """A fixture that is a method sees the instance of its test."""
    result = suite("""
        class TestIt:
            @pytest.fixture
            async def made(self):
                self.task = asyncio.create_task(job("done"))
                yield self

            @pytest.fixture
            async def returned(self):
                return self

            async def test_it(self, made, returned):
                assert made is returned is self
                await self.task
    """)
    result.assert_outcomes(passed=3)


def test_a_fixture_that_yields_twice(suite):
    """AnyIO's own complaint about it stays, and it is closed."""
    result = suite("""
        @pytest.fixture
        async def twice():
            try:
                yield
                yield
            finally:
                await asyncio.sleep(0)
                log.append("closed")

        async def test_it(twice):
            pass

        def test_after():
            assert log == ["closed"] * 3
    """)
    result.assert_outcomes(passed=4, errors=3)
    result.stdout.fnmatch_lines(["*Async generator fixture did not stop"])


def test_no_loop_runs_between_tests(suite):
    """While a fixture keeps a run of trio's alive, other tests may start loops of theirs."""
    result = suite("""
        @pytest.fixture(scope="session")
        async def kept():
            yield await asyncio.sleep(0, "kept")
            await asyncio.sleep(0)

        async def test_one(kept):
            await asyncio.sleep(0)

        def test_two(kept, anyio_backend):
            assert asyncio.run(asyncio.sleep(0, "own")) == "own"

        async def test_three(kept):
            await asyncio.sleep(0)

        def test_last():
            assert asyncio.run(asyncio.sleep(0, "own")) == "own"
    """)
    result.assert_outcomes(passed=10)


def test_hypothesis(suite):
    """Each example may use asyncio's library."""
    result = suite("""
        from hypothesis import given, settings, strategies as st

        @settings(max_examples=3)
        @given(number=st.integers())
        async def test_it(number):
            assert await asyncio.create_task(asyncio.sleep(0, number)) == number
    """)
    result.assert_outcomes(passed=3)


def test_virtual_time(suite):
    """asyncio's and AnyIO's waits in tests and fixtures take no time together."""
    result = suite("""
        @pytest.fixture
        async def slept():
            await asyncio.sleep(3600)
            yield

        async def test_it(slept, virtual_clock):
            await asyncio.gather(asyncio.sleep(3600), asyncio.sleep(1800))
            await anyio.sleep(1800)
            assert virtual_clock.now() == 9000
    """)
    result.assert_outcomes(passed=3)


def test_deadlocks(suite):
    """A test, a set-up and a tear-down that wait for ever fail, and name who waits."""
    result = suite(
        """
        async def wait():
            await asyncio.create_task(asyncio.Event().wait(), name="forgotten")

        @pytest.fixture
        async def early():
            await wait()

        @pytest.fixture
        async def late():
            yield
            await wait()

        async def test_in_a_test():
            await wait()

        async def test_after():
            await asyncio.sleep(3600)

        async def test_early(early):
            pass

        async def test_late(late):
            pass
        """,
        "--virtual-time",
    )
    result.assert_outcomes(passed=6, failed=3, errors=6)
    result.stdout.fnmatch_lines(["*DeadlockError: *forgotten*"] * 9)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        ("import portable", "portable.gather"),
        ("import portable as p", "p.gather"),
        ("from portable import gather", "gather"),
        ("from portable import gather as g; del g", "__import__('portable').gather"),
        ("import helper", "helper.gather"),
    ],
)
def test_portable_needs_no_option(pytester, head, name):
    """That a module of the project imports portable is enough."""
    pytester.makepyfile(helper="from portable import gather")
    pytester.makepyfile(f"""
        import pytest
        {head}

        async def job():
            return 1

        @pytest.mark.anyio
        async def test_it():
            assert await {name}(job()) == [1]
    """)
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("head", "args", "setting", "driven"),
    [
        ("", ["--anyio-backends"], "auto", False),
        ("import asyncio", [], "auto", False),
        ("import asyncio", ["--anyio-backends"], "auto", True),
        ("from asyncio import sleep", ["--virtual-time"], "auto", True),
        ("from elsewhere.asyncio.client import Client", ["--virtual-time"], "auto", True),
        ("import asyncio", [], "true", True),
        ("", [], "true", True),
        ("import portable", ["--anyio-backends"], "false", False),
    ],
)
def test_who_is_driven(pytester, tmp_path_factory, head, args, setting, driven):
    """A suite that does without asyncio on trio keeps the very task that AnyIO gives it."""
    pytester.makeini(f"[pytest]\nasyncio_on_trio = {setting}")
    installed = tmp_path_factory.mktemp("installed") / "elsewhere" / "asyncio"
    installed.mkdir(parents=True)
    (installed / "client.py").write_text("class Client: ...")
    pytester.syspathinsert(installed.parents[1])
    pytester.makepyfile(f"""
        import pytest
        import trio
        {head}

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["trio"])
        async def test_it():
            root = trio.lowlevel.current_root_task()
            main = trio.lowlevel.current_task().name.endswith("_run_tests_and_fixtures")
            assert main is {not driven}
    """)
    pytester.runpytest(*args).assert_outcomes(passed=1)


def test_a_folder_beside_the_project(pytester):
    """A module of another project does not count, though its folder's name begins the same."""
    beside = pytester.path.with_name(f"{pytester.path.name}-tools")
    beside.mkdir()
    (beside / "tools.py").write_text("import asyncio")
    pytester.syspathinsert(beside)
    pytester.makepyfile("""
        import pytest
        import tools
        import trio

        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", ["trio"])
        async def test_it():
            assert trio.lowlevel.current_task().name.endswith("_run_tests_and_fixtures")
    """)
    pytester.runpytest("--virtual-time").assert_outcomes(passed=1)


def test_a_wrong_setting(pytester):
    """The setting is refused if it says neither of the three."""
    pytester.makeini("[pytest]\nasyncio_on_trio = perhaps")
    pytester.makepyfile("import pytest\n@pytest.mark.anyio\nasync def test_it(): pass")
    result = pytester.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*asyncio_on_trio: write auto, true or false, not 'perhaps'"])
