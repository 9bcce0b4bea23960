"""The option `--anyio-backends` and its ini setting: what a user may write, what it chooses."""

import sys

import pytest

from portable._backends import BACKENDS
from portable._pytest._arguments import names_in, rewrite

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

TESTS = """
    import pytest
    from portable import current_backend

    @pytest.fixture(scope="{scope}")
    async def home():
        yield current_backend()

    @pytest.mark.anyio
    async def test_one(home):
        assert current_backend() == home
        with open({log!r}, "a") as log:
            print(home, file=log)
"""


@pytest.fixture
def suite(pytester):
    """Make a project with a test and an async fixture; return a function that runs pytest.

    It returns the result, and the backends that the test ran on in fact.
    """
    log = pytester.path / "ran"

    def make_and_run(*args, scope="function"):
        pytester.makepyfile(test_it=TESTS.format(scope=scope, log=str(log)))
        result = pytester.runpytest(*args)
        return result, log.read_text().split() if log.exists() else []

    return make_and_run


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["asyncio", "trio"]),
        (["--anyio-backends"], ["asyncio", "uvloop", "trio"]),
        (["--anyio-backends=all"], ["asyncio", "uvloop", "trio"]),
        (["--anyio-backends=trio"], ["trio"]),
        (["--anyio-backends=uvloop,trio"], ["uvloop", "trio"]),
        (["--anyio-backends=trio,uvloop"], ["trio", "uvloop"]),
        (["--anyio-backends=trio", "--anyio-backends=asyncio,trio"], ["trio", "asyncio"]),
        (["--anyio-backends=trio, asyncio"], ["trio", "asyncio"]),
        (["--anyio-backends=trio,", "asyncio"], ["trio", "asyncio"]),
        (["--anyio-backends=trio,all"], ["trio", "asyncio", "uvloop"]),
        (["--anyio-backends", "test_it.py"], ["asyncio", "uvloop", "trio"]),
        (["test_it.py", "--anyio-backends"], ["asyncio", "uvloop", "trio"]),
        (["--anyio-backends=trio", "test_it.py"], ["trio"]),
    ],
    ids=lambda words: " ".join(words) or "nothing",
)
def test_what_the_option_chooses(suite, words, expected):
    """The option runs each test on the backends it names, in that order."""
    result, ran = suite(*words)
    result.assert_outcomes(passed=len(expected))
    assert ran == expected


def test_the_ids_are_the_names_of_the_backends(suite):
    """A test's id ends with the name of its backend, so that -k picks one."""
    result, _ = suite("--anyio-backends", "-v")
    result.stdout.fnmatch_lines([f"*::test_one[[]{name}] PASSED*" for name in BACKENDS])


def test_a_path_behind_the_bare_option_finds_its_conftest(pytester):
    """A directory behind the bare option counts as one from the start, with its conftest."""
    pytester.makepyfile(
        **{
            "sub/conftest": """
                def pytest_addoption(parser):
                    parser.addoption("--of-the-conftest", action="store_true")
            """,
            "sub/test_sub": "def test_it(anyio_backend): pass",
            "test_top": "def test_it(anyio_backend): assert False",
        }
    )
    result = pytester.runpytest("--anyio-backends", "sub", "--of-the-conftest")
    result.assert_outcomes(passed=3)


def test_the_bare_option_looks_no_further_up(pytester, monkeypatch):
    """A conftest above the root of the project is not loaded, with the option as without."""
    pytester.makeconftest("raise AssertionError('not of this project')")
    pytester.makepyfile(**{"project/test_sub": "def test_it(anyio_backend): pass"})
    (pytester.path / "project" / "pytest.ini").write_text("[pytest]\n")
    monkeypatch.chdir(pytester.path / "project")
    pytester.runpytest("--anyio-backends", "test_sub.py").assert_outcomes(passed=3)


def test_a_directory_with_the_name_of_a_backend(pytester):
    """What follows the bare option is a path, even where it reads like a backend."""
    pytester.makepyfile(**{"trio/test_sub": "def test_it(anyio_backend): pass"})
    result = pytester.runpytest("--anyio-backends", "trio", "-v")
    result.assert_outcomes(passed=3)


@pytest.mark.parametrize("setting", ["uvloop trio", "uvloop,trio", "uvloop, trio"])
def test_the_ini_setting(suite, pytester, setting):
    """The ini setting chooses as the option does."""
    pytester.makeini(f"[pytest]\nanyio_backends = {setting}\n")
    assert suite()[1] == ["uvloop", "trio"]


def test_the_ini_setting_as_a_list(suite, pytester):
    """In pyproject.toml the setting may be a list."""
    pytester.makepyprojecttoml("[tool.pytest.ini_options]\nanyio_backends = ['trio']\n")
    assert suite()[1] == ["trio"]


def test_the_option_goes_before_the_ini_setting(suite, pytester):
    """The option replaces what the ini setting says."""
    pytester.makeini("[pytest]\nanyio_backends = trio\n")
    assert suite("--anyio-backends=asyncio")[1] == ["asyncio"]


