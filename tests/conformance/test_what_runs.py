"""The page that says what runs on trio says what the tests have found."""

import pytest

from . import verdicts, what_runs


def test_the_page_is_made_from_the_results():
    """Nothing on it was written by hand: `python -m tests.conformance.what_runs` makes it."""
    assert what_runs.PAGE.read_text("utf-8") == what_runs.render()


@pytest.mark.parametrize("python", verdicts.PYTHONS)
def test_every_module_has_been_run(python):
    """There are counts of each module that is judged; only the newest Python has all."""
    counted = what_runs.load(what_runs.CONFORMANCE)[python]["modules"]
    table = verdicts.read(python=python)
    every = {*table.judged, *table.network, *table.beside}
    assert counted.keys() <= every
    if python == verdicts.PYTHONS[-1]:
        assert {module for module in every if module.startswith("test_")} <= counted.keys()


def test_no_failure_is_left_out():
    """Where the results have tests that fail, the table has a reason for that Python."""
    for python, results in what_runs.load(what_runs.CONFORMANCE).items():
        failing = {
            entry for entry in verdicts.read(python=python).entries if entry.kind == "fails"
        }
        for module, counts in results["modules"].items():
            if counts.get(verdicts.FAILED):
                patterns = [test for entry in failing for test in entry.tests]
                assert any(pattern.startswith(f"{module}.") for pattern in patterns), module


def test_no_result_is_of_another_version():
    """Each result is of a package of the table, in the version that it names."""
    versions = {suite.package: suite.version for suite in what_runs.suites().SUITES}
    for package, kept in what_runs.load(what_runs.STRANGERS).items():
        assert kept["version"] == versions.get(package), package


def test_every_loss_is_explained():
    """What passes on asyncio passes on trio, once at least, or is among what is explained."""
    for package, kept in what_runs.load(what_runs.STRANGERS).items():
        for result in kept["pythons"].values():
            lost = result["asyncio"][0] - result["trio"][0]
            known = sum(result["explained"].values()) + result["the second time"]
            assert lost <= known, package
