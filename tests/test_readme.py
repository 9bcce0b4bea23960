"""The README: its programs run, its commands work, its tables are true."""

import asyncio
import re
import shlex
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

import portable
from portable._backends import installed_backends
from portable.equivalence import Program, Verdict, compare, record
from portable.patterns import patterns

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
markdown_it = pytest.importorskip("markdown_it", reason="comes with Rich")
BLOCKS = [
    (token.info, token.content)
    for token in markdown_it.MarkdownIt().parse(README)
    if token.type == "fence"
]
PROGRAMS = [text for kind, text in BLOCKS if kind == "python"]
LINES = [line for kind, text in BLOCKS if kind == "console" for line in text.splitlines()]
COMMANDS = [line.removeprefix("$ ") for line in LINES]


def test_every_block_is_a_program_or_commands():
    """Nothing in the README escapes these tests by being of another kind."""
    assert {kind for kind, _ in BLOCKS} == {"python", "console"}
    assert all(
        line.startswith("$ ")
        for kind, text in BLOCKS
        if kind == "console"
        for line in text.splitlines()
    )


def test_the_first_example_is_one_program_three_times(monkeypatch):
    """Original, port and drop-in of the first example show the same, on every backend."""
    started = {}
    for name, module in {"asyncio": asyncio, "anyio": anyio, "portable": portable}.items():

        def take(main, *, backend=None, name=name):
            if asyncio.iscoroutine(main):
                main.close()
            started[name] = True

        with monkeypatch.context() as patched:
            patched.setattr(module, "run", take)
            block = next(text for text in PROGRAMS if f"import {name}\n" in text)
            namespace = {}
            exec(compile(block, f"README ({name})", "exec"), namespace)
        assert started[name]
        started[name] = Program(name, namespace["main"], starter=name)
    original = record(started["asyncio"], "asyncio")
    lines = [seen.text for seen in original.observations if seen.stream == "stdout"]
    assert lines == ["other code goes on", "the page of example.org"]
    for name in ("anyio", "portable"):
        for backend in installed_backends():
            trace = record(started[name], backend)
            assert compare(original, trace).verdict in (Verdict.SAME, Verdict.REORDERED)


@pytest.mark.parametrize("program", [p for p in PROGRAMS if "virtual_time" in p])
def test_programs_in_virtual_time_run(program):
    """Those that wait for nothing are run as they are, where their backends are there."""
    if len(installed_backends()) < 3:
        pytest.skip("it runs on uvloop and trio: pip install 'portable-tasks[uvloop,trio]'")
    exec(compile(program, "README", "exec"), {})


def run_command(*words):
    return subprocess.run(
        [sys.executable, "-m", *words], capture_output=True, text=True, cwd=ROOT, check=False
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("portable ")])
def test_commands_of_portable_work(command):
    """Each runs as it stands and succeeds."""
    done = run_command(*shlex.split(command))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in COMMANDS if c.startswith("pytest ")])
def test_commands_of_pytest_find_their_tests(command):
    """Each is understood and finds tests; what they do when run is for the build to see."""
    named = re.search(r"--anyio-backends=(\S+)", command)
    if named and not set(named[1].split(",")) <= set(installed_backends()):
        pytest.skip("it names backends that are not installed")
    words = shlex.split(command)
    if "benchmarks/" not in words:
        # One file in the place of all: whether they are found is the same question.
        assert words[-1] in ("tests/", "--anyio-backends")
        words = [word for word in words if word != "tests/"] + ["tests/test_errors.py"]
    done = run_command(*words, "--collect-only", "-q", "-p", "no:cacheprovider")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ tests collected", done.stdout)


def test_install_commands_are_run_by_the_build():
    """The two commands from a checkout are what the build begins with, word for word."""
    build = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    two = [
        command for command in COMMANDS if command.startswith("pip install") and "&&" in command
    ]
    assert len(two) == 2
    assert all(f'step "{command}"' in build for command in two)
    others = {c for c in COMMANDS if not c.startswith(("portable ", "pytest "))} - set(two)
    assert others == {"pip install portable-tasks"}


def test_the_table_of_patterns_is_the_catalogue():
    """The README lists every pattern with its title."""
    section = README.partition("## The patterns")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, flags=re.MULTILINE))
    assert listed == {pattern.name: pattern.title for pattern in patterns()}


def test_links_within_the_readme_lead_somewhere():
    """Each #anchor is a heading."""
    headings = {
        h.lower().replace(" ", "-") for h in re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", README)) <= headings
