"""Async fixtures and tasks that outlive each other in any order, on trio as elsewhere."""

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

CONFTEST = """
import asyncio
import anyio
import pytest

@pytest.fixture(scope="session", params=["asyncio", "trio"])
def anyio_backend(request):
    return request.param

def service(scope):
    @pytest.fixture(scope=scope)
    async def service():
        task = asyncio.create_task(asyncio.sleep(3600))
        await anyio.sleep(0)
        yield task
        assert not task.done()
        task.cancel()
        await asyncio.wait([task])

    return service

of_session, of_module, of_class = map(service, ["session", "module", "class"])
"""
MODULE = """
import anyio, asyncio, portable, pytest

pytestmark = pytest.mark.anyio

class TestOne:
    async def test_the_short_one_first(self, of_class):
        assert not of_class.done()

    async def test_then_a_longer_one(self, of_module):
        assert not of_module.done()

async def test_then_the_longest(of_session):
    await asyncio.sleep(0)
    assert not of_session.done()
"""


@pytest.mark.parametrize("options", [[], ["--anyio-backends"]], ids=["alone", "backends"])
def test_lifetimes_that_do_not_nest(pytester, options):
    """A fixture of a longer life may be made after one of a shorter, and outlive it."""
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile(test_one=MODULE, test_two=MODULE)
    result = pytester.runpytest(*options)
    result.assert_outcomes(passed=12 + 6 * bool(options))


def test_a_test_leaves_its_tasks_to_its_fixtures(pytester):
    """What a test leaves running ends after its fixtures, which may need it to close."""
    pytester.makepyfile(
        """
        import asyncio, anyio, portable, pytest

        pytestmark = pytest.mark.anyio
        seen = []

        class Pool:
            async def open(self):
                self.closing = asyncio.Event()
                self.worker = asyncio.create_task(self.work())

            async def work(self):
                try:
                    await self.closing.wait()
                    seen.append("worker done")
                except asyncio.CancelledError:
                    seen.append("worker cancelled")
                    raise

            async def close(self):
                self.closing.set()
                await self.worker

        @pytest.fixture
        async def pool():
            pool = Pool()
            yield pool
            await pool.close()

        async def test_it(pool):
            await pool.open()
            await asyncio.sleep(0)

            async def left():
                try:
                    await asyncio.sleep(3600)
                finally:
                    await asyncio.sleep(0)
                    seen.append("the rest")

            asyncio.create_task(left())
            await asyncio.sleep(0)

        def test_order():
            assert seen == ["worker done", "the rest"] * 3
        """
    )
    result = pytester.runpytest("--anyio-backends")
    result.assert_outcomes(passed=4)


def test_a_fixture_keeps_its_tasks(pytester):
    """What a fixture of a module has started runs on, from test to test, until its own end."""
    pytester.makepyfile(
        """
        import asyncio, anyio, portable, pytest

        pytestmark = pytest.mark.anyio

        @pytest.fixture(scope="module")
        async def ticks():
            ticks = []

            async def tick():
                while True:
                    ticks.append(anyio.current_time())
                    await asyncio.sleep(1)

            task = asyncio.create_task(tick())
            yield ticks
            assert not task.done()
            task.cancel()

        async def test_one(ticks):
            await anyio.sleep(2.5)
            assert ticks == [0, 1, 2]

        async def test_another(ticks):
            await anyio.sleep(2)
            assert ticks == [0, 1, 2, 3, 4]
        """
    )
    result = pytester.runpytest("--anyio-backends", "--virtual-time")
    result.assert_outcomes(passed=6)


def test_the_first_step_of_a_task(pytester):
    """The first step of a task, and its last, see its loop, itself and its maker's context.

    Also where the fixture or the test that made it ends before the task has begun.
    """
    pytester.makepyfile(
        test_one="""
        import asyncio, contextvars, anyio, portable, pytest

        pytestmark = pytest.mark.anyio
        var = contextvars.ContextVar("var", default="unset")
        began, ended, kept = [], [], []

        async def first_step():
            task, loop = asyncio.current_task(), asyncio.get_running_loop()
            assert task in asyncio.all_tasks()
            began.append((task.get_name(), var.get(), loop))
            try:
                await asyncio.Event().wait()
            finally:
                assert asyncio.get_running_loop() is loop
                assert asyncio.current_task() is task
                ended.append((task.get_name(), var.get()))

        def start(name):
            var.set(name)
            kept.append(asyncio.create_task(first_step(), name=name))
            return kept[-1]

        def begun(*names):
            return began == [(name, name, asyncio.get_running_loop()) for name in names]

        @pytest.fixture(scope="module")
        async def of_module():
            began.clear()
            start("module")
            yield
            await anyio.sleep(0)
            assert begun("module", "returning", "yielding", "test")

        @pytest.fixture
        async def returning(of_module):
            start("returning")

        @pytest.fixture
        async def yielding(returning):
            task = start("yielding")
            yield
            await anyio.sleep(0)
            assert begun("module", "returning", "yielding", "test")
            assert not task.done()

        async def test_it(yielding):
            await anyio.sleep(0)
            assert begun("module", "returning", "yielding")
            start("test")  # its first step comes when this is over

        async def test_the_next(of_module):
            assert begun("module", "returning", "yielding", "test")
            assert len(asyncio.all_tasks()) >= 4
        """,
        test_two="""
        from test_one import ended

        def test_the_last_steps():
            names = sorted(["module", "returning", "yielding", "test"] * 3)
            assert sorted(ended) == [(name, name) for name in names]
        """,
    )
    pytester.runpytest("--anyio-backends").assert_outcomes(passed=7)
