"""The judge is judged: what ends badly is told from what passes, on every backend."""

import pytest

from . import judging, loading, verdicts
from .judging import Case, Outcome
from .verdicts import Verdict

SOURCE = """
import asyncio
import unittest
from test.test_asyncio import utils as test_utils


class Old(test_utils.TestCase):
    def setUp(self):
        super().setUp()
        self.loop = self.new_test_loop()

    def twice(self, number):
        return 2 * self.loop.run_until_complete(asyncio.sleep(3, number))

    def test_pass(self):
        self.assertEqual(self.twice(21), 42)
        self.assertEqual(self.loop.time(), 3)
        self.assertRaises(ValueError, self.loop.run_until_complete, asyncio.wait([]))

    def test_fail(self):
        self.assertEqual(self.twice(21), 43)

    def test_raise_nothing(self):
        self.assertRaises(ValueError, self.loop.run_until_complete, asyncio.sleep(1))

    def test_hang(self):
        self.loop.run_until_complete(self.loop.create_future())

    def test_forget_a_coroutine(self):
        asyncio.sleep(1)

    def test_lose_a_failure(self):
        async def fail():
            raise LookupError("lost")

        self.loop.create_task(fail())
        self.loop.run_until_complete(asyncio.sleep(1))

    def test_refused(self):
        self.loop.stop()

    def test_swallow_a_refusal(self):
        self.twice(21)
        with self.assertRaises(Exception):
            asyncio.all_tasks()

    def test_nothing(self):
        self.assertTrue(True)

    def test_clean_up(self):
        self.twice(21)
        self.addCleanup(self.fail, "cleaned up")


class New(unittest.IsolatedAsyncioTestCase):
    async def test_pass(self):
        task = asyncio.create_task(asyncio.sleep(5, "done"))
        self.assertIs(asyncio.current_task().done(), False)
        self.assertEqual(await asyncio.gather(task, task), ["done", "done"])

    async def test_fail(self):
        with self.assertRaises(asyncio.CancelledError):
            await asyncio.sleep(1)
"""

ENDS = {
    "Old.test_pass": "passed",
    "Old.test_fail": "AssertionError: 42 != 43",
    "Old.test_raise_nothing": "AssertionError: ValueError not raised",
    "Old.test_hang": "DeadlockError",
    "Old.test_forget_a_coroutine": "coroutine 'sleep' was never awaited",
    "Old.test_lose_a_failure": "ExceptionGroup: unretrieved failures",
    "Old.test_refused": "needs loop.stop",
    "Old.test_swallow_a_refusal": "needs asyncio.all_tasks",
    "Old.test_nothing": "needs nothing that portable stands for",
    "Old.test_clean_up": "a clean-up of the test failed",
    "New.test_pass": "passed",
    "New.test_fail": "not raised",
}


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    path = tmp_path_factory.mktemp("tests") / "test_sample.py"
    path.write_text(SOURCE, "utf-8")
    return loading.load_file("test_sample", path)


def test_every_test_is_found(module):
    """No test of a module is overlooked."""
    found = judging.cases("test_sample", module)
    assert {f"{case.cls}.{case.method}" for case in found} == ENDS.keys()


@pytest.mark.parametrize("name", ENDS)
def test_ends_are_told_apart(module, backend, name):
    """A test that fails, hangs, forgets something or asks too much does not pass."""
    outcome = judging.judge(Case("test_sample", *name.split(".")), module, backend)
    assert ENDS[name] in str(outcome)
    assert outcome.passed is (ENDS[name] == "passed")


CASE = Case("test_sample", "Old", "test_some")
PASSES = Outcome()
FAILS = Outcome(problem="ValueError: spam")
REFUSED = Outcome(refused="loop.stop")


def line(ruling="D1", sign="spam", where="all", test="test_sample.Old.test_some"):
    return Verdict(test, frozenset(where.split()), ruling, sign, "A reason.")


@pytest.mark.parametrize(
    ("outcome", "lines", "counted"),
    [
        (PASSES, [], "passed"),
        (FAILS, [line()], "declared"),
        (FAILS, [line("n/a")], "not applicable"),
        (REFUSED, [line("n/a", "needs loop.stop")], "not applicable"),
        (FAILS, [line(test="test_sample.Old.*")], "declared"),
        (FAILS, [line(where=f"trio {verdicts.PYTHON}"), line(where="asyncio")], "declared"),
        (PASSES, [line(where="asyncio uvloop")], "passed"),
        (PASSES, [line(where="2.7")], "passed"),
        (PASSES, [line(where="trio sometimes")], "declared"),
    ],
)
def test_how_a_test_is_counted(outcome, lines, counted):
    """What the table has no line for has to pass; the rest ends as its line says."""
    assert verdicts.rule(CASE, "trio", outcome, lines) == counted


@pytest.mark.parametrize(
    ("outcome", "lines", "says"),
    [
        (FAILS, [], "has no line"),
        (REFUSED, [], "has no line"),
        (PASSES, [line()], "is stale"),
        (FAILS, [line(sign="eggs")], "ends otherwise"),
        (REFUSED, [line(sign="needs loop.stop")], "is not applicable"),
        (FAILS, [line(), line("n/a")], "more than one line"),
        (FAILS, [line(where="2.7")], "has no line"),
    ],
)
def test_what_the_table_does_not_explain_fails(outcome, lines, says):
    """An unexplained end, a stale line and another error than the one declared are told."""
    with pytest.raises(AssertionError, match=says):
        verdicts.rule(CASE, "trio", outcome, lines)


def test_only_trio_is_free_to_pass_now_and_then():
    """On asyncio and uvloop the order is fixed, and so is how a test ends."""
    with pytest.raises(AssertionError, match="is stale"):
        verdicts.rule(CASE, "asyncio", PASSES, [line(where="sometimes")])
