"""What an outsider sees of a program's process beside what Python knows; and where it runs."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from portable._backends import BACKENDS
from portable.equivalence import Trace, compare_programs
from portable.equivalence.footprint import AddressLock
from portable.equivalence.isolated import Isolated
from portable.equivalence.rendering import text_of
from portable.equivalence.run import Run
from portable.equivalence.run_folder import RunFolder
from portable.equivalence.target import Target

Write = Callable[..., str]
Runs = Callable[..., list[Run]]
INSTALLED = [name for name, backend in BACKENDS.items() if backend.installed]

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")


@pytest.fixture
def runs(write: Write) -> Runs:
    """Runs a text on every backend."""

    def runs(text: str, **options: object) -> list[Run]:
        isolated = Isolated(**options)  # type: ignore[arg-type]
        target = Target.find(write(text, "program.py"))
        return [run for name in INSTALLED for run in isolated.run(target, "original", name)]

    return runs


def traces(runs: list[Run]) -> list[Trace]:
    found = [run.trace for run in runs if run.trace is not None]
    assert len(found) == len(runs), [run.failure for run in runs]
    return found


def seen(trace: Trace) -> list[tuple[float, str, str]]:
    return [(one.time, one.stream, one.text) for one in trace.observations]


@pytest.mark.slow
def test_what_is_written_past_python(runs: Runs) -> None:
    """What children, forks and `os.write` print is seen, at the time they print it."""
    text = """
import asyncio, os, subprocess, sys
async def main():
    print("start")
    os.write(1, b"raw\\n")
    await asyncio.sleep(1)
    subprocess.run([sys.executable, "-c", "import sys; print('out'); sys.exit('err')"])
    await asyncio.sleep(1)
    child = await asyncio.create_subprocess_exec("echo", "later")
    print("ended with", await child.wait())
    if not os.fork():
        print("from a fork", flush=True)
        os._exit(0)
    os.wait()
asyncio.run(main())
"""
    for trace in traces(runs(text)):
        assert seen(trace) == [
            (0.0, "stdout", "start"),
            (0.0, "stdout", "raw"),
            (1.0, "stdout", "out"),
            (1.0, "stderr", "err"),
            (2.0, "stdout", "later"),
            (2.0, "stdout", "ended with 0"),
            (2.0, "stdout", "from a fork"),
            (2.0, "children", "a child ended with 1"),
            (2.0, "outcome", "returned None"),
        ]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")
def test_a_fork_ends_as_python_ends_it(runs: Runs, tmp_path: Path) -> None:
    """A fork that comes to the end of the program has the exit code that Python gives it."""
    text = """
