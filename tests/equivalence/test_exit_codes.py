"""The exit codes of child processes: seen however a program waits, and compared."""

import os
import sys
from collections.abc import Callable

import pytest

from portable._backends import BACKENDS
from portable.equivalence import Report, Trace, compare, compare_programs
from portable.equivalence.exit_codes import with_unknown_codes
from portable.equivalence.facts import what_happened
from portable.equivalence.isolated import Isolated
from portable.equivalence.rendering import text_of
from portable.equivalence.target import Role, Target
from portable.equivalence.trace import ChildExit, Observation, Outcome

Write = Callable[..., str]
Recorded = Callable[..., Trace]
INSTALLED = [name for name, backend in BACKENDS.items() if backend.installed]

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")
forks = pytest.mark.skipif(os.name == "nt", reason="the programs fork, and call a shell")


@pytest.fixture(params=INSTALLED)
def recorded(write: Write, request: pytest.FixtureRequest) -> Recorded:
    """Runs a text on a backend, and returns what was seen."""

    def recorded(text: str, role: Role = "original") -> Trace:
        target = Target.find(write(text, "program.py"))
        [run] = Isolated(time_limit=60).run(target, role, request.param)
        assert run.trace is not None, run.failure
        assert run.trace.outcome.result == "None", run.trace.outcome
        return run.trace

    return recorded


def _exits(trace: Trace) -> list[str]:
    """Return what is told of codes, once it is known that those beside 0 count."""
    compared = [line for line in trace.lines("children") if "ended" in line]
    assert compared == [one.text for one in trace.exits if one.code]
    return [str(one) for one in trace.exits]


@pytest.mark.slow
@forks
def test_each_way_to_wait(recorded: Recorded) -> None:
    """A code is seen by whatever call the program learns of it, in the loop or a thread."""
    text = """
import asyncio, multiprocessing, os, signal, subprocess, time

class Protocol(asyncio.SubprocessProtocol):
    def __init__(self):
        self.ended = asyncio.get_running_loop().create_future()
    def process_exited(self):
        self.ended.set_result(None)

def fork(code):
    pid = os.fork()
    if not pid:
        os._exit(code)
    return pid

async def main():
    subprocess.run("exit 1", shell=True)
    with subprocess.Popen("exit 2", shell=True):
        pass
    popen = subprocess.Popen("exit 3", shell=True)
    while popen.poll() is None:
        os.sched_yield()
    await asyncio.to_thread(subprocess.call, "exit 4", shell=True)
    process = await asyncio.create_subprocess_exec("sh", "-c", "exit 5")
    await process.wait()
    process = await asyncio.create_subprocess_shell("exit 6")
    await process.communicate()
    process = await asyncio.create_subprocess_shell("exit 7")
    while process.returncode is None:
        await asyncio.sleep(0)
    process = await asyncio.create_subprocess_exec("sleep", "1000")
    process.kill()
    await process.wait()
    loop = asyncio.get_running_loop()
    _, protocol = await loop.subprocess_exec(Protocol, "sh", "-c", "exit 8")
    await protocol.ended
    forking = multiprocessing.get_context("fork")
    process = forking.Process(target=os._exit, args=(9,), name="joined")
    process.start()
    await asyncio.to_thread(process.join)
    process = forking.Process(target=os._exit, args=(10,), name="asked")
    process.start()
    while process.exitcode is None:
        os.sched_yield()
    os.waitpid(fork(11), 0)
    fork(12)
    os.wait()
    os.waitid(os.P_PID, fork(13), os.WEXITED)
    os.wait4(fork(14), 0)
    os.system("exit 15")
    os.spawnlp(os.P_WAIT, "sh", "sh", "-c", "exit 16")
    os.popen("exit 17").close()
    os.waitpid(os.posix_spawn("/bin/sh", ["sh", "-c", "exit 18"], {}), 0)
    subprocess.run("exit 0", shell=True)

asyncio.run(main())
"""
    assert _exits(recorded(text)) == [
        "child `sleep 1000` ended with -9",
        "child `exit 0` ended with 0",
        "child `exit 1` ended with 1",
        "child `exit 2` ended with 2",
        "child `exit 3` ended with 3",
        "child `exit 4` ended with 4",
        "child `sh -c 'exit 5'` ended with 5",
        "child `exit 6` ended with 6",
        "child `exit 7` ended with 7",
        "child `sh -c 'exit 8'` ended with 8",
        "child `joined` ended with 9",
        "child `asked` ended with 10",
        "a child ended with 11",
        "a child ended with 12",
        "a child ended with 13",
        "a child ended with 14",
        "child `exit 15` ended with 15",
        "a child ended with 16",
        "child `exit 17` ended with 17",
        "a child ended with 18",
    ]


