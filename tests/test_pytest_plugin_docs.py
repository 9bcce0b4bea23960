"""docs/testing.md: its tests pass, its configuration works, its settings exist."""

import re
import tomllib
from pathlib import Path

import pytest

from portable._backends import BACKENDS, installed_backends

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        set(installed_backends()) != set(BACKENDS), reason="runs on all the backends"
    ),
]

TEXT = (Path(__file__).parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]
SUMMARY = ["asyncio * passed", "uvloop   *", "trio     * passed"]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda text: re.findall(r"test_\w+", text)[0])
def test_the_tests_of_the_page_pass(pytester, program):
    """Each block of Python is a module of tests that pass on all backends."""
    pytester.makepyfile(test_page=program)
    result = pytester.runpytest("--anyio-backends", "--strict-markers")
    assert result.ret == 0
    result.stdout.fnmatch_lines(SUMMARY)


def test_the_configuration(pytester):
    """The block of TOML lets the first test run without marker and option."""
    (settings,) = [text for kind, text in BLOCKS if kind == "toml"]
    assert tomllib.loads(settings)
    pytester.makepyprojecttoml(settings)
    pytester.makepyfile(PROGRAMS[0].replace("pytestmark = pytest.mark.anyio\n", ""))
    pytester.runpytest().assert_outcomes(passed=3)


def test_the_output_of_the_first_test(pytester, monkeypatch):
    """What the page shows of the run is what one sees, in a terminal of 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = next(text for kind, text in BLOCKS if kind == "text").splitlines()
    pytester.makepyfile(test_fetch=PROGRAMS[0])
    result = pytester.runpytest("--anyio-backends")
    versions = re.sub(r"\d[\d.]*", "*", shown[0])
    result.stdout.fnmatch_lines([versions, *shown[2:]])


def test_every_kind_of_block_is_known():
    """Nothing on the page escapes these tests by being of another kind."""
    assert {kind for kind, _ in BLOCKS} == {"python", "toml", "text", "console", "ini", "yaml"}


@pytest.mark.parametrize("setting", ["anyio_backends", "virtual_time", "no_leaks"])
def test_the_settings_exist(pytester, setting):
    """Each ini setting and marker of the page is the plugin's."""
    assert setting in TEXT
    result = pytester.runpytest("--markers")
    result.stdout.fnmatch_lines([f"@pytest.mark.{setting}(*"])
    result = pytester.runpytest("--help")
    result.stdout.fnmatch_lines([f"  {setting} (*"])