import asyncio, atexit, os, sys
async def main(): print("main")
def last(text): print(text, flush=True)
for end in ("returns", "exits", "with words", "raises", "is interrupted"):
    child = os.fork()
    if not child: break
    print(end, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
if child:
    asyncio.run(main())
else:
    atexit.register(last, "at exit")
    if end == "exits": sys.exit(3)
    if end == "with words": sys.exit("bye")
    if end == "raises": raise LookupError("lost")
    if end == "is interrupted": raise KeyboardInterrupt
"""
    found = traces(runs(text))
    done = subprocess.run(
        [sys.executable, tmp_path / "program.py"], check=True, capture_output=True, text=True
    )
    for trace in found:
        assert trace.lines("stdout") == done.stdout.splitlines()
        assert trace.lines("stdout")[::2] == ["at exit"] * 5 + ["main"]
        told = [line for line in done.stderr.splitlines() if not line.startswith(" ")]
        assert [x for x in trace.lines("stderr") if not x.startswith(" ")] == told


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")
def test_a_fork_inside_of_a_loop_ends(runs: Runs) -> None:
    """A fork that leaves the loop that it was made in does not keep the run from its end."""
    text = """
import asyncio, os, sys
async def main():
    child = os.fork()
    if not child:
        sys.exit(3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
asyncio.run(main())
"""
    for run, trace in zip(runs(text), traces(runs(text)), strict=True):
        # trio takes a fork that goes back to its own code for an error of its own.
        assert trace.lines("stdout") == ["1" if run.backend == "trio" else "3"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")
def test_a_fork_may_go_on_for_longer(runs: Runs) -> None:
    """The virtual time at which a program is left ends no fork that it has made."""
    text = """
import asyncio, os
async def late():
    await asyncio.sleep(100)
    print("late", flush=True)
async def main():
    while True: await asyncio.sleep(10)
child = os.fork()
if child:
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    asyncio.run(main())
else:
    asyncio.run(late())
"""
    for trace in traces(runs(text, until=30)):
        assert trace.lines("stdout") == ["late", "0"]
        assert trace.lines("outcome") == ["still running after 30 s"]


@pytest.mark.slow
def test_what_is_there_at_the_end(runs: Runs, tmp_path: Path) -> None:
    """Files below the working directory, running children and `atexit` calls are seen."""
    (tmp_path / "input.txt").write_text("given")
    text = """
import asyncio, atexit, pathlib, subprocess
atexit.register(print, "at exit")
async def main():
    pathlib.Path("made").mkdir()
    pathlib.Path("made/out.txt").write_text(pathlib.Path("input.txt").read_text() + " and made")
    pathlib.Path("input.txt").unlink()
    subprocess.Popen(["sleep", "1000"])
asyncio.run(main())
"""
    for trace in traces(runs(text)):
        assert trace.lines("stdout") == ["at exit"]
        if os.path.isdir("/proc/self/task"):
            assert trace.lines("children") == ["1 left running at the end"]
        deleted, made = trace.lines("files")
        assert deleted == "input.txt: deleted"
        assert made.startswith("made/out.txt: 14 bytes, sha256 ")
    assert (tmp_path / "input.txt").read_text() == "given"
    assert not (tmp_path / "made").exists()


@pytest.mark.slow
def test_what_is_called_at_exit(runs: Runs, tmp_path: Path) -> None:
    """`atexit` calls come last first, also behind one that fails, but not if taken back."""
    text = """
import asyncio, atexit
def fails(): raise LookupError("at exit")
def gone(): print("gone")
atexit.register(print, "with", "words", sep="-")
atexit.register(fails)
atexit.register(gone)
atexit.register(print, "last")
atexit.unregister(gone)
async def main(): print("main")
asyncio.run(main())
"""
    found = traces(runs(text))
    done = subprocess.run(
        [sys.executable, tmp_path / "program.py"], check=True, capture_output=True, text=True
    )
    for trace in found:
        assert (
            trace.lines("stdout") == done.stdout.splitlines() == ["main", "last", "with-words"]
        )
        assert trace.lines("stderr")[-1] == done.stderr.splitlines()[-1]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="its addresses are Linux's")
def test_addresses_are_told(runs: Runs) -> None:
    """The report names the addresses of sockets, of all families, as far as they have names."""
    text = """
import asyncio, contextlib, socket
async def main():
    loop = asyncio.get_running_loop()
    server = await asyncio.start_unix_server(lambda *_: None, "here.sock")
    await asyncio.open_unix_connection("here.sock")
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as other:
        one.bind(b"\\0portable")
        one.listen()
        other.connect(b"\\0portable")
        with contextlib.suppress(OSError):
            other.connect("")
        with socket.socket(socket.AF_UNIX) as unnamed:
            unnamed.bind("")
    await loop.create_datagram_endpoint(asyncio.DatagramProtocol, ("127.0.0.1", 0))
    server.close()
asyncio.run(main())
"""
    for trace in traces(runs(text)):
        names = "here.sock, @portable, 127.0.0.1:0"
        assert trace.unseen == (f"what goes over sockets ({names})",)


@pytest.mark.slow
def test_no_thread_of_a_loop_is_told(runs: Runs) -> None:
    """The threads by which a loop on trio waits are no threads of the program's."""
    text = """
import asyncio
loop = asyncio.new_event_loop()
loop.run_until_complete(asyncio.sleep(0.01))
loop.run_until_complete(asyncio.sleep(0.01))
loop.close()
print("there")
"""
    assert {trace.unseen for trace in traces(runs(text, real_time=True))} == {()}


@pytest.mark.slow
def test_how_the_loop_was_blocked_and_the_process_ended(runs: Runs) -> None:
    """`time.sleep()` in the loop is told with its length, and `os._exit` with its code."""
    text = """
import asyncio, os, time
async def main():
    await asyncio.to_thread(time.sleep, 1)
    time.sleep(2.5)
    os._exit(3)
asyncio.run(main())
"""
    for trace in traces(runs(text)):
        assert seen(trace) == [
            (3.5, "blocking", "nothing else could run for 2.5 s"),
            (3.5, "outcome", "exited with 3 at once (os._exit)"),
        ]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="there is no such command")
def test_what_each_run_has_otherwise(runs: Runs, tmp_path: Path) -> None:
    """The place of the working directory, and ids of children that have ended, are no text."""
    text = """
import asyncio, os, pathlib
async def main():
    process = await asyncio.create_subprocess_exec("pwd")
    await process.wait()
    print("process id is", process.pid)
    pathlib.Path("log").write_text(os.getcwd())
    raise LookupError(os.path.abspath("missing"))
asyncio.run(main())
"""
    for trace in traces(runs(text)):
        assert trace.lines("stdout") == [str(tmp_path), "process id is ..."]
        assert trace.lines("files")[0].startswith(f"log: {len(str(tmp_path))} bytes")
        assert trace.lines("outcome") == [f"raised LookupError('{tmp_path}/missing')"]


@pytest.mark.slow
def test_a_service_is_left_at_a_time(runs: Runs) -> None:
    """A program that never ends is left at a virtual time, whether it sleeps or only waits."""
    text = """
import asyncio
async def handle(reader, writer): ...
async def tick():
    for _ in range(3):
        print("tick")
        await asyncio.sleep(4)
async def main():
    asyncio.create_task(tick())
    async with await asyncio.start_server(handle, "127.0.0.1", 18877) as server:
        await server.serve_forever()
asyncio.run(main())
"""
    for trace in traces(runs(text, until=30.5)):
        assert seen(trace) == [
            (0.0, "stdout", "tick"),
            (4.0, "stdout", "tick"),
            (8.0, "stdout", "tick"),
            (30.5, "outcome", "still running after 30.5 s"),
        ]
        assert trace.unseen == ("what goes over sockets (127.0.0.1:18877)",)


@pytest.mark.slow
def test_stdin_is_a_file(runs: Runs, tmp_path: Path) -> None:
    """Every run reads stdin from its beginning; without a file there is nothing."""
    (tmp_path / "names").write_text("me\nyou\n")
    text = """
import asyncio, sys
async def main():
    print(sys.stdin.readline().strip() or "nobody")
    print(len(sys.stdin.read()))
asyncio.run(main())
"""
    for trace in traces(runs(text, stdin=tmp_path / "names")):
        assert trace.lines("stdout") == ["me", "4"]
    assert traces(runs(text))[0].lines("stdout") == ["nobody", "0"]


@pytest.mark.slow
def test_stdin_can_be_waited_for(runs: Runs, tmp_path: Path) -> None:
    """The loop can read stdin itself, on every backend, with a file and without one."""
    (tmp_path / "names").write_text("me\nyou\n")
    text = """
import asyncio, sys
async def main():
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while line := await reader.readline():
        print(line.decode().strip())
        await asyncio.sleep(1)
    print("end")
asyncio.run(main())
"""
    for trace in traces(runs(text, stdin=tmp_path / "names")):
        assert seen(trace)[:3] == [
            (0.0, "stdout", "me"),
            (1.0, "stdout", "you"),
            (2.0, "stdout", "end"),
        ]
    assert [trace.lines("stdout") for trace in traces(runs(text))] == [["end"]] * len(INSTALLED)


@pytest.mark.slow
def test_stdin_that_is_too_long_for_a_pipe(runs: Runs, tmp_path: Path) -> None:
    """A file of megabytes is read to its end."""
    (tmp_path / "long").write_text("x" * 3_000_000)
    text = """
import asyncio, sys
async def main():
    print(len(sys.stdin.read()))
asyncio.run(main())
"""
    for trace in traces(runs(text, stdin=tmp_path / "long")):
        assert trace.lines("stdout") == ["3000000"]


@pytest.mark.slow
def test_a_hang_tells_who_waits_and_what_was_seen(runs: Runs) -> None:
    """A run over its limit is told with where its tasks wait and the last things it showed."""
    text = """
import asyncio
async def other():
    await asyncio.sleep(100)
async def main():
    task = asyncio.create_task(other(), name="other")
    await asyncio.sleep(1)
    print("before")
    while True: pass
asyncio.run(main())
"""
    for run in runs(text, time_limit=3):
        assert run.failure is not None
        assert run.failure.kind == "hang"
        told = "\n".join(run.failure.details)
        assert "seen: 1.0 s  stdout  before" in told
        assert "waits: other at " in told
        assert "program.py:4, in other" in told
        assert "program.py" in told
        assert "line 9 in main" in told


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals are sent to processes")
def test_signals_are_seen_when_they_come(runs: Runs) -> None:
    """A handler of the loop is called at the time of its signal, not at the next timer."""
    text = """
import asyncio, os, signal
async def main():
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: print("signal", loop.time()))
    await asyncio.sleep(1)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.sleep(1)
    loop.call_later(1, os.kill, os.getpid(), signal.SIGUSR1)
    await asyncio.sleep(5)
asyncio.run(main())
"""
    for trace in traces(runs(text)):
        assert trace.lines("stdout") == ["signal 1.0", "signal 3.0"]


@pytest.mark.slow
def test_runs_that_open_a_port_do_not_meet(write: Write) -> None:
    """Comparisons side by side of a program with a port and a file do not disturb it."""
    text = """
import asyncio, pathlib
async def handle(reader, writer):
    writer.write(await reader.read(100))
    writer.close()
async def main():
    pathlib.Path("log").write_text("begun")
    async with await asyncio.start_server(handle, "127.0.0.1", 18876):
        reader, writer = await asyncio.open_connection("127.0.0.1", 18876)
        writer.write(b"hello")
        print(await reader.read(100))
        writer.close()
    pathlib.Path("log").unlink()
asyncio.run(main())
"""
    program, told = write(text), []

    def compare() -> None:
        report = compare_programs(program, program, backends=INSTALLED, time_limit=60)
        told.append("" if report.equivalent else text_of(report))

    threads = [threading.Thread(target=compare) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["", ""]


def run_while_others_hold_ports(target: Target) -> Run:
    """Run a program that may take two seconds, and has to wait seven for others' ports."""
    lock = AddressLock()
    lock.acquire()
    release = threading.Timer(7, lock.release)
    release.start()
    [run] = Isolated(time_limit=2).run(target, "original", "asyncio")
    release.join()
    return run


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody waits")
def test_waiting_for_others_is_not_counted(write: Write) -> None:
    """A run does not hang that waits for others' ports for longer than its limit."""
    text = """
import asyncio
async def main():
    async with await asyncio.start_server(print, "127.0.0.1", 18875):
        print("there")
asyncio.run(main())
"""
    run = run_while_others_hold_ports(Target.find(write(text)))
    assert run.trace is not None, run.failure
    assert run.trace.lines("stdout") == ["there"]


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="elsewhere nobody waits")
def test_a_hang_after_waiting_for_others_tells_who_waits(write: Write) -> None:
    """A run that waited for others' ports, and hangs then, is told as one that did not wait."""
    text = """
import asyncio
async def main():
    server = await asyncio.start_server(print, "127.0.0.1", 18876)
    print("there")
    await server.serve_forever()
asyncio.run(main())
"""
    run = run_while_others_hold_ports(Target.find(write(text)))
    assert run.failure is not None
    assert run.failure.kind == "hang"
    told = "\n".join(run.failure.details)
    assert "waits: Task-1 at " in told
    assert "seen: 0.0 s  stdout  there" in told


@pytest.mark.slow
def test_the_report_ends_with_its_scope(write: Write) -> None:
    """It says what was compared, and what these runs used that nobody looked at."""
    text = """
import asyncio, time
async def main():
    print(await asyncio.to_thread(time.monotonic))
    open({place!r}, "w").close()
asyncio.run(main())
"""
    place = str(Path(write("")).with_name("elsewhere"))
    program = write(text.format(place=place))
    report = compare_programs(program, program, backends=["asyncio"])
    told = text_of(report)
    assert "  compared: lines on stdout and stderr" in told
    assert "  not looked at: the order in which threads run" in told
    assert f"  not looked at: files outside of the working directory ({place})" in told


def test_a_folder_is_copied(tmp_path: Path) -> None:
    """A run's folder has what it reads; what is too large, or a repository's, is linked."""
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / ".git").mkdir()
    (source / "sub" / "a.txt").write_text("a")
    (source / "large").write_bytes(bytes(17 * 2**20))
    folder = RunFolder(source, tmp_path / "copy")
    assert (folder.place / "sub" / "a.txt").read_text() == "a"
    assert (folder.place / ".git").is_symlink()
    assert (folder.place / "large").is_symlink()
    assert list(folder.changes()) == []
    (folder.place / "sub" / "a.txt").write_text("at 0x7f001122334455")
    [(text, lines)] = folder.changes()
    assert text.startswith("sub/a.txt: 8 bytes, sha256 ")
    assert lines == ("at 0x...",)
    assert (source / "sub" / "a.txt").read_text() == "a"


