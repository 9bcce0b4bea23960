"""Comparing a user's own two programs, each run in a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portable._backends import BACKENDS
from portable.cli import main as command_line
from portable.cli.comparing import as_json
from portable.equivalence import Reading, compare_programs
from portable.equivalence.comparing import Report
from portable.equivalence.declaring import read_declarations
from portable.equivalence.target import Target, TargetError
from portable.equivalence.telling import text_of

pytestmark = pytest.mark.slow

pytest.importorskip("typer", reason="needs Typer: pip install 'portable-tasks[cli]'")
pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[cli]'")

INSTALLED = [name for name, backend in BACKENDS.items() if backend.installed]

ORIGINAL = """
import asyncio

async def main(name="you"):
    await asyncio.sleep(2)
    print("hello", name)
    return 7
"""
PORT = ORIGINAL.replace("asyncio", "anyio")

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a program and returns its path."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "port.py") -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    return write


def verdicts(report: Report) -> dict[tuple[str, str], str]:
    return {(row.program, row.run.backend): row.verdict for row in report.rows}


def on_asyncio(write: Write, original: str, port: str, **options: object) -> Report:
    """Compares two texts on asyncio alone."""
    left, right = write(original, "original.py"), write(port)
    return compare_programs(left, right, backends=["asyncio"], **options)  # type: ignore[arg-type]


def test_a_port_is_compared_on_every_backend(write: Write) -> None:
    """A good port is the same on each installed backend, at the same virtual times."""
    report = compare_programs(
        write(ORIGINAL, "original.py"), write(PORT), backends=INSTALLED, args=["'me'"]
    )
    assert report.equivalent, text_of(report)
    assert {row.run.trace.duration for row in report.rows if row.run.trace} == {2.0}
    for backend in INSTALLED:
        assert verdicts(report)["port", backend] == "same"
    for row in report.rows:
        assert row.run.trace is not None
        assert row.run.trace.lines("stdout") == ["hello me"]
        assert row.run.trace.lines("outcome") == ["returned 7"]


STARTERS = {
    "asyncio.run": "import asyncio\ndef main():\n    return asyncio.run(job(asyncio))\n",
    "asyncio.Runner": (
        "import asyncio\ndef main():\n    with asyncio.Runner() as runner:\n"
        "        return runner.run(job(asyncio))\n"
    ),
    "bound early": "import asyncio\nfrom asyncio import run\ndef main():\n"
    "    return run(job(asyncio))\n",
    "anyio.run": "import anyio\ndef main():\n    return anyio.run(job, anyio)\n",
    "portable.run": "import portable\ndef main():\n    return portable.run(job(portable))\n",
    "script": ("import asyncio\nif __name__ == '__main__':\n    asyncio.run(job(asyncio))\n"),
}
JOB = "async def job(lib):\n    await lib.sleep(3600)\n    print('an hour later')\n"


@pytest.mark.parametrize("starter", STARTERS)
def test_a_program_may_start_its_loop_itself(write: Write, starter: str) -> None:
    """Each way to start a loop is caught, and the program runs in virtual time."""
    original = JOB + "import asyncio\nasync def main():\n    await job(asyncio)\n"
    report = on_asyncio(write, original, JOB + STARTERS[starter])
    assert report.equivalent, text_of(report)


@pytest.mark.skipif(not BACKENDS["trio"].installed, reason=BACKENDS["trio"].install_command)
def test_trio_run_is_caught(write: Write) -> None:
    """A program that calls trio.run runs on trio, in virtual time."""
    original = JOB + "import asyncio\nasync def main():\n    await job(asyncio)\n"
    port = JOB + "import trio\ndef main():\n    trio.run(job, trio)\n"
    report = compare_programs(write(original, "original.py"), write(port), backends=["trio"])
    assert report.equivalent, text_of(report)


def test_a_second_loop_goes_on_where_the_first_stopped(write: Write) -> None:
    """Two loops one after the other share one timeline, and the wall clock follows it."""
    body = """
import time, {lib}
def main():
    start = time.time()
    {lib}.run({call})
    print(time.time() - start)
    {lib}.run({call})
    print(time.time() - start)
