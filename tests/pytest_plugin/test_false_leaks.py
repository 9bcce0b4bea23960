"""`no_leaks` changes nothing for the code that it looks at, and finds no leak where none is."""

import sys
import textwrap

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

HEAD = """
import asyncio, gc, threading, weakref
import anyio
import pytest
import trio
from trio._core import _thread_cache
"""


@pytest.fixture
def suite(pytester):
    """Make a project of one module; return a function that runs it with all looked at."""

    def run(code, *args):
        pytester.makeini("[pytest]\nno_leaks = true\nanyio_mode = auto\n")
        pytester.makepyfile(test_it=HEAD + textwrap.dedent(code))
        return pytester.runpytest(*args, "-rA")

    return run


@pytest.mark.skipif(sys.version_info < (3, 12), reason="Python 3.12 has eager tasks")
def test_eager_tasks(suite):
    """AnyIO knows an eager task factory as ever, and an eager task that is left is found."""
    result = suite("""
        kept = []

        def eager_loop():
            loop = asyncio.new_event_loop()
            loop.set_task_factory(asyncio.eager_task_factory)
            return loop

        @pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": eager_loop})])
        class TestIt:
            async def test_anyios_tasks_begin_later(self):
                ran = []

                async def job():
                    ran.append(anyio.get_current_task().name)

                async with anyio.create_task_group() as group:
                    group.start_soon(job, name="one")
                    assert not ran
                assert ran == ["one"]

            async def test_left(self):
                job = asyncio.sleep(3600)
                kept.append(asyncio.get_running_loop().create_task(job, name="left over"))
                await asyncio.create_task(asyncio.sleep(0))
    """)
    result.assert_outcomes(passed=1, failed=1)
    assert [line for line in result.outlines if line.startswith("task ")] == [
        "task 'left over', started at"
    ]


def test_an_idle_thread_whose_lock_is_wrapped(suite):
    """A thread of a pool is idle also where a tool like blockbuster has wrapped its lock."""
    result = suite(
        """
        class Lock:
            def __init__(self):
                self.lock = threading.Lock()

            def acquire(self, *args, **kwargs):
                return self.lock.acquire(*args, **kwargs)

            def release(self):
                self.lock.release()

        @pytest.fixture
        def wrapped(monkeypatch):
            monkeypatch.setattr(_thread_cache, "Lock", Lock)
            monkeypatch.setattr(_thread_cache, "THREAD_CACHE", _thread_cache.ThreadCache())

        async def test_it(wrapped):
            await anyio.to_thread.run_sync(threading.get_ident)
        """,
        "--anyio-backends",
    )
    result.assert_outcomes(passed=3)


def test_a_thread_that_ended_is_let_go(suite):
    """A thread, and what it holds, is not kept alive by the look at it."""
    result = suite("""
        def test_it():
            thread = threading.Thread(target=gc.isenabled)
            thread.start()
            thread.join()
            ended = weakref.ref(thread)
            del thread
            gc.collect()
            assert ended() is None
    """)
    result.assert_outcomes(passed=1)


def test_a_thread_whose_owner_is_garbage(suite):
    """A thread that ends as soon as its owner is collected has not been left behind."""
    result = suite("""
        class Owner:
            def __init__(self):
                self.me = self
                stop = threading.Event()
                threading.Thread(target=stop.wait).start()
                weakref.finalize(self, stop.set)

        def test_it():
            Owner()
    """)
    result.assert_outcomes(passed=1)


def test_a_coroutine_that_garbage_closes(suite):
    """A coroutine that its owner closes as it is collected has not been forgotten."""
    result = suite("""
        async def job():
            pass

        class Owner:
            def __init__(self):
                self.me = self
                self.job = job()

            def __del__(self):
                self.job.close()

        def test_it():
            Owner()
    """)
    result.assert_outcomes(passed=1)