@pytest.mark.slow
@forks
def test_anyio_waits(recorded: Recorded) -> None:
    """AnyIO's processes are seen as well: run, opened, and killed by a time limit."""
    text = """
import anyio
async def main():
    await anyio.run_process("exit 1", check=False)
    async with await anyio.open_process("exit 2"):
        pass
    process = await anyio.open_process("exit 3")
    await process.wait()
    with anyio.move_on_after(1):
        await anyio.run_process(["sleep", "1000"])
anyio.run(main)
"""
    assert _exits(recorded(text, "port")) == [
        "child `sleep 1000` ended with -9",
        "child `exit 1` ended with 1",
        "child `exit 2` ended with 2",
        "child `exit 3` ended with 3",
    ]


@pytest.mark.slow
@forks
@pytest.mark.parametrize("recorded", ["trio"], indirect=True)
def test_trio_waits(recorded: Recorded) -> None:
    """trio's own processes are seen as well."""
    pytest.importorskip("trio", reason="needs it: pip install 'portable-tasks[trio]'")
    text = """
import trio
async def main():
    await trio.run_process("exit 1", shell=True, check=False)
    process = await trio.lowlevel.open_process("exit 2", shell=True)
    await process.wait()
    process = await trio.lowlevel.open_process(["sleep", "1000"])
    process.terminate()
    await process.wait()
trio.run(main)
"""
    assert _exits(recorded(text, "port")) == [
        "child `sleep 1000` ended with -15",
        "child `exit 1` ended with 1",
        "child `exit 2` ended with 2",
    ]


@pytest.mark.slow
@forks
def test_what_nobody_waits_for(recorded: Recorded) -> None:
    """Neither children that are left, nor workers of pools, have a code."""
    text = """
import asyncio, multiprocessing, os, subprocess
from concurrent.futures import ProcessPoolExecutor
import anyio.to_process
async def main():
    forking = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(1, forking) as pool:
        await asyncio.get_running_loop().run_in_executor(pool, abs, -1)
    with forking.Pool(1) as pool:
        pool.map(abs, [-1])
    await anyio.to_process.run_sync(abs, -1)
    await asyncio.create_subprocess_exec("sleep", "1000")
    subprocess.Popen(["sleep", "1000"])
    if not os.fork():
        os._exit(3)
if __name__ == "__main__":
    asyncio.run(main())
"""
    trace = recorded(text)
    assert _exits(trace) == []
    assert trace.unknown_exits == 2  # those that sleep


@pytest.mark.slow
@forks
def test_a_child_that_has_not_ended_yet(recorded: Recorded) -> None:
    """Calls that find a child running, or stopped, tell no code; the one that ends it does."""
    text = """
import asyncio, os, signal
async def main():
    child = os.fork()
    if not child:
        while True: signal.pause()
    assert os.waitpid(child, os.WNOHANG) == (0, 0)
    assert os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG) is None
    os.kill(child, signal.SIGSTOP)
    assert os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOWAIT).si_code == os.CLD_STOPPED
    _, status = os.waitpid(child, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    os.kill(child, signal.SIGKILL)
    assert os.waitid(os.P_PID, child, os.WEXITED).si_code == os.CLD_KILLED
asyncio.run(main())
"""
    assert _exits(recorded(text)) == ["a child ended with -9"]


ORIGINAL = """
import asyncio, sys
async def main():
    for code in ({codes}):
        child = [sys.executable, "-c", "import sys; sys.exit(int(sys.argv[1]))", str(code)]
        process = await asyncio.create_subprocess_exec(*child)
        await process.wait()
    print("done")
asyncio.run(main())
"""
PORT = """
import anyio, sys
async def run(code):
    child = [sys.executable, "-c", "import sys; sys.exit(int(sys.argv[1]))", str(code)]
    await anyio.run_process(child, check=False)
async def main():
    async with anyio.create_task_group() as tasks:
        for code in ({codes}):
            tasks.start_soon(run, code)
    print("done")
anyio.run(main)
"""


@pytest.fixture
def compared(write: Write) -> Callable[[str, str], Report]:
    """Compares an original and a port that each run children with some codes."""

    def compared(original: str, port: str) -> Report:
        left = write(ORIGINAL.format(codes=original), "original.py")
        right = write(PORT.format(codes=port))
        return compare_programs(left, right, backends=INSTALLED, time_limit=60)

    return compared


@pytest.mark.slow
def test_another_code(compared: Callable[[str, str], Report]) -> None:
    """A port whose child ends with another code differs, and the first line says so."""
    report = compared("0,", "3,")
    first, *_ = text_of(report).splitlines()
    name = "python" if "python" in sys.executable else os.path.basename(sys.executable)
    assert [row.verdict for row in report.rows if row.program == "port"] == ["different"] * 3
    assert first.startswith(f"! port on asyncio: child `{name}")
    assert first.endswith("ended with 3, the original's with 0")


