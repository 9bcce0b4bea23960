"""What is asked for in words that mean something else: it is said, and the right ones shown."""

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

TEST = """
    import pytest

    @pytest.mark.anyio
    {}
    async def test_it():
        pass
"""


@pytest.mark.parametrize(
    ("marker", "meant"),
    [
        ('anyio_backend("trio")', "anyio_backends"),
        ('anyiobackends("trio")', "anyio_backends"),
        ("no_leak", "no_leaks"),
        ("schedule", "schedules"),
        ("virtualtime", "virtual_time"),
        ("Virtual_Time", "virtual_time"),
    ],
)
def test_misspelt_markers(pytester, marker, meant):
    """A marker that is nearly one of portable's is an error where portable is asked for."""
    pytester.makepyfile(TEST.format(f"@pytest.mark.{marker}"))
    result = pytester.runpytest("--anyio-backends", "-W", "ignore")
    result.assert_outcomes(errors=1)
    name = marker.partition("(")[0]
    result.stdout.fnmatch_lines([f"*test_it: there is no marker {name}; write *mark.{meant}"])


def test_a_projects_own_marker(pytester):
    """A marker that a project has registered is its own, however it is called."""
    pytester.makeini("[pytest]\nmarkers = anyio_backend(name): ours\n")
    pytester.makepyfile(TEST.format('@pytest.mark.anyio_backend("trio")'))
    pytester.runpytest("--anyio-backends").assert_outcomes(passed=3)


def test_without_an_option_nothing_is_said(pytester):
    """A suite that asks portable for nothing may call its markers as it likes."""
    pytester.makepyfile(TEST.format('@pytest.mark.anyio_backend("trio")'))
    pytester.runpytest("-W", "ignore").assert_outcomes(passed=2)


@pytest.mark.parametrize("option", ["--anyio-backends", "--virtual-time", "--schedules=1"])
def test_no_plugin_of_anyios(pytester, monkeypatch, option):
    """Where AnyIO's plugin is switched off the advice is to switch it on."""
    monkeypatch.setenv("PYTEST_PLUGINS", "portable.pytest_plugin")
    pytester.makepyfile(TEST.format("@pytest.mark.virtual_time\n    @pytest.mark.schedules"))
    result = pytester.runpytest(option, "-W", "ignore")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*its pytest plugin is not loaded: leave out -p no:anyio*"])


def test_schedules_of_no_test(pytester):
    """To ask for schedules where no test has the marker is told."""
    pytester.makepyfile(TEST.format(""))
    result = pytester.runpytest("--schedules=5")
    result.stdout.fnmatch_lines(["no test ran: mark those that are meant with *schedules"])


def test_a_test_whose_backend_was_not_chosen(pytester):
    """A test that is named with another backend is not just not found."""
    path = pytester.makepyfile(TEST.format(""))
    result = pytester.runpytest("--anyio-backends=trio", f"{path.name}::test_it[asyncio]")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*: asyncio was not chosen; --anyio-backends: trio"])


@pytest.mark.parametrize("name", ["asyncio+uvloop", "uvlop", "UVLOOP"])
def test_did_you_mean_uvloop(pytester, name):
    """AnyIO's own id of uvloop, or a slip, is answered with the name that is meant."""
    result = pytester.runpytest(f"--anyio-backends={name}")
    result.stderr.fnmatch_lines([f"*unknown backend '{name}'*Did you mean 'uvloop'?"])


# A fixture that knows something --------------------------------------------------------

DEPENDING = """
    import pytest
    from portable import current_backend

    pytestmark = pytest.mark.anyio

    @pytest.fixture(params=["fast", "slow"])
    def mode(request):
        return request.param

    @pytest.fixture
    def anyio_backend(mode):
        return {"fast": "asyncio", "slow": "trio"}[mode]

    {}
    async def test_it(mode):
        assert current_backend() == {"fast": "asyncio", "slow": "trio"}[mode]
"""


@pytest.mark.parametrize(
    ("option", "outcomes"),
    [
        ("--anyio-backends", {"passed": 2}),
        ("--anyio-backends=uvloop,trio", {"passed": 1, "skipped": 1}),
        ("--anyio-backends=uvloop", {"skipped": 2}),
    ],
)
def test_a_backend_that_depends(pytester, option, outcomes):
    """A fixture that takes its value from another one keeps it; others are skipped."""
    pytester.makepyfile(DEPENDING.replace("    {}\n", ""))
    result = pytester.runpytest(option)
    result.assert_outcomes(**outcomes)
    result.stdout.fnmatch_lines(["a fixture anyio_backend takes its value from mode, *"])


def test_a_backend_that_depends_and_a_marker(pytester):
    """The same goes for the names of a marker."""
    marker = '    @pytest.mark.anyio_backends("trio")'
    pytester.makepyfile(DEPENDING.replace("    {}", marker))
    pytester.runpytest().assert_outcomes(passed=1, skipped=1)


def test_stretched_without_schedules(pytester):
    """Sleeps are stretched under schedules alone: without any the option says what to add."""
    pytester.makepyfile(TEST.format(""))
    result = pytester.runpytest("--schedule-stretch=1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--schedule-stretch: *; add --schedules=20"])
