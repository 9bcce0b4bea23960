"""The command line: what it prints, where, and what it exits with."""

import contextlib
import io
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

import portable.cli
import portable.patterns
from portable._backends import BACKENDS
from portable.cli import main
from portable.patterns import get_pattern, pattern_names

pytest.importorskip("typer", reason="needs Typer: pip install 'portable-tasks[cli]'")
pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[cli]'")

INSTALLED = [name for name, backend in BACKENDS.items() if backend.installed]


class Ended(NamedTuple):
    code: object
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs the command line in this process."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["portable", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return Ended(end.value.code, *capsys.readouterr())

    return run


def finished(*arguments: str, **environment: str) -> Ended:
    """Runs the command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "portable", *arguments],
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def add_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str, str], None]]:
    """Adds a pattern of that name whose two programs have the body given."""
    paths = [*portable.patterns.__path__, str(tmp_path)]
    monkeypatch.setattr(portable.patterns, "__path__", paths)

    def add(name: str, body: str) -> None:
        programs = [
            f"async def {program}():\n    program = {program!r}\n    {body}\n"
            for program in ("original", "port")
        ]
        (tmp_path / f"{name}.py").write_text("\n".join(['"""Added."""', *programs]))

    yield add
    get_pattern.cache_clear()
    for file in tmp_path.glob("*.py"):
        sys.modules.pop(f"portable.patterns.{file.stem}", None)


def cells(out: str, row: str) -> list[str]:
    (line,) = (line for line in out.splitlines() if f"{line} ".lstrip().startswith(f"{row}  "))
    return re.split(r"\s{2,}", line.strip())


@pytest.mark.slow
def test_check(command: Command) -> None:
    """All patterns pass: a row for each program, a cell for each backend, exit code 0."""
    code, out, err = command("check")
    assert (code, err) == (0, "")
    assert "different" not in out
    for pattern in pattern_names():
        assert f"\n{pattern}" in f"\n{out}"
    for program in ("original", "port"):
        assert len(re.findall(f"^  {program}  ", out, re.MULTILINE)) == len(pattern_names())
    count = len(pattern_names())
    assert out.splitlines()[-1].startswith(f"{count} patterns, {count * 2 * len(BACKENDS)} ")


TUTORIAL = ("run_a_task", "cancel_a_task", "result_and_completion", "timeout")


@pytest.mark.parametrize("backend", INSTALLED)
@pytest.mark.parametrize("pattern", TUTORIAL)
def test_the_tutorial_patterns_work(command: Command, pattern: str, backend: str) -> None:
    """Those that tutorials begin with do the same on each backend, original and port."""
    code, out, _ = command("check", pattern, "--backends", backend)
    assert code == 0
    verdicts = {name: cells(out, name)[1].split()[0] for name in ("original", "port")}
    assert verdicts == {
        "original": "reference" if backend == "asyncio" else "same",
        "port": "same",
    }


def test_check_one_pattern_on_one_backend(command: Command) -> None:
    """Named patterns and backends are checked, and no others; each once."""
    code, out, _ = command("check", "timeout", "timeout", "--backends", "asyncio,asyncio")
    assert code == 0
    assert cells(out, "pattern, program") == ["pattern, program", "asyncio"]
    assert cells(out, "original") == ["original", "reference 4 s"]
    assert cells(out, "port") == ["port", "same 4 s"]
    assert "cancel_a_task" not in out
    assert out.splitlines()[-1] == "1 pattern, 2 programs and backends: 1 same, 1 reference"


def test_a_difference_is_shown_and_exits_with_1(
    command: Command, add_pattern: Callable[[str, str], None]
) -> None:
    """Below the table both sides are shown where they part; the exit code says so."""
    add_pattern("wrong", "print('[bold] \\u2192', program)")
    code, out, _ = command("check", "wrong", "--backends", "asyncio")
    assert code == 1
    assert cells(out, "port") == ["port", "different 0 s"]
    assert "\nwrong\n" in out
    assert "  port on asyncio: different (original on asyncio)\n" in out
    assert re.search(
        r"^\| +0 s #0 +\[bold\] \u2192 original +\| +0 s #0 +\[bold\] \u2192 port$", out, re.M
    )


def test_another_order_and_declared_differences_are_told(
    command: Command, add_pattern: Callable[[str, str], None], tmp_path: Path
) -> None:
    """What is equivalent but not the same is told below the table; the exit code is 0."""
    add_pattern("declared", "print(program)")
    with (tmp_path / "declared.py").open("a") as file:
        file.write(
            "from portable.equivalence import DeclaredDifference, Observation\n"
            "DECLARED = [DeclaredDifference('own', 'a name', "
            "(Observation(0.0, 'stdout', 'original'),), "
            "(Observation(0.0, 'stdout', 'port'),))]\n"
        )
    code, out, _ = command("check", "declared", "--backends", "asyncio")
    assert code == 0
    assert cells(out, "port") == ["port", "declared 0 s"]
    assert "  declared own: a name\n" in out
    assert "-     0.0 s  stdout  original\n" in out


def test_json_to_a_file(command: Command, tmp_path: Path) -> None:
    """The results are written as JSON, with the versions of all that took part."""
    file = tmp_path / "results.json"
    code, out, _ = command("check", "timeout", "--backends=asyncio", "--json", str(file))
    assert code == 0
    assert "reference" in out
    data = json.loads(file.read_text())
    assert data["schema"] == 2
    assert data["equivalent"] is True
    assert data["backends"]["asyncio"]["installed"] is True
    assert set(data) >= {"portable", "python", "anyio", "platform"}
    [comparison] = data["comparisons"]
    assert comparison["pattern"] == "timeout"
    (_, port) = comparison["results"]
    assert (port["program"], port["backend"]) == ("port", "asyncio")
    assert (port["verdict"], port["duration"]) == ("same", 4.0)
    assert port["compared_with"] == "asyncio"
    assert port["trace"]["observations"][0]["text"] == "fetching slow.example"


def test_json_to_stdout(command: Command, add_pattern: Callable[[str, str], None]) -> None:
    """With '-' stdout holds JSON alone, the table goes to stderr, the exit code stays."""
    add_pattern("wrong", "print(program)")
    code, out, err = command("check", "wrong", "--backends=asyncio", "--json", "-")
    assert code == 1
    assert json.loads(out)["equivalent"] is False
    [comparison] = json.loads(out)["comparisons"]
    assert "port on asyncio: different" in comparison["results"][1]["difference"]
    assert cells(err, "port") == ["port", "different 0 s"]


def test_schedules(command: Command, tmp_path: Path) -> None:
    """The ports run under each schedule, and a line tells how many traces that gave."""
    file = tmp_path / "results.json"
    options = ("--backends=asyncio", "--schedules=3", "--seed=7", "--json", str(file))
    code, out, err = command("check", "timeout", *options)
    assert (code, err) == (0, "")
    assert "3 schedules of each port (seeds 7 to 9), distinct traces:\n" in out
    one = command("check", "timeout", "--backends=asyncio", "--seed=7")
    assert "\n1 schedule of each port (seed 7), distinct traces:\n" in one[1]
    assert re.search(r"^  timeout +asyncio 1; all equivalent$", out, re.MULTILINE)
    [comparison] = json.loads(file.read_text())["comparisons"]
    assert comparison["schedules"] == [
        {
            "backend": "asyncio",
            "schedules": 3,
            "distinct_traces": 1,
            "failing_seeds": [],
            "shortest": None,
            "shrunk": None,
            "threads": False,
        }
    ]


@pytest.mark.slow
def test_a_schedule_that_fails(
    command: Command, add_pattern: Callable[[str, str], None], tmp_path: Path
) -> None:
    """A port that relies on luck exits with 1, and the command printed fails once more."""
    add_pattern("lucky", "print('a'); print('b')")
    with (tmp_path / "lucky.py").open("a") as file:
        file.write(
            "import anyio\n"
            "async def port():\n"
            "    seen = []\n"
            "    async def job(name):\n"
            "        seen.append(name)\n"
            "    async with anyio.create_task_group() as group:\n"
            "        group.start_soon(job, 'a')\n"
            "        group.start_soon(job, 'b')\n"
            "    print(*seen, sep='\\n')\n"
        )
    assert command("check", "lucky", "--backends=asyncio").code == 0
    code, out, _ = command("check", "lucky", "--backends=asyncio", "--schedules=20")
    assert code == 1
    assert "lucky: the port under schedules" in out
    again = re.search(r"once more: portable (check lucky --backends asyncio --seed \d+)", out)
    assert again is not None
    assert command(*again[1].split()).code == 1


def test_progress_on_a_terminal(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar counts the runs up to the last, and no program is seen to write it."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    code, out, err = command("check", "timeout", "--backends=asyncio", "--schedules=3")
    assert code == 0
    assert "different" not in out
    counts = [tuple(map(int, pair)) for pair in re.findall(r"(\d+)/(\d+)", err)]
    assert counts[-1] == (6, 6)
    assert counts == sorted(counts)


def test_progress_of_more_runs_than_planned(
    command: Command, add_pattern: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that differs has its original run more often, and the bar never overflows."""
    add_pattern("wrong", "print(program)")
    monkeypatch.setenv("FORCE_COLOR", "1")
    code, _, err = command("check", "wrong", "--backends=asyncio", "--schedules=1")
    assert code == 1
    counts = [tuple(map(int, pair)) for pair in re.findall(r"(\d+)/(\d+)", err)]
    assert all(done <= total for done, total in counts)
    assert counts[-1][0] > 4


