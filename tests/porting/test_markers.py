"""The tests of a code base: pytest-asyncio's marker and fixtures become AnyIO's."""

import textwrap

import pytest

pytest.importorskip("libcst", reason="needs it: pip install 'portable-tasks[port]'")

from portable._backends import installed_backends
from portable.porting import port
from portable.porting.files import find_targets, port_files
from portable.porting.proving import prove_tests

BEFORE = """
import asyncio
import pytest
from pytest import mark
import pytest_asyncio
from pytest_asyncio import fixture as made

@pytest_asyncio.fixture
async def numbers():
    found = [1]
    await asyncio.sleep(0)
    yield found
    found.clear()

@made(scope="function", params=[2, 3], ids=["two", "three"])
async def number(numbers):
    return numbers[0] + 1

@pytest.fixture
def both(numbers):
    return [*numbers, 2]

@pytest.mark.asyncio
async def test_fixtures(both, number):
    assert len(both) == number

@pytest.mark.asyncio(loop_scope="function")
@pytest.mark.parametrize("x", [1, 2])
async def test_parameters(x, numbers):
    assert x >= numbers[0]

@mark.asyncio()
class TestClass:
    async def test_it(self, numbers):
        assert numbers == [1]

def test_no_coroutine():
    assert 1
"""
AFTER = """
import anyio
import pytest
from pytest import mark

@pytest.fixture
async def numbers():
    found = [1]
    await anyio.sleep(0)
    yield found
    found.clear()

@pytest.fixture(scope="function", params=[2, 3], ids=["two", "three"])
async def number(numbers):
    return numbers[0] + 1

@pytest.fixture
def both(numbers):
    return [*numbers, 2]

@pytest.mark.anyio
async def test_fixtures(both, number):
    assert len(both) == number

@pytest.mark.anyio
@pytest.mark.parametrize("x", [1, 2])
async def test_parameters(x, numbers):
    assert x >= numbers[0]

@mark.anyio()
class TestClass:
    async def test_it(self, numbers):
        assert numbers == [1]

def test_no_coroutine():
    assert 1
"""
CONFTEST = """
import pytest_asyncio

@pytest_asyncio.fixture
async def server():
    return "up"
"""
USER = """
import pytest

pytestmark = [pytest.mark.asyncio]

async def test_server(server):
    assert server == "up"
"""


@pytest.fixture
def project(tmp_path):
    """Makes a project of files by their names, and ports them, or some of them."""

    def ported(*names, settings="", **files):
        (tmp_path / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\n{settings}")
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text.lstrip())
        chosen = [str(tmp_path / f"{name}.py") for name in names or files]
        found = port_files(find_targets(chosen))
        return {result.path.stem: result for result in found}

    return ported


def test_a_file_of_its_own(project):
    """Marks and fixtures of a file move together, to the byte, and twice is once."""
    assert project(test_a=BEFORE)["test_a"].after.decode() == AFTER.lstrip()
    assert port(AFTER.lstrip().encode()).code.decode() == AFTER.lstrip()


def test_files_that_share_fixtures(project):
    """They move when all of them are named, and stay when one is not, or cannot."""
    files = {"conftest": CONFTEST, "test_a": USER}
    done = project(**files)
    assert all(b"asyncio" not in each.after for each in done.values())
    for alone in files:
        [result] = project(alone, **files).values()
        assert not result.changed
        assert [site.why for site in result.sites if "shares fixtures" in site.why]
    done = project(**files, test_b=USER + "\nasync def test_loop(event_loop): pass\n")
    assert not any(each.changed for each in done.values())


def test_an_environment_in_the_project(project, tmp_path):
    """What is installed below the project is no file of its tests."""
    installed = tmp_path / ".venv" / "lib" / "site-packages" / "pytest_asyncio"
    installed.mkdir(parents=True)
    (installed / "plugin.py").write_text("import pytest_asyncio\n")
    done = project(conftest=CONFTEST, test_a=USER)
    assert all(b"asyncio" not in each.after for each in done.values())


