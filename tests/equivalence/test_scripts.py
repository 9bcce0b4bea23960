"""Programs as people write them: scripts, guards, loops of their own. Each is its own port."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from portable._backends import BACKENDS
from portable.equivalence import Trace, compare_programs
from portable.equivalence.isolated import Isolated
from portable.equivalence.rendering import text_of
from portable.equivalence.target import Target

pytestmark = pytest.mark.slow

pytest.importorskip("typer", reason="needs Typer: pip install 'portable-tasks[cli]'")
pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[cli]'")

Write = Callable[..., str]
Run = Callable[..., Trace]
INSTALLED = [name for name, backend in BACKENDS.items() if backend.installed]
SAY = """
import asyncio
async def main(name="you"):
    await asyncio.sleep(2)
    print("hello", name)
"""


@pytest.fixture
def alike(write: Write) -> Run:
    """Runs a text on every backend: each has to show the same; returns the trace on asyncio."""

    def alike(
        text: str, name: str = "", *, args: tuple[str, ...] = (), module: str = ""
    ) -> Trace:
        isolated = Isolated(args=args)
        file = write(text, f"{module.replace('.', '/') or 'port'}.py")
        target = Target.find((module or file) + name)
        traces = []
        for backend in INSTALLED:
            [run] = isolated.run(target, "original", backend)
            assert run.trace is not None, run.failure
            traces.append(run.trace)
        assert {trace.observations for trace in traces} == {traces[0].observations}
        return traces[0]

    return alike


def said(trace: Trace) -> list[tuple[float, str]]:
    return [(seen.time, seen.text) for seen in trace.observations if seen.stream == "stdout"]


def test_a_script_without_a_guard_runs_once(alike: Run) -> None:
    """`asyncio.run(main())` at the end of a file is the program; `main` is not called again."""
    trace = alike(f"{SAY}\nasyncio.run(main())\nprint(__name__)\n")
    assert said(trace) == [(2.0, "hello you"), (2.0, "__main__")]


def test_a_file_that_only_defines_things(alike: Run) -> None:
    """Where a file starts no loop its `main` is called, with the arguments that were given."""
    assert said(alike(f"print('loaded')\n{SAY}")) == [(0.0, "loaded"), (2.0, "hello you")]
    assert said(alike(SAY, args=("'me'",))) == [(2.0, "hello me")]


def test_a_guard_is_what_runs(alike: Run) -> None:
    """A file with a guard runs with it, as often as that says, one run after the other."""
    guard = "if __name__ == '__main__':\n    for i in range(3): asyncio.run(main(i))\n"
    assert said(alike(SAY + guard)) == [(2.0, "hello 0"), (4.0, "hello 1"), (6.0, "hello 2")]
    assert said(alike(SAY + guard, ":main")) == [(2.0, "hello you")]


def test_a_guard_that_parses_arguments(alike: Run) -> None:
    """A guard gets its arguments from the command line, and may end the process."""
    guard = """
if __name__ == '__main__':
    import argparse, sys
    parser = argparse.ArgumentParser(prog="greet")
    parser.add_argument("name")
    asyncio.run(main(parser.parse_args().name))
    sys.exit(0)
"""
    trace = alike(SAY + guard, args=("me",))
    assert said(trace) == [(2.0, "hello me")]
    assert trace.lines("outcome") == ["returned None"]
    assert alike(SAY + guard).lines("outcome") == ["raised SystemExit(2)"]


def test_a_module_is_run_as_with_m(alike: Run, write: Write) -> None:
    """A module runs as `python -m` runs it: it knows its name, and what is beside it."""
    write("NAME = 'near'", "bundle/names.py")
    text = "from .names import NAME\nasyncio.run(main(NAME))\nprint(__name__, __spec__.name)\n"
    trace = alike(SAY + text, module="bundle.script")
    assert said(trace) == [(2.0, "hello near"), (2.0, "__main__ bundle.script")]


def test_a_module_may_be_missing_late(alike: Run) -> None:
    """What a script cannot import after it has run a loop is its outcome."""
    trace = alike(f"{SAY}\nasyncio.run(main())\nimport no_such\n")
    [outcome] = trace.lines("outcome")
    assert outcome.startswith("raised ModuleNotFoundError(")


def test_arguments_are_values_or_words(alike: Run) -> None:
    """An argument that is no literal of Python's is a word."""
    text = "async def main(*args): print(*map(repr, args))\n"
    assert said(alike(text, args=("1", "me", "[2]", "a b", "'3'"))) == [
        (0.0, "1 'me' [2] 'a b' '3'")
    ]


