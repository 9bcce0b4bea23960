"""CPython's own tests of asyncio pass on trio, but for those that `verdicts.toml` explains."""

import pkgutil

import pytest

pytest.importorskip("test.test_asyncio", reason="this Python comes without CPython's own tests")
pytest.importorskip("trio")

from test import test_asyncio

from . import report, verdicts

TABLE = verdicts.read()


@pytest.fixture(scope="module")
def results():
    return {result.module: result for result in report.judge_modules()}


@pytest.mark.slow
@pytest.mark.parametrize("module", report.modules_here(TABLE))
def test_verdicts_are_true(module, results):
    """A test that fails is explained, and one that is explained fails."""
    print(report.HEADING, report.line(results[module]), sep="\n")
    assert not results[module].faults


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "at_least"), [(False, 1000), (True, 300)], ids=["tasks", "network"]
)
def test_nearly_all_pass(results, network, at_least):
    """At least 97 % of the tests that apply pass."""
    whole = report.total(results.values(), network)
    print(report.HEADING, report.line(whole), sep="\n")
    assert whole.counts[verdicts.PASSED] > at_least  # all modules were there
    assert whole.share >= report.LEAST_SHARE


@pytest.mark.slow
def test_no_entry_is_idle(results):
    """Each name in the table is that of a test."""
    names = [name for result in results.values() for name in result.names]
    assert not verdicts.idle_entries(names, TABLE)


def test_every_module_is_accounted_for():
    """Each module of CPython's package is judged, or is not for a reason."""
    found = {
        module.name
        for module in pkgutil.iter_modules(test_asyncio.__path__)
        if module.name.startswith("test_")
    }
    run = {*TABLE.judged, *TABLE.network}
    assert found <= {*run, *TABLE.ignored}
    assert not run & TABLE.ignored.keys()
    assert all(TABLE.ignored.values())


@pytest.mark.parametrize("python", verdicts.PYTHONS)
def test_every_entry_has_a_reason(python):
    """No test is excused without a word."""
    entries = verdicts.read(python=python).entries
    assert entries
    assert all(entry.reason.strip().endswith(".") for entry in entries)