@pytest.mark.slow
def test_the_same_codes_in_another_order(compared: Callable[[str, str], Report]) -> None:
    """Children may end in any order, and how many of them end with 0 is not counted."""
    assert compared("0, 3, 4", "4, 3").equivalent


def _trace(*exits: ChildExit, unknown: int = 0) -> Trace:
    outcome = Outcome(1.0, result="None")
    codes = [Observation(1.0, "children", one.text) for one in exits if one.code]
    seen = (*codes, Observation(1.0, "outcome", str(outcome)))
    return Trace("p", "asyncio", seen, outcome, exits=exits, unknown_exits=unknown)


A0, A3, A4 = (ChildExit("a.py", code) for code in (0, 3, 4))
B0, B3 = (ChildExit("b.py", code) for code in (0, 3))
FORK = ChildExit(None, 3)


@pytest.mark.parametrize(
    ("original", "port", "said"),
    [
        ([A3], [A0], "child `a.py` ended with 0, the original's with 3"),
        ([A3], [A4], "child `a.py` ended with 4, the original's with 3"),
        ([A0, B0], [A0, B3], "child `b.py` ended with 3, the original's with 0"),
        ([A4, B0], [A4, B3], "child `b.py` ended with 3, the original's with 0"),
        ([A3, B0], [A3, B3], "child `b.py` ended with 3, the original's with 0"),
        ([A0], [FORK], "a child ended with 3, the original's with 0"),
        ([A3], [A3, A4], "child `a.py` ended with 4, none of the original's"),
        ([A3], [], "no child ended as the original's: child `a.py` ended with 3"),
    ],
)
def test_what_is_said(original: list[ChildExit], port: list[ChildExit], said: str) -> None:
    """The first line has the code on both sides, or says that one side has no such child."""
    assert what_happened(compare(_trace(*original), _trace(*port))) == said


@pytest.mark.parametrize(
    ("original", "port", "equivalent"),
    [
        (_trace(A0), _trace(A3), False),
        (_trace(A0, unknown=1), _trace(A0, A3), True),
        (_trace(A0, unknown=1), _trace(A3, A4), False),
        (_trace(A3, A4), _trace(A4, unknown=1), True),
        (_trace(A3, A4), _trace(unknown=1), False),
    ],
)
def test_a_code_that_nobody_knows(original: Trace, port: Trace, *, equivalent: bool) -> None:
    """A child that one side does not wait for may have ended as one of the other side's."""
    found = compare(original, with_unknown_codes(original, port))
    assert found.verdict.equivalent is equivalent


@pytest.mark.slow
@forks
def test_a_program_and_itself(write: Write) -> None:
    """A program with failing, killed and left children is equal to itself, in any order."""
    text = """
import asyncio, subprocess
async def run(code):
    process = await asyncio.create_subprocess_shell(f"exit {code}")
    await process.wait()
async def main():
    await asyncio.gather(*(run(code) for code in range(5)))
    process = await asyncio.create_subprocess_exec("sleep", "1000")
    process.terminate()
    await process.wait()
    subprocess.Popen(["sleep", "1000"])
    print("done")
asyncio.run(main())
"""
    program = write(text)
    report = compare_programs(
        program, program, backends=INSTALLED, seeds=range(5), time_limit=60
    )
    assert report.equivalent, text_of(report)
    assert not report.unsteady


@pytest.mark.slow
@forks
def test_a_port_that_waits_longer(write: Write) -> None:
    """A port may wait for a child that was killed, where its original does not."""
    original = """
import asyncio
async def main():
    process = await asyncio.create_subprocess_exec("sleep", "1000")
    try:
        await asyncio.wait_for(process.wait(), 1)
    except TimeoutError:
        process.kill()
    print("done")
asyncio.run(main())
"""
    port = """
import anyio
async def main():
    with anyio.move_on_after(1):
        await anyio.run_process(["sleep", "1000"])
    print("done")
anyio.run(main)
"""
    left, right = write(original, "original.py"), write(port)
    report = compare_programs(left, right, backends=INSTALLED, time_limit=60)
    assert report.equivalent, text_of(report)


@pytest.mark.slow
def test_the_report_says_what_is_not_compared(compared: Callable[[str, str], Report]) -> None:
    """Its last part tells that codes count, and that those nobody waits for do not."""
    told = text_of(compared("0,", "0,"))
    assert "what children write, the codes they end with," in told
    assert "not looked at: what child processes do beside their output, and when; codes" in told