def _leave_a_file(place: Path) -> None:
    (place / "sub" / "new.txt").write_text("new")


def _write_over(place: Path) -> None:
    (place / "sub" / "a.txt").write_text("b")


def _delete(place: Path) -> None:
    (place / "sub" / "a.txt").unlink()


def _make_a_folder(place: Path) -> None:
    (place / "more").mkdir()


def _let_nobody_write(place: Path) -> None:
    (place / "sub" / "a.txt").chmod(0o400)


def _remove_all(place: Path) -> None:
    shutil.rmtree(place)


@pytest.mark.parametrize(
    "leave",
    [_leave_a_file, _write_over, _delete, _make_a_folder, _let_nobody_write, _remove_all],
)
def test_a_folder_is_renewed(leave: Callable[[Path], None], tmp_path: Path) -> None:
    """What one run leaves in its working directory the next one does not find."""
    source = tmp_path / "source"
    (source / "sub").mkdir(parents=True)
    (source / "sub" / "a.txt").write_text("a")
    folder = RunFolder(source, tmp_path / "copy")
    leave(folder.place)
    folder.renew()
    assert [one.name for one in folder.place.rglob("*")] == ["sub", "a.txt"]
    found = folder.place / "sub" / "a.txt"
    assert (found.read_text(), found.stat().st_mode & 0o200) == ("a", 0o200)
    assert list(folder.changes()) == []


def test_a_folder_is_kept(tmp_path: Path) -> None:
    """A run that leaves nothing behind costs the next one no copy."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.txt").write_text("a")
    folder = RunFolder(source, tmp_path / "copy")
    before = (folder.place / "a.txt").stat().st_ino
    (folder.place / "__pycache__").mkdir()
    folder.renew()
    assert (folder.place / "a.txt").stat().st_ino == before


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="where nothing forks, each run has its own")
def test_a_worker_is_used_again(write: Write) -> None:
    """One process starts the runs of a program on every backend, until a run has children."""
    text = "import asyncio, os, sys\nasync def main(): print(os.getppid() * 10)\n"
    plain = Target.find(write(f"{text}asyncio.run(main())", "plain.py"))
    child = Target.find(write(f"{text}asyncio.run(main())\nos.system('true')", "child.py"))
    isolated = Isolated()

    def parent(target: Target, backend: str) -> str:
        [run] = isolated.run(target, "original", backend)
        assert run.trace is not None, run.failure
        return run.trace.lines("stdout")[0]

    first = parent(plain, "asyncio")
    assert {parent(plain, name) for name in INSTALLED} == {first}
    assert parent(child, "asyncio") == first
    assert parent(plain, "asyncio") != first
