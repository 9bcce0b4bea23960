"""Comparing a user's own two programs, each run in a process of its own."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portable._backends import BACKENDS
from portable.equivalence import Reading, Report, compare_programs
from portable.equivalence.comparing import judge_programs
from portable.equivalence.declaring import read_declarations
from portable.equivalence.isolated import Isolated
from portable.equivalence.judging import Batch, Measure
from portable.equivalence.rendering import text_of
from portable.equivalence.run import Run
from portable.equivalence.target import Target, TargetError

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
HANG = "def main():\n    while True: pass\n"

Write = Callable[..., str]
Compare = Callable[..., Report]


def verdicts(report: Report) -> dict[tuple[str, str], str]:
    return {(row.program, row.run.backend): row.verdict for row in report.rows}


def test_a_port_is_compared_on_every_backend(write: Write) -> None:
    """A good port is the same on each installed backend, at the same virtual times."""
    report = compare_programs(
        write(ORIGINAL, "original.py"), write(PORT), backends=INSTALLED, args=["'me'"]
    )
    assert report.equivalent, text_of(report)
    assert {row.run.trace.duration for row in report.rows if row.run.trace} == {2.0}
    for backend in INSTALLED:
        assert verdicts(report)["port", backend] == "same"
        assert verdicts(report)["original", backend] in ("same", "reference")
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
    "loop_factory": (
        "import asyncio, portable\ndef main():\n    with asyncio.Runner(loop_factory="
        "portable.trio_loop) as runner:\n        return runner.run(job(asyncio))\n"
    ),
    "anyio.run": "import anyio\ndef main():\n    return anyio.run(job, anyio)\n",
    "portable.run": "import portable\ndef main():\n    return portable.run(job(portable))\n",
    "script": ("import asyncio\nif __name__ == '__main__':\n    asyncio.run(job(asyncio))\n"),
}
JOB = "async def job(lib):\n    await lib.sleep(3600)\n    print('an hour later')\n"


@pytest.mark.parametrize("starter", STARTERS)
def test_a_program_may_start_its_loop_itself(write: Write, starter: str) -> None:
    """Each way to start a loop is caught, and the program runs in virtual time, everywhere."""
    original = JOB + "import asyncio\nasync def main():\n    await job(asyncio)\n"
    port = write(JOB + STARTERS[starter])
    report = compare_programs(write(original, "original.py"), port, backends=INSTALLED)
    assert report.equivalent, text_of(report)


def test_a_program_may_start_its_loops_in_real_time(write: Write) -> None:
    """Each way to start a loop makes one of the backend's in real time, too."""
    file = write("""
import anyio, asyncio, portable
async def job(lib):
    await lib.sleep(0.001)
    print(lib.__name__)
if __name__ == "__main__":
    asyncio.run(job(asyncio))
    with asyncio.Runner() as runner:
        runner.run(job(asyncio))
    loop = asyncio.new_event_loop()
    loop.run_until_complete(job(asyncio))
    loop.close()
    anyio.run(job, anyio)
    portable.run(job(portable))
""")
    report = compare_programs(file, file, backends=INSTALLED, real_time=True)
    assert set(verdicts(report).values()) <= {"same", "reference"}, text_of(report)
    for row in report.rows:
        assert row.run.trace is not None
        assert row.run.trace.lines("outcome") == ["returned None"]


@pytest.mark.skipif(not BACKENDS["trio"].installed, reason=BACKENDS["trio"].install_command)
def test_a_runner_may_run_several_times_on_trio(write: Write) -> None:
    """Main functions that one runner runs share a loop, on trio as well, and what they left."""
    text = """
import asyncio
async def first():
    return asyncio.create_task(asyncio.sleep(2, "there"), name="left")
async def then(task):
    print(await task)
def main():
    with asyncio.Runner() as runner:
        runner.run(then(runner.run(first())))
"""
    port = write(text)
    report = compare_programs(write(text, "original.py"), port, backends=["trio"])
    assert report.equivalent, text_of(report)
    assert verdicts(report)["original", "trio"] == "same"
    for row in report.rows:
        assert row.run.trace is not None
        assert row.run.trace.lines("tasks") == ["1 left running when main ended"]


