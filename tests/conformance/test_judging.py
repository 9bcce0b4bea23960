"""The judge is judged: what ends badly is told from what passes."""

import pytest

pytest.importorskip("test.test_asyncio", reason="this Python comes without CPython's own tests")
pytest.importorskip("trio")

from . import judging, verdicts
from .judging import Outcome

SAMPLE = "tests.conformance.sample"
ENDS = {
    "Old.test_pass": ("passed", "", 1),
    "Old.test_own_time": ("passed", "", 1),
    "Old.test_fail": ("failed", "AssertionError: 42 != 43", 1),
    "Old.test_no_loop": ("passed", "", 0),
    "Old.test_subtests": ("failed", "AssertionError: 1 != 0", 2),
    "Old.test_skip": ("skipped", "not today", 1),
    "Old.test_hang": ("failed", "still running after 3 seconds", 1),
    "Old.test_crash": ("failed", "the process ended with 7", 1),
    "New.test_pass": ("passed", "", 1),
    "New.test_fail": ("failed", "AssertionError: CancelledError not raised", 1),
    "New.test_which_loop": ("passed", "", 1),
    "Plain.test_no_loop": ("passed", "", 0),
}


@pytest.mark.slow
def test_ends_are_told_apart(monkeypatch):
    """A test that fails, hangs or crashes gets that verdict, and those after it still run."""
    monkeypatch.setattr(judging, "LIMIT", 3.0)
    tests = judging.list_tests(SAMPLE)
    outcomes = judging.run_tests("trio", SAMPLE, tests)
    assert {
        test: (outcome.verdict, outcome.detail, outcome.loops)
        for test, outcome in outcomes.items()
    } == ENDS


@pytest.mark.slow
def test_the_control_has_asyncios_loop():
    """The control runs on asyncio's own loop, and makes none of ours."""
    outcomes = judging.run_tests("asyncio", SAMPLE, ["New.test_which_loop", "Old.test_pass"])
    assert outcomes["New.test_which_loop"].verdict == "failed"
    assert outcomes["Old.test_pass"] == Outcome("passed")


@pytest.mark.slow
def test_a_module_that_cannot_be_loaded():
    """A module that cannot be imported is an error, not a module without tests."""
    with pytest.raises(RuntimeError, match=r"tests\.nowhere cannot be loaded"):
        judging.list_tests("tests.nowhere")


TEXT = """
judged = ["m"]
network = []
beside = []
[ignored]
[[left_out]]
tests = ["m.Sockets.*"]
reason = "Sockets."
[[not_applicable]]
tests = ["m.T.private"]
reason = "Private."
[[fails]]
tests = ["m.T.bad", "m.T.worse_*"]
pythons = ["3.12"]
reason = "A reason."
"""
TABLE = verdicts.read(TEXT, "3.12")
PASSED = Outcome("passed", "", 1)
FAILED = Outcome("failed", "ValueError", 1)


@pytest.mark.parametrize(
    ("test", "control", "trio", "kind"),
    [
        ("m.T.good", PASSED, PASSED, verdicts.PASSED),
        ("m.T.good", PASSED, FAILED, verdicts.FAILED),
        ("m.T.good", FAILED, FAILED, verdicts.NOT_HERE),
        ("m.T.good", FAILED, PASSED, verdicts.NOT_HERE),
        ("m.T.good", Outcome("skipped"), Outcome("skipped"), verdicts.NOT_HERE),
        ("m.T.good", PASSED, Outcome("skipped"), verdicts.FAILED),
        ("m.T.good", PASSED, Outcome("passed"), verdicts.NO_LOOP),
        ("m.T.bad", PASSED, FAILED, verdicts.FAILED),
        ("m.T.private", PASSED, FAILED, verdicts.NOT_APPLICABLE),
        ("m.T.private", PASSED, PASSED, verdicts.PASSED),
    ],
)
def test_how_a_test_is_counted(test, control, trio, kind):
    """Only what passes on asyncio counts, and only what made a loop of ours can pass."""
    assert verdicts.count(test, control, trio, TABLE) == kind


@pytest.mark.parametrize(
    ("test", "outcome", "python", "says"),
    [
        ("m.T.good", PASSED, "3.12", []),
        ("m.T.good", FAILED, "3.12", ["m.T.good failed: ValueError"]),
        ("m.T.bad", FAILED, "3.12", []),
        ("m.T.worse_1", FAILED, "3.12", []),
        ("m.T.bad", PASSED, "3.12", ["m.T.bad passes: its entry is stale"]),
        ("m.T.private", PASSED, "3.12", ["m.T.private passes: its entry is stale"]),
        ("m.T.bad", FAILED, "3.13", ["m.T.bad failed: ValueError"]),
        ("m.T.bad", PASSED, "3.13", []),
    ],
)
def test_what_the_table_does_not_explain(test, outcome, python, says):
    """An unexplained failure is told, and so is an explanation of what passes."""
    table = verdicts.read(TEXT, python)
    assert verdicts.faults({test: PASSED}, {test: outcome}, table) == says


def test_two_entries_for_one_test():
    """A test has one reason."""
    twice = verdicts.read(TEXT.replace("m.T.private", "m.T.b*"), "3.12")
    assert verdicts.faults({"m.T.bad": PASSED}, {"m.T.bad": FAILED}, twice) == [
        "m.T.bad: more than one entry is about it"
    ]


def test_idle_names():
    """A name or pattern that is no test's is told."""
    idle = verdicts.idle_entries(["m.T.bad", "m.T.private", "m.Sockets.a"], TABLE)
    assert [line.partition(":")[0] for line in idle] == ["m.T.worse_*"]
