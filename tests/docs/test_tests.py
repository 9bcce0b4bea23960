"""Modules of tests in the documentation pass; settings that testing.md names work."""

import re
import tomllib

import pytest

from portable._backends import BACKENDS, installed_backends

from .pages import BLOCKS, DOCS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        set(installed_backends()) != set(BACKENDS), reason="runs on all the backends"
    ),
]

NAME = "docs/how-to/testing.md"
TEXT = (DOCS / "how-to" / "testing.md").read_text("utf-8")
PAGE = [block for block in BLOCKS if block.page == NAME]
TESTS = [block for block in BLOCKS if block.kind == "python" and block.is_test]


@pytest.mark.parametrize("block", TESTS, ids=str)
def test_the_tests_of_a_page_pass(pytester, block):
    """Each is a module of tests that pass, on all backends where they are asynchronous."""
    pytester.makepyfile(test_page=block.text)
    result = pytester.runpytest("--anyio-backends", "--strict-markers")
    assert result.ret == 0
    if "async def test_" in block.text:
        result.stdout.fnmatch_lines(["asyncio * passed", "uvloop   *", "trio     * passed"])


def test_the_configuration(pytester):
    """The block of TOML lets the first test run without marker and option."""
    (settings,) = [block.text for block in PAGE if block.kind == "toml"]
    assert tomllib.loads(settings)
    first = next(block.text for block in TESTS if block.page == NAME)
    pytester.makepyprojecttoml(settings)
    pytester.makepyfile(first.replace("pytestmark = pytest.mark.anyio\n", ""))
    pytester.runpytest().assert_outcomes(passed=3)


def test_the_output_of_the_first_test(pytester, monkeypatch):
    """What the page shows of the run is what one sees, in a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = next(block.text for block in PAGE if block.kind == "text").splitlines()
    pytester.makepyfile(test_fetch=PAGE[1].text)
    result = pytester.runpytest("--anyio-backends")
    versions = re.sub(r"\d[\d.]*", "*", shown[0])
    result.stdout.fnmatch_lines([versions, *shown[2:]])


@pytest.mark.parametrize("setting", ["anyio_backends", "virtual_time", "no_leaks"])
def test_the_settings_exist(pytester, setting):
    """Each ini setting and marker of the page is the plugin's."""
    assert setting in TEXT
    result = pytester.runpytest("--markers")
    result.stdout.fnmatch_lines([f"@pytest.mark.{setting}(*"])
    result = pytester.runpytest("--help")
    result.stdout.fnmatch_lines([f"  {setting} (*"])


def test_the_setting_for_asyncio_on_trio_exists(pytester):
    """So does the one that has no marker."""
    assert "`asyncio_on_trio`" in TEXT
    pytester.runpytest("--help").stdout.fnmatch_lines(["  asyncio_on_trio (*"])
