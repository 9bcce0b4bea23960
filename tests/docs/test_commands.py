"""The commands in the README work."""

import re
import shlex
import subprocess
import sys

import pytest

from portable._backends import installed_backends

from .pages import BLOCKS, COMMANDS, ROOT


def run_command(*words):
    return subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, cwd=ROOT, check=False
    )


def needs_what_is_named(command):
    named = re.search(r"--anyio-backends=(\S+)", command)
    if named and not set(named[1].split(",")) <= set(installed_backends()):
        pytest.skip("it names backends that are not installed")


def test_every_command_has_its_prompt():
    """What is typed begins with `$ `, in every block of a shell."""
    shells = [block for block in BLOCKS if block.kind == "console"]
    assert all(line.startswith("$ ") for block in shells for line in block.commands)


def test_every_command_is_tested():
    """Each of the README's is portable's, pytest's, or pip's."""
    others = {text for text in COMMANDS if not text.startswith(("portable ", "pytest "))}
    assert {text for text in others if "&&" not in text} == {
        "pip install 'portable-tasks[all]'",
        "pip install 'portable-tasks[trio]'",
    }


def _typed_anywhere(program):
    found = [
        shlex.split(line.removeprefix("$ "), comments=True)
        for block in BLOCKS
        if block.kind == "console"
        for line in block.commands
    ]
    return [
        pytest.param(words[1:], id=shlex.join(words)) for words in found if words[0] == program
    ]


@pytest.mark.parametrize("words", _typed_anywhere("portable"))
def test_every_command_of_portable_is_understood(words):
    """On every page: there is such a command, and it takes what it is given."""
    pytest.importorskip("typer", reason="needs Typer: pip install 'portable-tasks[cli]'")
    from typer.main import get_command

    from portable.cli.app import app

    name, *rest = words
    if name in ("--help", "--install-completion"):
        return
    with get_command(app).commands[name].make_context(name, rest):
        pass


@pytest.mark.parametrize("words", _typed_anywhere("pytest"))
def test_every_option_of_pytest_is_there(words, pytestconfig):
    """On every page: pytest, portable's plugin or pytest-benchmark has the option."""
    for option in (word.partition("=")[0] for word in words if word.startswith("--")):
        assert pytestconfig.getoption(option, default="not there") != "not there", option


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("portable ")])
def test_commands_of_portable_work(command):
    """Each runs as it stands and succeeds."""
    if "bench" in command:
        command += " --help"  # it takes minutes; tests/bench runs it
    done = run_command(*shlex.split(command))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("pytest ")])
def test_commands_of_pytest_find_their_tests(command):
    """Each is understood and finds tests; what they do when run is for the build to see."""
    needs_what_is_named(command)
    words = shlex.split(command)
    if "benchmarks/" not in words:
        # One file in the place of all: whether they are found is the same question.
        assert words[-1] in ("tests/", "--anyio-backends")
        words = [word for word in words if word != "tests/"] + ["tests/test_errors.py"]
    done = run_command(*words, "--collect-only", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ tests collected", done.stdout)
