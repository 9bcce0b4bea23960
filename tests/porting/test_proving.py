"""The proof of a port: what holds is told so, and what does not is not written."""

import tempfile

import pytest

pytest.importorskip("libcst", reason="needs it: pip install 'portable-tasks[port]'")
pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

from portable._backends import installed_backends
from portable.porting.files import FileResult, find_targets, port_files
from portable.porting.proving import TestRun, copies, merged, prove_program, prove_tests

pytestmark = pytest.mark.slow

APP = "from helper import nap\n\nasync def main():\n    await nap(2)\n    print(1)\n"
HELPER = "import asyncio\n\nasync def nap(n):\n    await asyncio.sleep(n)\n"
TEST = (
    "import pytest\nfrom helper import nap\n\n"
    "@pytest.mark.anyio\nasync def test_nap():\n    assert await nap(0) is None\n"
)


@pytest.fixture
def project(tmp_path):
    for name, text in (("app", APP), ("helper", HELPER), ("test_app", TEST)):
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    return tmp_path


def results_of(project):
    return port_files(find_targets([str(project)]))


def spoilt(results, old, new):
    """Return what a rule that errs would have made."""
    return [
        FileResult(one.path, one.before, one.after.replace(old, new), one.sites)
        for one in results
    ]


def test_a_program(project):
    """A program is compared before and after, on every backend and under schedules."""
    results = results_of(project)
    assert any(b"anyio.sleep" in one.after for one in results)
    proved = prove_program(results, project / "app.py", "")
    assert proved.holds
    assert {found.backend for found in proved.report.explored} == set(installed_backends())
    assert (project / "helper.py").read_text() == HELPER
    wrong = spoilt(results, b"anyio.sleep(n)", b"anyio.sleep(n + 1)")
    found = prove_program(wrong, project / "app.py", "main", backends=["asyncio"])
    assert not found.report.equivalent
    assert not found.holds


def test_a_failure_names_the_program(project):
    """What is said of a run that failed names the program, and not a copy that is gone."""
    (project / "app.py").write_text(f"import helper\n{HELPER}")
    proved = prove_program(results_of(project), project / "app.py", "")
    failures = [row.run.failure.message for row in proved.report.rows]
    assert not proved.report.explored
    assert {message.partition(":")[0] for message in failures} == {str(project / "app.py")}


def test_hidden_settings_are_copied(project):
    """Tests find their settings in a hidden file; hidden folders and `.git` are left out."""
    for name in (".pytest.ini", ".git"):
        (project / name).write_text("[pytest]\n")
    (project / ".cache").mkdir()
    with copies(results_of(project), project) as places:
        for place in places:
            assert [path.name for path in place.glob(".*")] == [".pytest.ini"]


def test_the_copies_are_not_copied(project, monkeypatch):
    """A project in the folder for temporary files is copied without the copies themselves."""
    results = results_of(project)
    monkeypatch.setattr(tempfile, "tempdir", str(project))
    with copies(results, project) as places:
        for place in places:
            assert sorted(path.name for path in place.glob("*.py")) == [
                "app.py",
                "helper.py",
                "test_app.py",
            ]
            assert not [path for path in place.iterdir() if path.is_dir()]


LOADING = {
    "nothing": "",
    "by its path": "import runpy; runpy.run_path(str(HERE / 'helper.py'))",
    "in a child": "import subprocess, sys; "
    "subprocess.run([sys.executable, '-c', 'import helper'], cwd=HERE, check=True)",
    "in a spawned child": "from multiprocessing import get_context; "
    "child = get_context('spawn').Process(target=print); child.start(); child.join()",
}


@pytest.mark.parametrize("how", LOADING)
def test_what_is_loaded(project, how):
    """A program or test that loads no ported file proves nothing; a child may load any."""
    head = "import pathlib\n\nHERE = pathlib.Path(__file__).parent\n\n"
    program, tests = project / "app.py", project / "test_app.py"
    program.write_text(f"{head}async def main():\n    {LOADING[how]}\n    print(1)\n")
    tests.write_text(f"{head}def test_it():\n    {LOADING[how] or 'pass'}\n")
    (project / "types.pyi").write_text(HELPER)  # is ported, and never loaded
    results = results_of(project)
    found = prove_program(results, program, "", backends=["asyncio"])
    assert found.report.equivalent
    [run] = prove_tests(results, tests, backends=["asyncio"])
    assert not run.differing
    for one in (found, run):
        assert one.unloaded == (() if how != "nothing" else (project / "helper.py",))
        assert one.holds is (how != "nothing")


def test_tests_that_are_ported(project):
    """Tests whose own file was ported prove it, whatever else they load."""
    tests = project / "test_app.py"
    tests.write_text(f"{HELPER}\n\ndef test_it():\n    pass\n")
    [run] = prove_tests(results_of(project), tests, backends=["asyncio"])
    assert run.holds


def test_tests(project):
    """Tests run before and after, on every backend; each has to end as it did."""
    results = results_of(project)
    runs = prove_tests(results, project / "test_app.py")
    assert [run.backend for run in runs] == list(installed_backends())
    assert all(run.holds for run in runs), runs
    assert all(list(run.before.values()) == ["passed"] for run in runs)
    wrong = spoilt(results, b"await anyio.sleep(n)", b"return 1")
    [failing] = prove_tests(wrong, project, backends=["asyncio"])
    assert len(failing.differing) == 1


@pytest.mark.parametrize(
    ("failed", "skipped", "proved"),
    [(0, 0, True), (1, 5, True), (2, 0, False), (3, 0, False)],
)
def test_tests_that_fail_before(failed, skipped, proved):
    """Tests prove something if most of those that run pass before the port."""
    outcomes = ["passed"] * 2 + ["failure"] * failed + ["skipped"] * skipped
    ends = {str(number): outcome for number, outcome in enumerate(outcomes)}
    run = TestRun("asyncio", ends, ends)
    assert (run.passed, run.failed, run.holds) == (2, failed, proved)


def test_a_test_that_passes_at_times():
    """A test that passes in one of two runs counts as passed, and is told; others stay."""
    first = {"steady": "passed", "late": "failure", "broken": "failure", "lost": "passed"}
    second = {"steady": "passed", "late": "passed", "broken": "error"}
    best, changing = merged(first, second)
    assert best == {**first, "late": "passed"}
    assert changing == ["late"]


UNSTEADY = """
import pathlib
import pytest
import helper

@pytest.mark.anyio
async def test_late():
    seen = pathlib.Path(__file__).with_suffix(".seen")
    first = not seen.exists()
    seen.touch()
    assert "before" not in __file__ or not first
"""


def test_tests_run_again_where_they_differ(project):
    """What ends differently is run once more, before it is called a difference."""
    (project / "test_app.py").write_text(UNSTEADY)
    [run] = prove_tests(results_of(project), project / "test_app.py", backends=["asyncio"])
    assert run.unsteady == ("test_app::test_late",)
    assert run.holds


ALIKE = """
import pytest
import helper


@pytest.mark.parametrize("x", [1, 2, 3], ids=["one", "asyncio-one", "asyncio"])
def test_it(x):
    pass


def test_other():
    pass
"""


def test_names_of_tests(project):
    """A backend in a test's name is left out, unless two tests were the same without it."""
    (project / "test_app.py").write_text(ALIKE)
    [run] = prove_tests(results_of(project), project / "test_app.py", backends=["asyncio"])
    names = ["test_it[one]", "test_it[asyncio-one]", "test_it", "test_other"]
    assert list(run.before) == [f"test_app::{name}" for name in names]
    assert run.holds
