"""CPython's own tests of asyncio pass on trio, but for those that `verdicts.toml` explains."""

import pkgutil

import pytest

pytest.importorskip("test.test_asyncio", reason="this Python comes without CPython's own tests")
pytest.importorskip("trio")

from test import test_asyncio

from . import report, verdicts

TABLE = verdicts.read()


def _group(network):
    """Return the modules of one group that this Python has."""
    return [
        module for module in report.modules_here(TABLE) if (module in TABLE.network) is network
    ]


def _held_to_the_table(network):
    return {result.module: result for result in report.judge_modules(_group(network))}


@pytest.fixture(scope="module")
def tasks():
    return _held_to_the_table(network=False)


@pytest.fixture(scope="module")
def network():
    return _held_to_the_table(network=True)


@pytest.mark.slow
@pytest.mark.parametrize("module", _group(network=False))
def test_verdicts_are_true(module, tasks):
    """A test that fails is explained, and one that is explained fails."""
    print(report.HEADING, report.line(tasks[module]), sep="\n")
    assert not tasks[module].faults


@pytest.mark.thorough
@pytest.mark.parametrize("module", _group(network=True))
def test_verdicts_on_the_network_are_true(module, network):
    """So it is with what does I/O."""
    print(report.HEADING, report.line(network[module]), sep="\n")
    assert not network[module].faults


@pytest.mark.slow
def test_nearly_all_pass(tasks):
    """At least 97 % of the tests that apply pass."""
    _nearly_all_pass(tasks, network=False, at_least=1000)


@pytest.mark.thorough
def test_nearly_all_pass_on_the_network(network):
    """So it is with what does I/O."""
    _nearly_all_pass(network, network=True, at_least=300)


def _nearly_all_pass(results, network, at_least):
    whole = report.total(results.values(), network)
    print(report.HEADING, report.line(whole), sep="\n")
    assert whole.counts[verdicts.PASSED] > at_least  # all modules were there
    assert whole.share >= report.LEAST_SHARE


@pytest.mark.slow
def test_no_entry_is_idle(tasks):
    """Each name in the table is that of a test, but for those that do I/O."""
    _no_entry_is_idle(tasks, network=False)


@pytest.mark.thorough
def test_no_entry_of_the_network_is_idle(network):
    """So it is with what does I/O."""
    _no_entry_is_idle(network, network=True)


def _no_entry_is_idle(results, network):
    names = [name for result in results.values() for name in result.names]
    idle = verdicts.idle_entries(names, TABLE)
    assert not [entry for entry in idle if (entry.split(".")[0] in TABLE.network) is network]


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