def test_a_function_that_returns_a_coroutine(alike: Run) -> None:
    """What a plain function returns is run, if that is a coroutine."""
    assert said(alike(f"{SAY}\ndef start(): return main('me')\n", ":start")) == [
        (2.0, "hello me")
    ]


def test_a_script_that_raises(alike: Run) -> None:
    """What a script raises is its outcome, also before it has started a loop."""
    assert alike("raise ValueError('no')\n").lines("outcome") == ["raised ValueError('no')"]


def test_a_colon_forces_the_script(write: Write) -> None:
    """`file.py:` is the script, which has to start a loop itself."""
    file = write(SAY) + ":"
    report = compare_programs(file, file, backends=["asyncio"])
    assert "started no event loop" in text_of(report)


def test_what_main_needs_is_asked_for(write: Write) -> None:
    """A `main` that takes arguments is not called without them."""
    file = write(SAY.replace('="you"', ""))
    report = compare_programs(file, file, backends=["asyncio"])
    told = text_of(report)
    assert "main() cannot be called with 0 arguments: missing a required argument" in told
    assert "; write --arg VALUE once for each that it takes" in told
    assert not report.loadable


def test_a_failure_is_told_once(write: Write) -> None:
    """Runs that fail in the same way name the first of them in place of its message."""
    file = write(SAY)
    report = compare_programs(file, file, args=["a", "b"], backends=["asyncio"])
    rows = [line for line in text_of(report).splitlines() if "unloadable" in line]
    assert "main() cannot be called with 2 arguments: too many positional" in rows[0]
    assert [line.split()[-4:] for line in rows[1:]] == [["as", "original", "on", "asyncio"]]


def test_silence_proves_nothing(write: Write) -> None:
    """Two programs of which nothing is seen are not called equivalent."""
    file = write("import asyncio\nasync def main(): await asyncio.sleep(1)\n")
    report = compare_programs(file, file, backends=["asyncio"])
    assert not report.equivalent
    assert "nothing was seen of it" in text_of(report)
    assert text_of(report).endswith("NOT judged: " + report.port)


OWN_LOOPS = {
    "new_event_loop": """
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
try:
    loop.run_until_complete(main())
    loop.run_until_complete(main("again"))
finally:
    loop.close()
""",
    "run_forever": """
loop = asyncio.new_event_loop()
loop.create_task(main())
loop.call_later(4, print, "hello again")
loop.call_later(4, loop.stop)
loop.run_forever()
loop.close()
""",
    "Runner": """
with asyncio.Runner() as runner:
    runner.run(main())
    runner.get_loop().run_until_complete(main("again"))
""",
    "Runner without a block": """
runner = asyncio.Runner()
runner.run(main())
runner.run(main("again"))
runner.close()
""",
    "loop_factory": """
def factory():
    loop = asyncio.SelectorEventLoop()
    loop.set_task_factory(asyncio.eager_task_factory) if hasattr(asyncio, "eager") else None
    return loop
with asyncio.Runner(loop_factory=factory) as runner:
    runner.run(main())
    runner.run(main("again"))
""",
    "a class": """
loop = asyncio.SelectorEventLoop()
assert isinstance(loop, asyncio.AbstractEventLoop)
loop.run_until_complete(main())
asyncio.run(main("again"))
""",
    "a thread": """
import threading
loop = asyncio.new_event_loop()
thread = threading.Thread(target=loop.run_forever)
thread.start()
asyncio.run_coroutine_threadsafe(main(), loop).result()
asyncio.run_coroutine_threadsafe(main("again"), loop).result()
loop.call_soon_threadsafe(loop.stop)
thread.join()
""",
    "set_event_loop": """
asyncio.set_event_loop(asyncio.new_event_loop())
loop = asyncio.get_event_loop()
loop.run_until_complete(main())
loop.run_until_complete(main("again"))
""",
}


@pytest.mark.parametrize("how", OWN_LOOPS)
def test_a_loop_of_its_own(alike: Run, how: str) -> None:
    """Each way to make a loop is caught, and it runs on the backend, in virtual time."""
    trace = alike(SAY + OWN_LOOPS[how])
    assert [time for time, _ in said(trace)] == [2.0, 4.0]


def test_a_policy_of_its_own(alike: Run) -> None:
    """A program's policy makes its loops; what it asks asyncio for is the backend's."""
    text = """
class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        print("a loop")
        return super().new_event_loop()
asyncio.set_event_loop_policy(Policy())
asyncio.run(main())
loop = asyncio.new_event_loop()
loop.run_until_complete(main("again"))
loop.close()
asyncio.set_event_loop_policy(None)
asyncio.run(main())
"""
    expected = [(0.0, "a loop"), (2.0, "hello you"), (2.0, "a loop"), (4.0, "hello again")]
    assert said(alike(SAY + text)) == [*expected, (6.0, "hello you")]


