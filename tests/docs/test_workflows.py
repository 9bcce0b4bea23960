"""The workflows run what tox lists, on each Python of ours, by actions that are pinned."""

import re
import runpy

import pytest

from .pages import ROOT
from .test_build import MINORS, PROJECT, TOX, _env_list

FOLDER = ROOT / ".github" / "workflows"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="only the sources have them")
WORKFLOWS = {path.name: path.read_text("utf-8") for path in sorted(FOLDER.glob("*.yml"))}


def _matrix(name, text):
    """The values of a list in a matrix, of all the jobs."""
    lists = re.findall(rf"^ +{name}: \[(.+)\]$", text, re.MULTILINE)
    return [value.strip(' "') for found in lists for value in found.split(",")]


def _run():
    """The environments of tox that a workflow runs, where a matrix is spread out."""
    text = WORKFLOWS["ci.yml"]
    pythons = [
        f"py{minor.replace('.', '')}" for minor in dict.fromkeys(_matrix("python", text))
    ]
    kinds = re.findall(r'tox run -e "py\$\{PYTHON//\./\}(.*?)"', text)
    named = re.findall(r"tox run -e ([\w-]+)", text)
    return [*_matrix("env", text), *named, *(name + kind for name in pythons for kind in kinds)]


def test_each_python_and_system_has_its_job():
    """The suite runs on every Python of the classifiers, on three systems."""
    text = WORKFLOWS["ci.yml"]
    assert dict.fromkeys(_matrix("python", text)) == dict.fromkeys(f"3.{n}" for n in MINORS)
    systems = {"ubuntu-latest", "macos-latest", "windows-latest"}
    assert set(_matrix("os", text)) == systems


def test_ci_runs_what_tox_lists():
    """Each environment of the list is run, and what is run beside it exists."""
    run = _run()
    assert set(_env_list()) <= set(run)
    beside = set(run) - set(_env_list())
    assert beside == {"coverage", "workflows"} | {f"py3{minor}-coverage" for minor in MINORS}
    assert all(f"[testenv:{name}]" in TOX for name in ("coverage", "workflows", "release"))


def test_the_thorough_ones_exist():
    """What runs once a week is in tox.ini."""
    names = _matrix("env", WORKFLOWS["thorough.yml"])
    assert names
    for name in names:
        kind = name.removeprefix("py313-")
        assert re.search(rf"^\[testenv:.*\b{kind}(\{{.*\}})?\]$", TOX, re.MULTILINE)


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_are_pinned(name):
    """Each action is named by its commit, with the version beside it; no token may write."""
    used = re.findall(r"uses: (.+)", WORKFLOWS[name])
    assert used
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in used)
    assert "\npermissions: {}\n" in WORKFLOWS[name]
    assert "write" not in re.findall(r"^ +[\w-]+: (read|write)$", WORKFLOWS[name], re.MULTILINE)


def test_a_release_needs_a_home():
    """A tag is refused that is not the version, and as long as the addresses are nobody's."""
    problems = runpy.run_path(str(ROOT / ".ci" / "release.py"))["problems"]
    assert any("the tag is 'v9'" in problem for problem in problems("v9"))
    told = problems(f"v{PROJECT['version']}")
    assert not any("tag" in problem for problem in told)
    assert any(".example" in problem for problem in told) == (
        ".example" in PROJECT["urls"]["Documentation"]
    )
