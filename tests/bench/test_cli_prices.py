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
    words = ("spawn", "--size=smoke", "--backends=asyncio", "--time=30")
    done = portable("bench", *words, "--json", file)
    assert (done.returncode, done.stderr) == (0, "")
    return file, done.stdout


def test_bench_prints_prices_and_what_they_mean(results):
    """A table for the operation, and the answer in words."""
    file, printed = results
    assert "Spawn, join, collect the result" in printed
    assert "Start a task and collect its result" in printed
    assert "uvloop" not in printed
    saved = json.loads(file.read_text())
    assert saved["benchmarks"]
    assert saved["portable"]["about"]["command"].startswith("portable bench spawn --size=smoke")
    assert str(file) not in saved["portable"]["about"]["command"]


def test_json_to_stdout():
    """With '-' stdout holds JSON alone, and the tables go to stderr."""
    done = portable("bench", "idle", "--size=smoke", "--time=5", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["portable"]["about"]["size"] == "smoke"
    assert "goes to sleep" in done.stderr


def test_the_command_names_the_file_without_its_path(tmp_path):
    """A report that is shown to others says nothing of the folders here."""
    file = tmp_path / "run.json"
    done = portable("bench", "idle", "--size=smoke", "--time=5", f"--json={file}")
    assert done.returncode == 0, done.stderr
    command = json.loads(file.read_text())["portable"]["about"]["command"]
    assert command == "portable bench idle --size=smoke --time=5 --json=run.json"


def test_tables_alone():
    """Without a file the tables are all that there is."""
    done = portable("bench", "idle", "--size=smoke", "--time=5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "goes to sleep" in done.stdout
    assert "{" not in done.stdout


def test_results_without_their_command(results, tmp_path):
    """A file that does not say what made it is refused."""
    saved = json.loads(results[0].read_text())
    del saved["portable"]["about"]["command"]
    (tmp_path / "bare.json").write_text(json.dumps(saved))
    done = portable("bench-report", "bare.json", "--readme", "README.md", cwd=tmp_path)
    assert done.returncode == 2
    assert "not from these benchmarks" in " ".join(done.stderr.split())


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


def dearer(file, by, factor, to):
    """Write a run in which an implementation costs so many times what it did."""
    saved = json.loads(file.read_text())
    for each in saved["benchmarks"]:
        row = each["extra_info"]
        row["ratio"] = dict.fromkeys(row["ratio"], 1.0)
        if row["implementation"] == by:
            row["ratio"] = dict.fromkeys(row["ratio"], factor)
    to.write_text(json.dumps(saved))
    return to


@pytest.mark.parametrize(("factor", "code"), [(2.6, 1), (1.0, 0), (2.0, 0)])
def test_slower_fails_on_request(factor, code, results, tmp_path):
    """What became slower is said; with the option the exit code is 1."""
    pytest.importorskip("matplotlib", reason="needs it: pip install 'portable-tasks[bench]'")
    old = dearer(results[0], "anyio", 2.0, tmp_path / "old.json")
    new = dearer(results[0], "anyio", factor, tmp_path / "new.json")
    for option, expected in (((), 0), (("--fail-on-slower",), code)):
        done = portable("bench-report", new, old, *option)
        assert done.returncode == expected, done.stderr
        assert ("slower by 30% (noise: 5%): Spawn" in done.stdout) is bool(code)
        assert ("faster by 50%" in done.stdout) is (factor == 1.0)


def test_limits_are_made_by_one_command(results, tmp_path):
    """The file of limits comes from results, too."""
    done = portable("bench-report", results[0], "--limits", tmp_path / "limits.toml")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "limits.toml").read_text().startswith("# How many times its control")


def test_a_report_that_cannot_be_made(results, tmp_path):
    """Exit code 2 and the reason: a page without a place, no such folder, a package missing."""
    pytest.importorskip("matplotlib", reason="needs it: pip install 'portable-tasks[bench]'")
    page, page_says = tmp_path / "page.md", "put the results between <!--"
    page.write_text("no marks")
    to, to_says = page / "below", f"{page / 'below'}: Not a directory"
    for option, path, says in (("--readme", page, page_says), ("--to", to, to_says)):
        done = portable("bench-report", results[0], option, path, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        told = "".join(done.stderr.replace("│", "").split())
        assert f"{option}:" in told
        assert "".join(says.split()) in told
        assert "Traceback" not in done.stderr
    (tmp_path / "matplotlib.py").write_text("raise ModuleNotFoundError(__name__)")
    done = portable("bench-report", results[0], "--to", tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("portable: the report's pictures need matplotlib; install")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["bench", "spwn"], "Did you mean 'spawn'?"),
        (["bench", "--backends=tri"], "known are: asyncio, uvloop, trio"),
        (["bench", "--size=huge"], "there are: smoke, small, full"),
        (["bench", "--clock=sun"], "there are: wall, cpu"),
        (["bench", "--json", "no/where.json"], "cannot write to 'no/where.json'"),
        (["bench", "--time=0"], "--time"),
        (["bench-report", "nothing.json"], "nothing.json"),
        (["bench-report", __file__, "--fail-on-slower"], "Name OLDER"),
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