@pytest.mark.skipif(not BACKENDS["trio"].installed, reason=BACKENDS["trio"].install_command)
def test_a_port_may_be_half_way(write: Write) -> None:
    """A port that uses asyncio in part is judged on trio as well, asyncio's loop being up."""
    original = """
import asyncio
async def main():
    queue = asyncio.Queue()
    async def put():
        await asyncio.sleep(1)
        queue.put_nowait("hello")
    async with asyncio.TaskGroup() as group:
        group.create_task(put())
        print(await queue.get())
"""
    port = original.replace("asyncio.TaskGroup", "anyio.create_task_group")
    port = port.replace("create_task(put())", "start_soon(put)").replace(
        "import asyncio", "import anyio, asyncio"
    )
    report = compare_programs(write(original, "original.py"), write(port), backends=["trio"])
    assert report.equivalent, text_of(report)


@pytest.mark.skipif(not BACKENDS["trio"].installed, reason=BACKENDS["trio"].install_command)
def test_an_original_that_differs_on_trio_is_told(write: Write) -> None:
    """Where the original itself is different on trio, that is told and blamed on no port."""
    original = """
import asyncio
from portable import current_backend
async def main():
    print("hello" if current_backend() == "asyncio" else "goodbye")
"""
    port = "import anyio\nasync def main():\n    print('hello')\n"
    report = compare_programs(write(original, "original.py"), write(port), backends=["trio"])
    assert report.equivalent, text_of(report)
    assert verdicts(report)["original", "trio"] == "different"
    assert "the original itself differs on trio; no port is blamed" in text_of(report)


@pytest.mark.skipif(not BACKENDS["trio"].installed, reason=BACKENDS["trio"].install_command)
def test_trio_run_is_caught(write: Write) -> None:
    """A program that calls trio.run runs on trio, in virtual time."""
    original = JOB + "import asyncio\nasync def main():\n    await job(asyncio)\n"
    port = JOB + "import trio\ndef main():\n    trio.run(job, trio)\n"
    report = compare_programs(write(original, "original.py"), write(port), backends=["trio"])
    assert report.equivalent, text_of(report)


def test_a_second_loop_goes_on_where_the_first_stopped(comparing: Compare) -> None:
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
    report = comparing(original, port)
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
    "a hang": (HANG, "hang", "hangs: ended after 1 s"),
    "os._exit": (
        "import os\ndef main(): os._exit(3)\n",
        "different",
        "exited with 3 at once (os._exit), where the original ",
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
        "waiting: __main__.main)",
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


def test_an_original_that_fails_proves_nothing(comparing: Compare) -> None:
    """Where the original has no trace no port is equivalent; the report says what helps."""
    report = comparing(HANG, PORT, time_limit=1, seeds=range(100))
    assert verdicts(report)["port", "asyncio"] == "unjudged"
    assert not report.equivalent
    assert not report.explored
    assert "--until SECONDS leaves a service" in text_of(report)
    assert "NOT judged" in text_of(report)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="there each run is a job of its own")
def test_an_original_that_hangs_is_not_run_once_more(write: Write, tmp_path: Path) -> None:
    """It runs twice to see what of it is noise; if it hangs, there is nothing to see."""
    began = tmp_path / "began"
    hang = f"""
async def main():
    with open({str(began)!r}, "a") as file:
        file.write("x")
    while True: pass
"""
    compare_programs(
        write(hang, "original.py"), write(PORT), backends=["asyncio"], time_limit=1
    )
    assert began.read_text() == "x"