"""
    original = body.format(lib="asyncio", call="asyncio.sleep(5)")
    port = body.format(lib="anyio", call="anyio.sleep, 5")
    report = on_asyncio(write, original, port)
    assert report.equivalent, text_of(report)
    trace = report.rows[0].run.trace
    assert trace is not None
    assert [(seen.time, seen.text) for seen in trace.observations[:2]] == [
        (5.0, "5.0"),
        (10.0, "10.0"),
    ]


ENDS = {
    "a missing file": (None, "unloadable", "no such file"),
    "a syntax error": ("def main(:\n", "unloadable", "line 1: SyntaxError"),
    "a failed import": (
        "import no_such_thing\ndef main(): ...\n",
        "unloadable",
        "no_such_thing",
    ),
    "no event loop": ("print('hello')\n", "unloadable", "started no event loop"),
    "a hang": ("def main():\n    while True: pass\n", "hang", "hangs: ended after 1 s"),
    "os._exit": (
        "import os\ndef main(): os._exit(3)\n",
        "crash",
        "the process ended with exit code 3 (os._exit), before the program did",
    ),
    "a segfault": (
        "import ctypes\nasync def main(): ctypes.string_at(0)\n",
        "crash",
        "line 2 in main",
    ),
    "a signal": (
        "import os, signal\ndef main(): os.kill(os.getpid(), signal.SIGKILL)\n",
        "crash",
        "ended by SIGKILL",
    ),
    "a deadlock": (
        "import anyio\nasync def main(): await anyio.Event().wait()\n",
        "different",
        "waiting: port.main)",
    ),
    "sys.exit": ("import sys\nasync def main(): sys.exit(3)\n", "different", "sys.exit(3)"),
    "Ctrl-C": ("async def main(): raise KeyboardInterrupt\n", "different", "Ctrl-C"),
}


@pytest.mark.parametrize("how", ENDS)
def test_each_bad_end_is_told_for_what_it_is(write: Write, how: str) -> None:
    """However a port ends, the report says how, and still shows the original."""
    text, verdict, words = ENDS[how]
    port = write(text) if text is not None else "no_such_file.py"
    report = compare_programs(
        write(ORIGINAL, "original.py"), port, backends=["asyncio"], time_limit=1
    )
    assert verdicts(report) == {
        ("original", "asyncio"): "reference",
        ("port", "asyncio"): verdict,
    }
    assert words in text_of(report)
    assert not report.equivalent
    assert report.loadable is (verdict != "unloadable")


def test_an_original_that_fails_proves_nothing(write: Write) -> None:
    """Where the original has no trace no port counts as equivalent, the same text included."""
    hang = "def main():\n    while True: pass\n"
    report = on_asyncio(write, hang, PORT, time_limit=1)
    assert verdicts(report)["port", "asyncio"] == "unjudged"
    assert not report.equivalent


def test_a_function_and_a_module_can_be_named(write: Write) -> None:
    """Targets are `file.py:function` and `package.module:function`."""
    write("", "package/__init__.py")
    write("import asyncio\nasync def old(): print('hi')\n", "package/programs.py")
    port = write("import anyio\nasync def new(): print('hi')\n") + ":new"
    report = compare_programs("package.programs:old", port, backends=["asyncio"])
    assert report.equivalent, text_of(report)


def test_an_unknown_function_lists_those_there_are(write: Write) -> None:
    """A function that is not there is an error that names the others."""
    with pytest.raises(TargetError, match="no function 'go'; it has: main"):
        Target.find(write(PORT) + ":go")


def test_one_process_for_each_run(write: Write) -> None:
    """What a run leaves in its modules is not seen by the next."""
    text = "import {0}\nseen = []\nasync def main():\n    seen.append(1)\n    print(seen)\n"
    original, port = text.format("asyncio"), text.format("anyio")
    report = on_asyncio(write, original, port, seeds=range(5))
    assert report.equivalent, text_of(report)


@pytest.mark.parametrize(
    ("line", "reading"),
    [
        ("print('at', 'HERE')", Reading(normalize=("HERE|you",))),
        ("import sys; print('x', file=sys.stderr)", Reading(ignore=("stderr",))),
        ("import logging; logging.getLogger('x').error('x')", Reading(ignore=("logging",))),
        ("import warnings; warnings.warn('x')", Reading(ignore=("warnings",))),
    ],
)
def test_what_does_not_count(write: Write, line: str, reading: Reading) -> None:
    """Something more on one side is a difference, unless it is said not to count."""
    original = "import asyncio\nasync def main():\n    print('at', 'you')\n"
    other = "    print('at', 'you')\n    " + line
    port = f"import anyio\nasync def main():\n{line if 'HERE' in line else other}\n"
    if "HERE" in line:
        port = f"import anyio\nasync def main():\n    {line}\n"
    assert not on_asyncio(write, original, port).equivalent
    report = on_asyncio(write, original, port, reading=reading)
    assert report.equivalent, text_of(report)


def test_tolerance(write: Write) -> None:
    """What comes up to so many seconds early or late comes at the same time."""
    port = PORT.replace("sleep(2)", "sleep(2.25)")
    assert not on_asyncio(write, ORIGINAL, port, reading=Reading(tolerance=0.2)).equivalent
    assert on_asyncio(write, ORIGINAL, port, reading=Reading(tolerance=0.3)).equivalent


def test_real_time(write: Write) -> None:
    """In real time the clock outside runs, and times do not count."""
    text = """
