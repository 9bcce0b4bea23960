"""What the command line says of itself, of bad use, and at Ctrl-C."""

import os
import re
import signal
import subprocess
import sys

import pytest

pytest.importorskip("typer", reason="needs Typer: pip install 'portable-tasks[cli]'")

import portable.cli
from portable.cli import INTERRUPTED, main
from portable.patterns import pattern_names


@pytest.fixture
def said(capsys, monkeypatch):
    """Runs the command line in this process, in 80 columns; gives its code and what it says."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["portable", *words])
        with pytest.raises(SystemExit) as end:
            main()
        out, err = capsys.readouterr()
        return end.value.code, out + err

    return run


def _listed(text):
    return text.partition("Commands:\n")[2].partition("\n\n")[0]


def _commands(text):
    return re.findall(r"^  ([\w-]+) +\S", _listed(text), re.MULTILINE)


def test_summaries_are_whole(said):
    """The list of commands has each with a whole sentence, in 80 columns."""
    _, text = said("--help")
    listed = _listed(text).splitlines()
    assert len(listed) == len(_commands(text))
    assert all(line.endswith(".") and not line.endswith("...") for line in listed)


def test_the_help_says_where_to_begin(said):
    """Whoever has the wheel alone is sent to a page that is there."""
    _, text = said("--help")
    (command,) = re.findall(r"New here\? `portable (.+?)`", text)
    code, page = said(*command.split())
    assert code == 0
    assert "$ portable compare" in page


def test_values_have_plain_names(said):
    """No help names a type of Python's; what an option takes is a word in capitals."""
    _, text = said("--help")
    for command in _commands(text):
        code, text = said(command, "--help")
        assert code == 0
        assert not re.search(r"<\w|\b(TEXT|INTEGER|FLOAT)\b|\bPATH\b(?!\[)", text), command
        for names in re.findall(r"^  (--\S+(?: \S+)?)(?:  |$)", text, re.MULTILINE):
            assert re.fullmatch(r"--[\w-]+(?: [A-Z|{}.,:\[\]]+)?", names), command


RUN = "RUN"  # a file of results


def _short(word):
    return word.replace(__file__, "FILE")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["compare", "none.py", "none.py"], "ORIGINAL: none.py: there is no such file"),
        (["compare", __file__ + ":no", "none.py"], "has no function 'no'"),
        (["bench", "--size", "big"], "--size: 'big' is unknown; there are: smoke, small, full"),
        (["bench", "--clock", "moon"], "--clock: 'moon' is unknown; there are: wall, cpu"),
        (["bench", "--backends", "nope"], "--backends: unknown backend 'nope'"),
        (["check", "--backends", "nope"], "--backends: unknown backend 'nope'"),
        (["check", "--seed", "x"], "--seed: 'x' names no schedule; write an integer"),
        (
            ["check", "--schedules", "x"],
            "--schedules: 'x' does not fit; write an integer from 1",
        ),
        (
            ["check", "--schedules", "0"],
            "--schedules: '0' does not fit; write an integer from 1",
        ),
        (
            ["check", "--stretch", "-1"],
            "--stretch: '-1' does not fit; write seconds, 0 or more",
        ),
        (["bench", "--time", "soon"], "--time: 'soon' does not fit; write seconds, 1 or more"),
        (
            ["compare", "a", "b", "--schedules", "1.5"],
            "--schedules: '1.5' does not fit; write an",
        ),
        (
            ["compare", "a", "b", "--time-limit", "0"],
            "--time-limit: '0' does not fit; write seco",
        ),
        (
            ["compare", "a", "b", "--tolerance", "nan"],
            "--tolerance: 'nan' does not fit; write se",
        ),
        (["compare", "a", "b", "--until", "x"], "--until: 'x' does not fit; write seconds"),
        (
            ["compare", __file__, __file__, "--ignore", ""],
            "--ignore: no stream is named; known are",
        ),
        (
            ["compare", __file__, __file__, "--ignore", ","],
            "--ignore: no stream is named; known",
        ),
        (["check", "--backends", ""], "--backends: no backend is named; known are: asyncio"),
        (["bench", "--json", "no/x"], "--json: cannot write to 'no/x': "),
        (["check", "--json", "no/x"], "--json: cannot write to 'no/x': "),
        (["compare", __file__, __file__, "--html", "no/x"], "--html: cannot write to 'no/x': "),
        (["show", "timeout", "--html", "no/x"], "--html: cannot write to 'no/x': "),
        (["bench-report", "none.json"], "FILE: none.json: No such file or directory"),
        (["bench-report", RUN, "none.json"], "OLDER: none.json: No such file or directory"),
        (["bench-report", __file__], f"FILE: {__file__}: not from these benchmarks; make one "),
        (["bench-report", RUN, "--readme", "no/x"], "--readme: cannot write to 'no/x': "),
        (["bench-report", RUN, "--limits", "no/x"], "--limits: cannot write to 'no/x': "),
        (
            ["bench-report", RUN, "--limits", "x", "--readme", "y"],
            "--limits: either this or --readme",
        ),
        (["bench-report", RUN, "--limits", "x", "--to", "y"], "--to: --limits writes one file"),
    ],
    ids=lambda words: " ".join(map(_short, words)) if type(words) is list else "",
)
def test_bad_use_is_told_once(said, words, says, tmp_path):
    """The error stands once and alone, begins with what was typed, and names no inside."""
    run = tmp_path / "run.json"
    run.write_text(
        '{"benchmarks": [], "portable": {"unmeasured": [], "about": {"command": ""}}}'
    )
    code, text = said(*(str(run) if word is RUN else word for word in words))
    assert code == 2
    assert text.startswith("Usage: ")
    assert text.count("Error: ") == 1
    assert f"Invalid value for {says}" in text or says in text
    assert "[Errno" not in text


def test_ctrl_c_is_answered(said, monkeypatch):
    """Whoever presses Ctrl-C sees that it was heard, whichever way it comes out."""
    for way in (lambda: INTERRUPTED, lambda: signal.raise_signal(signal.SIGINT)):
        monkeypatch.setattr(portable.cli, "_main", way)
        assert said("check") == (INTERRUPTED, "portable: interrupted\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("portable show cancel", {name for name in pattern_names() if name[:6] == "cancel"}),
        ("portable bench timeout_i", {"timeout_idle"}),
        ("portable docs differ", {"differences"}),
        ("portable compa", {"compare"}),
    ],
)
def test_the_shell_completes(typed, offered):
    """Commands, patterns, operations and pages are completed as bash asks for it."""
    asked = {
        "_PORTABLE_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from portable.cli import main; main()"],
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert set(done.stdout.split()) == offered, done.stderr
