"""`portable bench` and `portable bench-report`, from the command line."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
pytest.importorskip("typer", reason="needs it: pip install 'portable-tasks[cli]'")


def portable(*words, cwd=None):
    return subprocess.run(
        [sys.executable, "-m", "portable", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results of one smoke run, and what it printed."""
    file = tmp_path_factory.mktemp("bench") / "run.json"
    done = portable("bench", "spawn", "--size=smoke", "--backends=asyncio", "--json", file)
    assert (done.returncode, done.stderr) == (0, "")
    return file, done.stdout


def test_bench_prints_prices_and_what_they_mean(results):
    """A table for the operation, and the answer in words."""
    file, printed = results
    assert "Spawn, join, collect the result" in printed
    assert "Written once for every loop, with portable" in printed
    assert "uvloop" not in printed
    assert json.loads(file.read_text())["benchmarks"]


def test_a_report_is_two_files(results, tmp_path):
    """The report is Markdown and a page that needs no network."""
    pytest.importorskip("matplotlib", reason="needs it: pip install 'portable-tasks[bench]'")
    done = portable("bench-report", results[0], "--to", tmp_path)
    assert done.returncode == 0, done.stderr
    text, page = (tmp_path / f"run.{ending}" for ending in ("md", "html"))
    assert done.stdout.splitlines() == [str(text), str(page)]
    assert "| native" in text.read_text(encoding="utf-8")
    assert "http://" not in page.read_text(encoding="utf-8").replace("http://www.w3.org", "")


def test_the_readme_is_filled_by_one_command(results, tmp_path):
    """The project's own README takes the table and the pictures."""
    pytest.importorskip("matplotlib", reason="needs it: pip install 'portable-tasks[bench]'")
    readme = tmp_path / "README.md"
    shutil.copy(Path(__file__).parents[2] / "README.md", readme)
    done = portable("bench-report", results[0], "--readme", readme, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    pictures = re.findall(
        r"^!\[.*\]\((docs/pictures/.*\.svg)\)$", readme.read_text(), re.MULTILINE
    )
    assert done.stdout.splitlines() == [
        str(readme),
        *(str(tmp_path / each) for each in pictures),
    ]
    assert pictures
    assert all((tmp_path / each).read_text().startswith("<svg") for each in pictures)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bench", "spwn"], "Did you mean 'spawn'?"),
        (["bench", "--backends=tri"], "known are: asyncio, uvloop, trio"),
        (["bench", "--size=huge"], "there are: smoke, small, full"),
        (["bench", "--clock=sun"], "there are: wall, cpu"),
        (["bench", "--json", "no/where.json"], "there is no directory 'no'"),
        (["bench-report", "nothing.json"], "nothing.json"),
        (["bench-report", __file__], "test_cli_prices.py"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else None,
)
def test_bad_use_says_what_to_do(words, says, tmp_path):
    """Exit code 2, a message with the right word in it, and no traceback."""
    done = portable(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