import time, {0}
async def main():
    start = time.monotonic()
    await {0}.sleep(0.01)
    print(time.monotonic() - start >= 0.01, time.time() > 1.6e9)
"""
    original, port = text.format("asyncio"), text.format("anyio")
    report = on_asyncio(write, original, port, real_time=True)
    assert report.equivalent, text_of(report)
    assert report.rows[1].run.trace is not None
    assert report.rows[1].run.trace.lines("stdout") == ["True True"]


DECLARED = '{reason = "it is chatty", port = ["stdout: more"]}'


def test_a_declared_difference(write: Write) -> None:
    """What is declared with a reason passes; what no longer occurs fails as stale."""
    chatty = PORT.replace("return 7", "print('more'); return 7")
    declared = read_declarations([DECLARED])
    report = on_asyncio(write, ORIGINAL, chatty, declared=declared)
    assert verdicts(report)["port", "asyncio"] == "declared"
    report = on_asyncio(write, ORIGINAL, PORT, declared=declared)
    assert verdicts(report)["port", "asyncio"] == "different"
    assert "stale" in text_of(report)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("no_file.toml", "cannot be read"),
        ("{reason = }", "is no TOML"),
        ('{port = ["stdout: x"]}', "needs a sentence"),
        ('{reason = "x"}', "declares nothing"),
        ('{reason = "x", port = ["screen: x"]}', "streams are: stdout"),
        ('{reason = "x", colour = 1}', "takes backends, id"),
    ],
)
def test_a_bad_declaration_is_refused(source: str, words: str) -> None:
    """A declaration that says nothing, or is none, is an error that says why."""
    with pytest.raises(ValueError, match=re.escape(words)):
        read_declarations([source])


def test_a_thread_left_over_is_seen(write: Write) -> None:
    """A thread that keeps the process alive is a difference, and keeps nobody waiting."""
    port = PORT.replace(
        "return 7",
        "import threading; threading.Thread(target=threading.Event().wait).start(); return 7",
    )
    report = on_asyncio(write, ORIGINAL, port)
    assert report.rows[1].run.trace is not None
    assert report.rows[1].run.trace.lines("threads") == ["1 left running at the end"]
    assert not report.equivalent


def test_megabytes_and_many_tasks(write: Write) -> None:
    """Output of megabytes and 100,000 tasks come through whole."""
    text = """
import {0}
async def main():
    for number in range(20):
        print(str(number) * 100_000)
    {1}
"""
    original = text.format(
        "asyncio", "print(len(await asyncio.gather(*map(asyncio.sleep, [1] * 100_000))))"
    )
    port = text.format(
        "portable", "print(len(await portable.gather(*map(portable.sleep, [1] * 100_000))))"
    )
    report = on_asyncio(write, original, port, time_limit=120)
    assert report.equivalent, text_of(report)


CAUSES = {
    "D1": (
        """
