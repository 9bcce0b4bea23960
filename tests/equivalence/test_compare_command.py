"""`portable compare` as a command, its JSON, and the causes it names."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portable.cli import main as command_line
from portable.cli.as_json import as_json
from portable.equivalence import Report
from portable.equivalence.rendering import text_of

pytestmark = pytest.mark.slow

pytest.importorskip("typer", reason="needs Typer: pip install 'portable-tasks[cli]'")
pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[cli]'")

Write = Callable[..., str]
Compare = Callable[..., Report]
ORIGINAL = """
import asyncio

async def main():
    await asyncio.sleep(2)
    print("hello")
    return 7
"""
PORT = ORIGINAL.replace("asyncio", "anyio")


CAUSES = {
    "awaits in a clean-up without a shield": (
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
    "raised a group where the original raised a bare exception": (
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
    "only logged an error that nobody retrieved": (
        """
async def fail():
    raise ValueError("no")
async def main():
    asyncio.create_task(fail())
    await asyncio.sleep(1)
""",
        """
async def fail():
    raise ValueError("no")
async def main():
    async with anyio.create_task_group() as group:
        group.start_soon(fail)
        await anyio.sleep(1)
""",
    ),
}


@pytest.mark.parametrize("words", CAUSES)
def test_a_known_cause_is_named(comparing: Compare, words: str) -> None:
    """A difference that AnyIO's own meaning explains is told with what to write instead."""
    original, port = CAUSES[words]
    report = comparing("import asyncio\n" + original, "import anyio\n" + port)
    [row] = (row for row in report.rows if row.program == "port")
    [cause] = (cause for cause in row.causes if words in cause.sentence)
    assert cause.id is None
    assert f"  {cause.sentence}\n?       {cause.remedy}\n" in text_of(report)


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
    assert found["schema"] == 2
    [comparison] = found["comparisons"]
    assert comparison["schedules"][0]["failing_seeds"] == [5]
    assert run(original, "nothing.py") == 2
    assert run(original, port, "--ignore", "everything") == 2


@pytest.mark.skipif(os.name == "nt", reason="signals are sent to processes")
def test_ctrl_c_ends_everything(write: Write, tmp_path: Path) -> None:
    """After Ctrl-C the command exits with 130, and the programs it ran are gone."""
    alive = tmp_path / "alive"
    text = f"""
import os, select
def main():
    open({str(alive)!r}, 'w').write(str(os.getpid()))
    select.select([], [], [], 600)  # in reality
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


def test_the_json_is_documented(comparing: Compare) -> None:
    """Every key that is written stands in the documentation of the schema."""
    data = as_json([(None, comparing(ORIGINAL, PORT.replace("7", "8"), seeds=[1]))])
    docs = Path(__file__).parents[2] / "docs"
    text = (docs / "reference" / "compare-json.md").read_text()
    [comparison] = data["comparisons"]
    for part in (data, comparison, comparison["results"][1], comparison["schedules"][0]):
        for key in part:
            assert f"`{key}`" in text, key