@pytest.mark.parametrize("seconds", [1, 8], ids=["short", "long"])
def test_progress_in_a_pipe(
    command: Command, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    """Where no bar can be drawn, a line says how far it is, once in half a minute."""
    time = itertools.count(step=seconds)
    monkeypatch.setattr("portable.cli.progress.monotonic", lambda: next(time))
    code, _, err = command("check", "timeout", "--backends=asyncio", "--schedules=3")
    assert code == 0
    told = re.findall(r"^portable: (.*)$", err, re.MULTILINE)
    assert told == (["4 of 6 done after 32 s"] if seconds == 8 else [])


def test_progress_in_a_pipe_past_what_was_planned(
    command: Command, add_pattern: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where more runs are needed than were planned, no total is told."""
    add_pattern("wrong", "print(program)")
    time = itertools.count(step=40)
    monkeypatch.setattr("portable.cli.progress.monotonic", lambda: next(time))
    code, _, err = command("check", "wrong", "--backends=asyncio", "--schedules=1")
    assert code == 1
    told = re.findall(r"^portable: (.*)$", err, re.MULTILINE)
    assert told[3:5] == [
        "4 of 4 done after 160 s",
        "5 done, more than planned, after 200 s",
    ]


def test_progress_while_a_run_takes_long(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comparison says how far it is also before the first run has ended."""
    file = tmp_path / "program.py"
    file.write_text("async def main():\n    print('there')\n")
    monkeypatch.setattr("portable.cli.progress._TELL_AFTER", 0.001)
    code, _, err = command("compare", str(file), str(file), "--backends=asyncio")
    assert code == 0
    assert err.startswith("portable: 0 of 3 done after 0 s\n")


def test_output_that_is_no_file(command: Command) -> None:
    """Whoever puts something else in the place of standard output gets the text there."""
    with contextlib.redirect_stdout(io.StringIO()) as text:
        command("list")
    assert text.getvalue() == command("list").out


def test_a_page_without_htpy(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a page needs is named, with the command that installs it."""
    monkeypatch.setitem(sys.modules, "htpy", None)
    monkeypatch.delitem(sys.modules, "portable.equivalence.page", raising=False)
    code, _, err = command("show", "timeout", "--html", str(tmp_path / "page.html"))
    assert code == 2
    assert "a page needs htpy; install it with: pip install 'portable-tasks[cli]'" in err


def test_json_to_nowhere(command: Command, tmp_path: Path) -> None:
    """A file that cannot be written is bad use, told without a traceback."""
    code, _, err = command("check", "timeout", "--backends=asyncio", "--json", str(tmp_path))
    assert code == 2
    assert "--json: cannot write to" in err


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_json_that_fails_late(command: Command, tmp_path: Path) -> None:
    """A file that turns out not to be writable is told with the system's reason."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "out.json")
    file = str(tmp_path / "link")
    code, out, err = command("check", "timeout", "--backends=asyncio", "--json", file)
    assert code == 2
    assert cells(out, "port") == ["port", "same 4 s"]
    told = "".join(err.replace("│", "").split())
    assert "--json:cannotwriteto" in told
    assert "Nosuchfileordirectory" in told


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--declare", "{"), "--declare: is no TOML"),
        (("--declare", "nothing.toml"), "--declare: nothing.toml: cannot be read"),
        (("--real-time", "--schedules", "2"), "--schedules: the order of real time"),
        (("--until", "0"), "--until: must be positive and finite, got 0.0"),
        (("--until", "nan"), "--until: must be positive and finite, got nan"),
        (("--stdin", "nothing.txt"), "--stdin: there is no such file: nothing.txt"),
        (("--normalize", "("), "--normalize: '(' is no regular expression"),
        (("--tolerance", "nan"), "--tolerance"),
        (("--ignore", "stdout,smells"), "--ignore: 'smells' is unknown; known are: stdout"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_options_of_compare(
    command: Command, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    """What an option cannot mean is told by its name, before anything runs; exit code 2."""
    program = tmp_path / "program.py"
    program.write_text("def main(): raise AssertionError('it runs')")
    code, out, err = command("compare", str(program), str(program), *options)
    assert (code, out) == (2, "")
    assert "".join(says.split()) in "".join(err.replace("│", "").split())


@pytest.mark.slow
def test_a_program_that_cannot_be_loaded(command: Command, tmp_path: Path) -> None:
    """The exit code is 2; the page, and the JSON in which it is a failure, are written."""
    program, page = tmp_path / "program.py", tmp_path / "page.html"
    program.write_text("1 / 0\ndef main(): pass")
    target = f"{program}:main"
    options = ("--backends=asyncio", "--json", "-", "--html", str(page))
    code, out, _ = command("compare", target, target, *options)
    assert code == 2
    [comparison] = json.loads(out)["comparisons"]
    for result in comparison["results"]:
        assert result["failure"]["kind"] == "unloadable"
        assert "ZeroDivisionError" in result["failure"]["message"]
        assert (result["trace"], result["ended"], result["duration"]) == (None, None, None)
    assert "ZeroDivisionError" in page.read_text()


@pytest.mark.slow
def test_a_missing_backend_to_compare_on(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named, a backend that is missing makes the exit code 2; by default it is skipped."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    program = tmp_path / "program.py"
    program.write_text("import asyncio\nasync def main(): print('there')\n")
    two = str(program), str(program)
    assert command("compare", *two, "--backends", "asyncio,uvloop").code == 2
    assert command("compare", *two).code == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("check", "time_out"), r"known are: .*timeout.*Did you mean 'timeout'\?"),
        (("show", "nothing"), "known are: .*cancel_a_task"),
        (("check", "--backends", "triio"), r"asyncio, uvloop, trio.*Did you mean 'trio'\?"),
        (("check", "--backends", ","), "known are: asyncio, uvloop, trio"),
        (("check", "--backend", "trio"), "No such option"),
        (("chekc",), "No such command 'chekc'"),
    ],
)
def test_bad_use(command: Command, arguments: tuple[str, ...], expected: str) -> None:
    """What is unknown is answered with what is known, and exit code 2."""
    code, out, err = command(*arguments)
    assert (code, out) == (2, "")
    assert re.search(expected, " ".join(err.split()))
    assert "Traceback" not in err


def test_a_missing_backend_is_skipped(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backend that is not installed is shown as skipped, with what installs it."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    code, out, _ = command("check", "timeout")
    assert code == 0
    assert cells(out, "port")[2] == "skipped"
    assert "uvloop: skipped, as it is not installed; install it with: pip install" in out


def test_a_missing_backend_that_is_named(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named, it is shown in the same way, what can run runs, and the exit code is 2."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    code, out, _ = command("check", "timeout", "--backends", "asyncio,uvloop")
    assert code == 2
    assert cells(out, "port") == ["port", "same 4 s", "skipped"]


@pytest.mark.parametrize("module", ["typer", "rich", "time_machine"])
def test_a_missing_package(
    command: Command, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """Without one of its packages the command says what to install, and no more."""
    # Not through sys.modules: time-machine, once used, looks itself up there at every call
    # of time.time(), and old versions crash if it is gone.
    monkeypatch.setattr(
        portable.cli, "find_spec", lambda name: None if name == module else find_spec(name)
    )
    code, out, err = command("list")
    assert (code, out) == (2, "")
    assert err == (
        f"portable: the command line needs {module.replace('_', '-')}; "
        "install it with: pip install 'portable-tasks[cli]'\n"
    )


def test_ctrl_c(command: Command, add_pattern: Callable[[str, str], None]) -> None:
    """Ctrl-C in the middle of a check exits with 130 and prints no traceback."""
    add_pattern("stopped", "import signal; signal.raise_signal(signal.SIGINT)")
    assert command("check", "stopped") == (130, "", "portable: interrupted\n")


def test_list(command: Command) -> None:
    """Each pattern has a line with its name and title."""
    code, out, _ = command("list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(pattern_names())
    assert re.search(r"^timeout +Time a task out$", out, re.MULTILINE)


def test_version(command: Command) -> None:
    """The version is a line of its own."""
    code, out, _ = command("--version")
    assert code == 0
    assert re.fullmatch(r"portable \d+\.\d+\S*\n", out)


def test_show_in_a_pipe(command: Command) -> None:
    """In a pipe the two programs come as plain Python, one below the other."""
    code, out, _ = command("show", "timeout")
    assert code == 0
    assert "\x1b" not in out
    positions = [out.index(f"async def {name}()") for name in ("original", "port")]
    assert positions == sorted(positions)
    assert "# original: raw asyncio\n" in out
    assert "# port: the AnyIO way\n" in out
    assert "drop" not in out


def test_show_as_a_page(command: Command, tmp_path: Path) -> None:
    """A page has the two programs and how they run, whatever stands on the screen."""
    file = tmp_path / "timeout.html"
    code, _, err = command("show", "timeout", "--html", str(file))
    assert (code, err) == (0, "")
    text = file.read_text("utf-8")
    assert "Time a task out: equivalent" in text
    assert "async def port()" in text
    assert command("show", "timeout", "--html", str(tmp_path)).code == 2


@pytest.mark.slow
def test_show_side_by_side() -> None:
    """A wide terminal has the two programs side by side, highlighted."""
    ended = finished("show", "timeout", FORCE_COLOR="1", COLUMNS="250")
    assert ended.code == 0
    assert "\x1b[" in ended.out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", ended.out)
    (line,) = (line for line in plain.splitlines() if "async def original" in line)
    assert "async def port" in line


@pytest.mark.slow
def test_show_in_a_narrow_terminal() -> None:
    """A narrow terminal has them one below the other."""
    ended = finished("show", "timeout", FORCE_COLOR="1", COLUMNS="80")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", ended.out)
    assert not any("def original" in line and "def port" in line for line in plain.splitlines())
    assert "async def port" in plain


@pytest.mark.slow
def test_no_color() -> None:
    """NO_COLOR is respected, even where colours are forced."""
    ended = finished("check", "timeout", FORCE_COLOR="1", NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", ended.out)
    assert ended.code == 0


@pytest.mark.slow
def test_the_table_fits() -> None:
    """In 80 columns, as in a pipe, nothing is cut off and no line is longer."""
    ended = finished("check", COLUMNS="80")
    assert ended.code == 0
    assert "\N{HORIZONTAL ELLIPSIS}" not in ended.out
    # A command stays in one piece, so that it can be copied.
    lines = [line for line in ended.out.splitlines() if "pip install" not in line]
    assert max(map(len, lines)) <= 80


@pytest.mark.slow
def test_ascii_output(tmp_path: Path) -> None:
    """Where the output's encoding is ASCII, everything is, and nothing fails."""
    for arguments in (["check"], ["list"], ["show", "timeout"]):
        ended = finished(*arguments, PYTHONIOENCODING="ascii")
        assert (ended.code, ended.err) == (0, "")
        assert ended.out.isascii()


def test_characters_that_the_encoding_lacks(
    add_pattern: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a program prints is shown escaped where the encoding has no character for it."""
    add_pattern("wrong", "print('\\u2192', program)")
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["portable", "check", "wrong", "--backends", "asyncio"])
    with pytest.raises(SystemExit):
        main()
    assert b"\\u2192 port" in stream.buffer.getvalue()  # type: ignore[attr-defined]


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["list"], ["show", "timeout"], ["check", "timeout"]])
def test_a_closed_pipe(arguments: list[str]) -> None:
    """If the reader goes away, the command ends as shells expect, without a traceback."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "portable", *arguments]
    with os.fdopen(write, "wb") as closed:
        done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.slow
def test_nothing_heavy_is_loaded_early() -> None:
    """The module of the entry point loads neither Typer nor Rich nor an event loop."""
    code = "import sys, portable.cli; print(*{'typer', 'rich', 'trio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "\n", done.stderr