async def main():
    async def job():
        try:
            await asyncio.sleep(9)
        finally:
            await asyncio.sleep(1)
            print("closed")
    task = asyncio.create_task(job())
    await asyncio.sleep(1)
    task.cancel()
    await asyncio.wait([task])
""",
        """
async def main():
    async def job():
        try:
            await anyio.sleep(9)
        finally:
            await anyio.sleep(1)
            print("closed")
    async with anyio.create_task_group() as group:
        group.start_soon(job)
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    await anyio.sleep(0)
""",
    ),
    "D5": (
        """
async def fail():
    raise ValueError("no")
async def main():
    await asyncio.gather(fail())
""",
        """
async def fail():
    raise ValueError("no")
async def main():
    async with anyio.create_task_group() as group:
        group.start_soon(fail)
""",
    ),
    "D6": (
        """
async def fail():
    raise ValueError("no")
async def main():
    asyncio.create_task(fail())
    await asyncio.sleep(1)
""",
        """
import portable
async def fail():
    raise ValueError("no")
async def main():
    portable.create_task(fail())
    await portable.sleep(1)
""",
    ),
}


@pytest.mark.parametrize("number", CAUSES)
def test_a_known_cause_is_named(write: Write, number: str) -> None:
    """A difference that looks like a declared one points at the section on how to port it."""
    original, port = CAUSES[number]
    report = on_asyncio(write, "import asyncio\n" + original, "import anyio\n" + port)
    [row] = (row for row in report.rows if row.program == "port")
    assert number in [cause.id for cause in row.causes], text_of(report)
    guide = Path(__file__).parents[2] / "docs" / "porting.md"
    titles = re.findall(r"^## (.*)$", guide.read_text(), re.MULTILINE)
    anchors = {title.lower().replace(" ", "-") for title in titles}
    for cause in row.causes:
        file, _, anchor = cause.paragraph.partition("#")
        assert file == "docs/porting.md"
        assert anchor in anchors


def test_the_command(
    write: Write, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code says what came out; the JSON has it all, and the command to repeat it."""
    monkeypatch.setenv("COLUMNS", "100")
    original, port = write(ORIGINAL, "original.py"), write(PORT.replace("(2)", "(3)"))

    def run(*arguments: str) -> object:
        argv = ["portable", "compare", *arguments, "--backends", "asyncio"]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as end:
            command_line()
        return end.value.code

    assert run(original, original) == 0
    capsys.readouterr()
    assert run(original, port, "--seed", "5", "--json", "out.json") == 1
    out = capsys.readouterr().out
    assert "--backends asyncio --seed 5" in out
    found = json.loads(Path("out.json").read_text())
    assert found["schema"] == 1
    assert found["schedules"][0]["failing_seeds"] == [5]
    assert run(original, "nothing.py") == 2
    assert run(original, port, "--ignore", "everything") == 2


@pytest.mark.skipif(os.name == "nt", reason="signals are sent to processes")
def test_ctrl_c_ends_everything(write: Write, tmp_path: Path) -> None:
    """After Ctrl-C the command exits with 130, and the programs it ran are gone."""
    alive = tmp_path / "alive"
    text = f"""
import os, time
def main():
    open({str(alive)!r}, 'w').write(str(os.getpid()))
    time.sleep(600)
"""
    port = write(text)
    arguments = [write(ORIGINAL, "original.py"), port, "--backends", "asyncio"]
    command = [sys.executable, "-m", "portable", "compare", *arguments, "--time-limit", "500"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while not (alive.exists() and alive.read_text()):
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    with pytest.raises(ProcessLookupError):
        for _ in range(500):
            os.kill(int(alive.read_text()), 0)
            time.sleep(0.02)


def test_the_json_is_documented(write: Write) -> None:
    """Every key that is written stands in the documentation of the schema."""
    data = as_json(on_asyncio(write, ORIGINAL, PORT.replace("7", "8"), seeds=[1]))
    text = (Path(__file__).parents[2] / "docs" / "compare-json.md").read_text()
    for part in (data, data["results"][0], data["schedules"][0]):
        for key in part:
            assert f"`{key}`" in text, key