def test_a_policy_around_another(alike: Run) -> None:
    """A program's policy may wrap the one before it, which then makes the backend's loops."""
    text = """
class Policy(asyncio.AbstractEventLoopPolicy):
    before = asyncio.get_event_loop_policy()
    def new_event_loop(self):
        print("a loop")
        return self.before.new_event_loop()
asyncio.set_event_loop_policy(Policy())
asyncio.new_event_loop().run_until_complete(main())
"""
    assert said(alike(SAY + text)) == [(0.0, "a loop"), (2.0, "hello you")]


def test_a_loop_of_its_own_class(alike: Run) -> None:
    """A loop of the program's own class is what it is, also where a policy makes it."""
    text = """
import asyncio
class Loop(asyncio.SelectorEventLoop):
    def greet(self):
        print("hello")
class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        return Loop()
async def main():
    asyncio.get_running_loop().greet()
asyncio.set_event_loop_policy(Policy())
asyncio.new_event_loop().run_until_complete(main())
"""
    assert said(alike(text)) == [(0.0, "hello")]


def test_what_class_a_loop_has(write: Write) -> None:
    """A loop is of asyncio's class on asyncio, and of a subclass only if that made it."""
    text = """
import asyncio
class Own(asyncio.SelectorEventLoop): pass
for make in (asyncio.new_event_loop, asyncio.SelectorEventLoop, Own):
    loop = make()
    print(isinstance(loop, asyncio.SelectorEventLoop), isinstance(loop, Own))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
"""
    [run] = Isolated().run(Target.find(write(text)), "original", "asyncio")
    assert run.trace is not None
    assert run.trace.lines("stdout") == ["True False", "True False", "True True"]


def test_a_loop_beside_another(alike: Run) -> None:
    """A loop in a thread, beside one that runs, is the program's own, and no second run."""
    text = """
import asyncio
class Own(asyncio.SelectorEventLoop): pass
def beside():
    for make in (Own, asyncio.SelectorEventLoop, asyncio.new_event_loop):
        loop = make()
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()
    return asyncio.run(asyncio.sleep(0, "beside"))
async def main():
    await asyncio.sleep(1)
    print(await asyncio.to_thread(beside))
    await asyncio.sleep(1)
    print("main")
asyncio.run(main())
"""
    assert said(alike(text)) == [(1.0, "beside"), (2.0, "main")]


PORTABLES = {
    "a coroutine": "portable.run(main())",
    "a function": "portable.run(main, 'you')",
    "an awaitable": """
class Later:
    def __await__(self):
        return main().__await__()
portable.run(Later)
""",
}


@pytest.mark.parametrize("start", PORTABLES.values(), ids=PORTABLES)
def test_what_portable_runs(alike: Run, start: str) -> None:
    """A script that starts with `portable.run()` runs on each backend, whatever it is given."""
    assert said(alike(f"{SAY}\nimport portable\n{start}\n")) == [(2.0, "hello you")]


@pytest.mark.parametrize("call", ["run(main(), 'me')", "run(5)", "run(lambda: 5)", "run(used)"])
def test_what_portable_refuses(alike: Run, call: str, tmp_path: Path) -> None:
    """What `portable.run()` refuses it refuses here as well, and says the same."""
    trace = alike(f"""
import portable
async def main(): print("there")
used = main()
used.close()
try: portable.{call}
except (RuntimeError, TypeError) as error: print(error)
portable.run(main)
""")
    script = [sys.executable, tmp_path / "port.py"]
    done = subprocess.run(script, check=True, capture_output=True, text=True)
    assert trace.lines("stdout") == done.stdout.splitlines()
    assert len(trace.lines("stdout")) > 1
    assert trace.lines("warning") == []  # of a coroutine that nobody runs


def test_tasks_of_a_loop_that_nobody_closes(alike: Run) -> None:
    """What an own loop leaves running is told, alike on every backend."""
    text = (
        f"{SAY}\nloop = asyncio.new_event_loop()\nleft = loop.create_task(asyncio.sleep(9))\n"
    )
    trace = alike(text + "loop.run_until_complete(main())\n")
    assert trace.lines("tasks") == ["1 left running when main ended"]


def test_the_clocks_of_a_script(alike: Run) -> None:
    """All clocks of a script move with its loop, and `time.sleep()` moves them all."""
    trace = alike("""
import asyncio
import time
from time import perf_counter
begun = perf_counter(), time.time(), time.monotonic()
asyncio.run(asyncio.sleep(3))
time.sleep(1)
print(perf_counter() - begun[0], time.time() - begun[1], time.monotonic() - begun[2])
""")
    assert said(trace) == [(4.0, "4.0 4.0 4.0")]