SUITE = """
import asyncio
import pytest
import pytest_asyncio

{fixture}
async def made():
    return 1

{mark}
async def test_it(made{more}):
    {body}

{rest}
"""
PLAIN = {
    "fixture": "@pytest_asyncio.fixture",
    "mark": "@pytest.mark.asyncio",
    "more": "",
    "body": "pass",
    "rest": "",
}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"mark": '@pytest.mark.asyncio(loop_scope="module")'}, "a loop of another scope"),
        ({"rest": "M = pytest.mark.asyncio"}, "is handed on"),
        ({"rest": "print(pytest.mark.asyncio)"}, "is handed on"),
        ({"rest": "def f(x: 'pytest_asyncio.plugin.Mode'): ..."}, "stays"),
        ({"rest": "import pytest_asyncio.plugin\nx = pytest_asyncio.plugin"}, "stays"),
        ({"fixture": '@pytest_asyncio.fixture(scope="module")'}, "with a scope"),
        ({"fixture": '@pytest_asyncio.fixture(loop_scope="session")'}, "with a scope"),
        ({"fixture": "@pytest_asyncio.fixture(autouse=True)"}, "for every test"),
        ({"fixture": '@pytest_asyncio.fixture(name="made")'}, "a name"),
        ({"more": ", event_loop"}, "has to do with event_loop"),
        ({"rest": "@pytest.fixture\ndef event_loop_policy(): pass"}, "event_loop_policy"),
        ({"body": "asyncio.current_task()"}, "looks at tasks"),
        ({"rest": "def test_plain(made): pass"}, "without the marker"),
        ({"rest": "async def test_unmarked(made): pass"}, "without the marker"),
        (
            {"rest": "@pytest.fixture\ndef two(made): pass\ndef test_plain(two): pass"},
            "without the marker",
        ),
        ({"rest": '@pytest.mark.usefixtures("made")\ndef test_plain(): pass'}, "in a string"),
        ({"rest": "f = pytest_asyncio.fixture(test_it)"}, "is no decorator"),
        ({"rest": "def f(x: 'pytest_asyncio.fixture'): ..."}, "is no decorator"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_pytest_asyncios_alone(project, changes, why):
    """A file stays where AnyIO's plugin does not what pytest-asyncio does, with the reason."""
    code = SUITE.format(**(PLAIN | changes))
    done = project(test_a=code)["test_a"]
    whys = [site.why for site in done.sites if site.rule == "tests"]
    assert not done.changed
    assert whys
    assert all(why in each for each in whys), whys


@pytest.mark.parametrize("rest", ["", "def f(request: 'pytest.FixtureRequest'): ..."])
def test_the_plain_suite_moves(project, rest):
    """What the cases above change is a suite that moves; other names of pytest's stay."""
    done = project(test_a=SUITE.format(**(PLAIN | {"rest": rest})))["test_a"]
    assert done.changed
    assert not [site.why for site in done.sites if site.rule == "tests" and site.why]


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ('asyncio_mode = "auto"', "takes every coroutine"),
        ('asyncio_default_test_loop_scope = "session"', "live longer than a test"),
        ('asyncio_default_fixture_loop_scope = "function"', ""),
        ('asyncio_mode = "strict"', ""),
    ],
)
def test_configurations(project, settings, why):
    """Where pytest-asyncio is configured to do more than it does by itself, tests stay."""
    done = project(test_a=USER.replace("server", "tmp_path"), settings=settings)["test_a"]
    [site] = done.sites
    assert why in site.why
    assert done.changed is not bool(why)


def test_a_conftest_that_marks(project):
    """Where a conftest adds the marker, it and the tests beside it stay."""
    marks = "import pytest\n\ndef pytest_itemcollected(item):\n"
    marks += "    item.add_marker(pytest.mark.asyncio)\n"
    done = project(conftest=marks, test_a=USER.replace("server", "tmp_path"))
    assert not any(each.changed for each in done.values())
    assert "conftest adds" in done["test_a"].sites[0].why


@pytest.mark.slow
def test_before_and_after_are_equivalent(tmp_path):
    """Each test ends on every backend as it did before, its fixtures cleaned up."""
    pytest.importorskip("pytest_asyncio", reason="needs it: pip install pytest-asyncio")
    settings = '[tool.pytest.ini_options]\nasyncio_default_fixture_loop_scope = "function"\n'
    (tmp_path / "pyproject.toml").write_text(settings)
    failing = (
        '\n@pytest.mark.asyncio\nasync def test_fails(server):\n    assert server == "down"\n'
    )
    for name, text in (("conftest", CONFTEST), ("test_a", USER), ("test_b", BEFORE + failing)):
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text).lstrip())
    results = port_files(find_targets([str(tmp_path)]))
    assert all(result.changed for result in results)
    assert not any(b"pytest_asyncio" in result.after for result in results)
    runs = prove_tests(results, tmp_path)
    assert [run.backend for run in runs] == list(installed_backends())
    for run in runs:
        assert run.holds, run
        assert sorted(run.before.values()) == ["failure"] + ["passed"] * 7