def test_a_port_that_hangs_is_run_under_no_schedule(write: Write) -> None:
    """It would hang under each; on other backends the schedules are run."""
    port = """
import anyio, portable
async def main():
    while portable.current_backend() == "trio": pass
    await anyio.sleep(1)
    print("done")
"""
    backends = [name for name in ("asyncio", "trio") if BACKENDS[name].installed]
    report = compare_programs(
        write(ORIGINAL, "original.py"),
        write(port),
        time_limit=2,
        seeds=range(3),
        backends=backends,
    )
    assert [one.backend for one in report.explored] == ["asyncio"]
    assert verdicts(report).get(("port", "trio")) == ("hang" if "trio" in backends else None)
    assert "--until" not in text_of(report)


def test_tasks_that_draw_from_one_generator(comparing: Compare) -> None:
    """Where a program draws from `random` the report says so; if it differs, what helps."""
    original = """
import asyncio, random
async def draw(name):
    print(name, random.random())
async def main():
    await asyncio.gather(draw("a"), draw("b"))
"""
    for port, hint in (
        (original, False),
        (original.replace('"a"), ', '"a"), draw("c"), '), True),
    ):
        text = text_of(comparing(original, port))
        assert "not looked at: which task draws which number from `random`" in text
        assert ("a random.Random(seed) for each task" in text) is hint
    assert "random" not in text_of(comparing(ORIGINAL, PORT))


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


def test_one_process_for_each_run(comparing: Compare) -> None:
    """What a run leaves in its modules is not seen by the next."""
    text = "import {0}\nseen = []\nasync def main():\n    seen.append(1)\n    print(seen)\n"
    original, port = text.format("asyncio"), text.format("anyio")
    report = comparing(original, port, seeds=range(5))
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
def test_what_does_not_count(comparing: Compare, line: str, reading: Reading) -> None:
    """Something more on one side is a difference, unless it is said not to count."""
    original = "import asyncio\nasync def main():\n    print('at', 'you')\n"
    other = "    print('at', 'you')\n    " + line
    port = f"import anyio\nasync def main():\n{line if 'HERE' in line else other}\n"
    if "HERE" in line:
        port = f"import anyio\nasync def main():\n    {line}\n"
    assert not comparing(original, port).equivalent
    report = comparing(original, port, reading=reading)
    assert report.equivalent, text_of(report)


def test_tolerance(comparing: Compare) -> None:
    """What comes up to so many seconds early or late comes at the same time."""
    port = PORT.replace("sleep(2)", "sleep(2.25)")
    assert not comparing(ORIGINAL, port, reading=Reading(tolerance=0.2)).equivalent
    assert comparing(ORIGINAL, port, reading=Reading(tolerance=0.3)).equivalent


def test_real_time(comparing: Compare) -> None:
    """In real time the clock outside runs, and times do not count."""
    text = """
import time, {0}
async def main():
    start = time.monotonic()
    await {0}.sleep(0.01)
    print(time.monotonic() - start >= 0.01, time.time() > 1.6e9)
"""
    original, port = text.format("asyncio"), text.format("anyio")
    report = comparing(original, port, real_time=True)
    assert report.equivalent, text_of(report)
    assert report.rows[1].run.trace is not None
    assert report.rows[1].run.trace.lines("stdout") == ["True True"]


DECLARED = '{reason = "it is chatty", port = ["stdout: more"]}'


def test_a_declared_difference(comparing: Compare) -> None:
    """What is declared with a reason passes; what no longer occurs fails as stale."""
    chatty = PORT.replace("return 7", "print('more'); return 7")
    declared = read_declarations([DECLARED])
    report = comparing(ORIGINAL, chatty, declared=declared)
    assert verdicts(report)["port", "asyncio"] == "declared"
    report = comparing(ORIGINAL, PORT, declared=declared)
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
        ('{reason = "x", port = 5}', "port takes a list, got 5"),
        ('{reason = "x", port = [{stream = "stdout", time = "1"}]}', "a number of seconds"),
        ('{reason = "x", port = [{stream = "stdout", txt = "x"}]}', "a line takes stream"),
        ('{reason = "x", port = ["stdout: x"], backends = 5}', "backends takes a list"),
        ('{reason = "x", port = ["stdout: x"], backends = ["tri"]}', "you mean 'trio'"),
        ('{reason = "x", port = ["stdout: x"], id = "T9"}', "'T9' is no entry"),
    ],
)
def test_a_bad_declaration_is_refused(source: str, words: str) -> None:
    """A declaration that says nothing, or is none, is an error that says why."""
    with pytest.raises(ValueError, match=re.escape(words)):
        read_declarations([source])