def test_the_environment(suite, monkeypatch):
    """PYTEST_ADDOPTS holds the option as the command line does, also the bare one."""
    monkeypatch.setenv("PYTEST_ADDOPTS", "--anyio-backends")
    assert suite("test_it.py")[1] == ["asyncio", "uvloop", "trio"]


@pytest.mark.parametrize(
    ("ini", "environment", "typed", "expected"),
    [
        ("--anyio-backends=trio", "", "", ["trio"]),
        ("--anyio-backends", "", "--anyio-backends=trio", ["trio"]),
        ("--anyio-backends=trio, uvloop", "", "--anyio-backends=asyncio", ["asyncio"]),
        ("--anyio-backends=trio", "--anyio-backends=uvloop", "", ["uvloop"]),
        ("", "--anyio-backends", "--anyio-backends=trio", ["trio"]),
        ("--anyio-backends", "--anyio-backends=trio", "-q", ["trio"]),
    ],
)
def test_the_nearest_source(suite, pytester, monkeypatch, ini, environment, typed, expected):
    """What is typed replaces what PYTEST_ADDOPTS says, and that replaces `addopts`."""
    pytester.makeini(f"[pytest]\naddopts = {ini}\n")
    monkeypatch.setenv("PYTEST_ADDOPTS", environment)
    assert suite(*typed.split())[1] == expected


@pytest.mark.parametrize("word", ["trio", "all", "asyncio,uvloop"])
def test_a_list_behind_the_bare_option(suite, word):
    """A list that stands where a path would is a usage error that says what to write."""
    result, ran = suite("--anyio-backends", word)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: --anyio-backends {word}: * --anyio-backends={word}"])
    assert not ran


def test_a_path_that_has_the_name_of_a_backend(pytester):
    """A directory called trio stays a path."""
    pytester.makepyfile(**{"trio/test_it": "def test_it(anyio_backend): pass"})
    pytester.makepyfile(test_other="def test_it(anyio_backend): pass")
    pytester.runpytest("--anyio-backends", "trio").assert_outcomes(passed=3)


@pytest.mark.parametrize("scope", ["function", "class", "module", "package", "session"])
def test_async_fixtures_of_every_scope(suite, scope):
    """An async fixture of any scope is made anew on each backend."""
    assert suite("--anyio-backends", scope=scope)[1] == ["asyncio", "uvloop", "trio"]


@pytest.mark.parametrize(
    ("word", "lines"),
    [
        ("--anyio-backends=tri", ["*unknown backend 'tri'*asyncio, uvloop, trio*'trio'?"]),
        ("--anyio-backends=,", ["*names no backend*"]),
        ("--anyio-backends=", ["*names no backend*"]),
    ],
)
def test_a_wrong_name_is_a_usage_error(suite, word, lines):
    """A name that is none stops the run with what is known and what may have been meant."""
    result, _ = suite(word)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --anyio-backends: " + line for line in lines])


def test_a_wrong_name_in_the_ini_setting(suite, pytester):
    """The message names the setting where the setting is wrong."""
    pytester.makeini("[pytest]\nanyio_backends = curio\n")
    result, _ = suite()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*ini setting anyio_backends: unknown backend 'curio'*"])


def test_a_named_backend_that_is_not_installed(suite, monkeypatch):
    """To name a backend that is not there is a usage error with the install command."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    result, _ = suite("--anyio-backends=uvloop")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'uvloop' is not installed*pip install *uvloop*"])


def test_all_leaves_out_what_is_not_installed(suite, monkeypatch):
    """`all` means all that are there; the header says what is not."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    result, ran = suite("--anyio-backends")
    assert ran == ["asyncio", "trio"]
    result.stdout.fnmatch_lines(
        ["backends: asyncio *, trio *", "backend uvloop: not installed; pip install *"]
    )


def test_the_header_names_the_backends_with_their_versions(suite):
    """The header says what is tested, and where that was said."""
    result, _ = suite("--anyio-backends=uvloop,asyncio")
    versions = [f"{name} {BACKENDS[name].version}" for name in ("uvloop", "asyncio")]
    result.stdout.fnmatch_lines([f"backends: {', '.join(versions)} (--anyio-backends)"])


def test_without_the_option_nothing_is_said(suite):
    """A run that does not use the plugin shows nothing of it."""
    result, _ = suite()
    result.stdout.no_fnmatch_line("*backends:*")


def test_words_behind_two_dashes_are_left_alone():
    """What follows `--` is no option."""
    assert rewrite(["--", "--anyio-backends"]) == ["--", "--anyio-backends"]


def test_a_list_that_ends_with_a_comma_takes_no_option():
    """An option behind a trailing comma is not swallowed."""
    words = ["--anyio-backends=trio,", "-x"]
    assert rewrite(words) == words


def test_names_are_kept_in_order_and_once():
    """Names may be given several at a time and more than once."""
    assert names_in(["trio, asyncio", "trio uvloop"]) == ["trio", "asyncio", "uvloop"]