def test_a_file_without_declarations_is_refused(write: Write) -> None:
    """A file of TOML that has no tables of differences is an error that names it."""
    file = write("colour = 1", "declared.toml")
    with pytest.raises(ValueError, match=re.escape("declared.toml: needs [[difference]]")):
        read_declarations([file])


def test_a_line_with_its_time(comparing: Compare) -> None:
    """A declared line may be a table, alone or in a list; with a time it holds there alone."""
    chatty = PORT.replace("return 7", "print('more'); return 7")
    declare = '{{reason = "chatty", port = {{stream = "stdout", text = "more", time = {}}}}}'
    report = comparing(ORIGINAL, chatty, declared=read_declarations([declare.format(2)]))
    assert verdicts(report)["port", "asyncio"] == "declared"
    report = comparing(ORIGINAL, chatty, declared=read_declarations([declare.format(1.5)]))
    assert verdicts(report)["port", "asyncio"] == "different"


def test_what_is_declared_need_not_occur_on_each_backend(write: Write) -> None:
    """One backend may be named as a word; elsewhere the difference does not hold."""
    [declared] = read_declarations(['{reason = "x", port = "stdout: x", backends = "trio"}'])
    assert declared.backends == ("trio",)


def test_an_original_runs_once_for_several_ports(write: Write) -> None:
    """Comparisons that share what they know run their original once."""
    original, isolated = write(ORIGINAL, "original.py"), Isolated()
    known: dict[Batch, list[Run]] = {}
    for changed in ("return 7", "return 8"):
        write(ORIGINAL.replace("return 7", changed), "original.py")
        port = write(PORT)
        measure = Measure((), Reading(), None)
        report = judge_programs(
            isolated, original, port, measure, backends=["asyncio"], known=known
        )
        assert report.equivalent
    assert {batch.role for batch in known} == {"original"}


def test_what_a_comparison_is_stopped_by_comes_out(write: Write) -> None:
    """An error out of `progress` stops the comparison, and no program goes on."""
    alive = Path(write("", "alive"))
    text = f"""
import os, select
def main():
    open({str(alive)!r}, 'w').write(str(os.getpid()))
    select.select([], [], [], 600)  # in reality
"""

    def stop() -> None:
        while not alive.read_text():
            time.sleep(0.02)
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        compare_programs(
            write(PORT),
            write(text, "long.py"),
            backends=["asyncio"],
            time_limit=500,
            progress=stop,
        )
    with pytest.raises(ProcessLookupError):
        for _ in range(500):
            os.kill(int(alive.read_text()), 0)
            time.sleep(0.02)


def test_a_thread_left_over_is_seen(comparing: Compare) -> None:
    """A thread that keeps the process alive is a difference, and keeps nobody waiting."""
    port = PORT.replace(
        "return 7",
        "import threading; threading.Thread(target=threading.Event().wait).start(); return 7",
    )
    report = comparing(ORIGINAL, port)
    assert report.rows[1].run.trace is not None
    assert report.rows[1].run.trace.lines("threads") == ["1 left running at the end"]
    assert not report.equivalent


@pytest.mark.parametrize("tasks", [10_000, pytest.param(100_000, marks=pytest.mark.thorough)])
def test_megabytes_and_many_tasks(comparing: Compare, tasks: int) -> None:
    """Output of megabytes, and what many tasks do, come through whole."""
    text = """
import {0}
async def main():
    for number in range(20):
        print(str(number) * 100_000)
    {1}
"""
    original, port = (
        text.format(name, f"print(len(await {name}.gather(*map({name}.sleep, [1] * {tasks}))))")
        for name in ("asyncio", "portable")
    )
    report = comparing(original, port, time_limit=120)
    assert report.equivalent, text_of(report)
