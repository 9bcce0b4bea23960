"""Schedules in tests: `--schedules`, `--schedule-seed`, the marker and the fixture."""

import re
import textwrap

import pytest

from portable._backends import BACKENDS

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

LOST_UPDATE = """
    import anyio
    import anyio.lowlevel
    import pytest

    @pytest.mark.anyio
    @pytest.mark.schedules
    async def test_total():
        total = 0

        async def add(late):
            nonlocal total
            for _ in range(late):
                await anyio.lowlevel.checkpoint()
            before = total
            await anyio.lowlevel.checkpoint()
            total = before + 1

        async with anyio.create_task_group() as group:
            group.start_soon(add, 0)
            group.start_soon(add, 1)
        await anyio.sleep(3600)
        assert total == 2
"""


@pytest.fixture
def suite(pytester):
    """Make a project of one module; return a function that runs it."""

    def run(code, *args):
        pytester.makepyfile(test_it=textwrap.dedent(code))
        return pytester.runpytest("-p", "no:cacheprovider", *args)

    return run


@pytest.mark.parametrize("backend", BACKENDS)
def test_schedules_find_what_a_plain_run_does_not(suite, backend):
    """The failing seed stands in the test's id, and the command printed fails again."""
    chosen = f"--anyio-backends={backend}"
    if backend != "trio":  # whose own order is by lot
        suite(LOST_UPDATE, chosen).assert_outcomes(passed=1)
    result = suite(LOST_UPDATE, chosen, "--schedules", "20")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] + outcomes["passed"] == 20
    assert outcomes["failed"] < 20
    text = result.stdout.str()
    assert f"{outcomes['failed']} of 20 schedules failed; seeds: " in text
    again = re.search(r"once more: pytest '(\S+)' (--schedule-seed=(\d+)) (.*)", text)
    assert again is not None
    node, option, seed, others = again.groups()
    assert node == f"test_it.py::test_total[{backend}-seed{seed}]"
    assert others.startswith(f"-p no:cacheprovider {chosen}")
    for _ in range(2):
        suite(LOST_UPDATE, node, option, chosen).assert_outcomes(failed=1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_failing_schedule_is_shrunk_and_told(suite, backend):
    """What is needed of it stands in a sentence; the command beside it fails by that alone."""
    chosen = f"--anyio-backends={backend}"
    code = LOST_UPDATE.replace("group.start_soon(add, 1)", "group.start_soon(add, 6)")
    result = suite(code, chosen, "--schedules=20")
    assert result.parseoutcomes()["failed"] < 20
    text = result.stdout.str()
    assert "shrunk to 1 of " in text
    assert "add 2 took 7 steps before add 1 at 0 s, otherwise as usual" in text
    alone = re.search(r"this alone: pytest '(\S+)' (--schedule-seed=\S+)", text)
    assert alone is not None
    assert alone[1] == f"test_it.py::test_total[{backend}-replay]"
    suite(code, *alone.groups(), chosen).assert_outcomes(failed=1)
    suite(code, alone[1], "--schedule-seed=usual", chosen).assert_outcomes(passed=1)


def test_walks_are_named_and_repeated(suite):
    """A walk's id has no space; its variants are one test, which a command repeats."""
    chosen = "--anyio-backends=asyncio"
    result = suite(LOST_UPDATE, chosen, "--schedules=10", "--schedule-seed=walk 5")
    failed = result.parseoutcomes()["failed"]
    text = result.stdout.str()
    assert f"test_total[asyncio]: {failed} of 10 schedules failed; seeds: walk " in text
    again = re.search(r"once more: pytest '(\S+)' '(--schedule-seed=walk \d+)'", text)
    assert again is not None
    assert "[asyncio-seedwalk-" in again[1]
    suite(LOST_UPDATE, *again.groups(), chosen).assert_outcomes(failed=1)
    alone = re.search(r"this alone: pytest '(\S+)' (--schedule-seed=\S+)", text)
    assert alone is not None
    suite(LOST_UPDATE, *alone.groups(), chosen).assert_outcomes(failed=1)


def test_sleeps_are_stretched(suite):
    """With the option a test that relies on a millisecond fails, and the sleep is named."""
    code = """
        import anyio
        import pytest

        @pytest.mark.anyio
        @pytest.mark.schedules
        async def test_order():
            seen = []

            async def wait(seconds):
                await anyio.sleep(seconds)
                seen.append(seconds)

            async with anyio.create_task_group() as group:
                group.start_soon(wait, 1.001)
                group.start_soon(wait, 1)
            assert seen == [1, 1.001]
    """
    options = ("--anyio-backends=asyncio", "--schedules=10")
    suite(code, *options).assert_outcomes(passed=10)
    result = suite(code, *options, "--schedule-stretch=0.003")
    assert result.parseoutcomes()["failed"] > 0
    text = result.stdout.str()
    assert re.search(r"a sleep of wait \d from 0 s on took 0.00\d+ s longer, otherwise", text)
    assert re.search(r"once more: pytest '\S+' '--schedule-seed=\d+~0.003'", text)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--schedule-seed=x"], "--schedule-seed: 'x' names no schedule; write an integer"),
        (["--schedules=2", "--schedule-seed=3.1-2.1"], "is one schedule, and says itself"),
        (["--schedules=2", "--schedule-stretch=-1"], "--schedule-stretch: must be finite"),
    ],
)
def test_options_that_name_no_schedule_are_refused(suite, options, message):
    """The error says which option it is about, and what to write."""
    result = suite(LOST_UPDATE, *options)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{message}*"])


def test_marked_tests_are_repeated_and_no_others(suite):
    """Each marked test runs once a seed, in virtual time, with a loop of its own."""
    code = """
        import anyio
        import pytest

        pytestmark = pytest.mark.anyio
        seen = []

        @pytest.fixture(scope="module")
        async def age():
            started = anyio.current_time()
            return lambda: anyio.current_time() - started

        @pytest.mark.schedules
        @pytest.mark.parametrize("x", ["a", "b"])
        async def test_marked(x, age, schedule_seed):
            assert age() == 0
            await anyio.sleep(3600)
            seen.append((x, schedule_seed))

        async def test_unmarked(schedule_seed):
            assert schedule_seed is None

        def test_seen():
            assert sorted(set(seen)) == [(x, seed) for x in "ab" for seed in (7, 8, 9)]
    """
    result = suite(
        code, "--schedules=3", "--schedule-seed=7", "--anyio-backends=asyncio", "-rA"
    )
    result.assert_outcomes(passed=8)
    assert "6 schedules of 2 tests, none failed" in result.stdout.str()
    assert "test_marked[asyncio-seed9-b]" in result.stdout.str()


def test_a_projects_own_backends_are_repeated(suite):
    """Without the option for backends each of the project's own is run under each schedule."""
    result = suite(LOST_UPDATE, "--schedules=2", "--schedule-seed=1")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] + outcomes.get("passed", 0) == 4


def test_without_the_option_a_marked_test_runs_once(suite):
    """The marker alone repeats nothing; the test is in virtual time all the same."""
    result = suite(LOST_UPDATE, "--anyio-backends=asyncio")
    result.assert_outcomes(passed=1)
    assert "= schedules =" not in result.stdout.str()


@pytest.mark.parametrize(
    ("marks", "function", "words"),
    [
        ("@pytest.mark.schedules", "def test_it(): pass", "AnyIO does not run this test"),
        (
            "@pytest.mark.anyio\n@pytest.mark.schedules\n@pytest.mark.virtual_time(False)",
            "async def test_it(): pass",
            "the order of tasks cannot be chosen",
        ),
    ],
    ids=["sync", "real time"],
)
def test_a_marker_that_can_do_nothing_fails(suite, marks, function, words):
    """A marked test whose order cannot be chosen says so, and does not pass for tried."""
    code = f"import pytest\n{marks}\n{function}\n"
    result = suite(code, "--schedules=1", "--anyio-backends=asyncio")
    result.assert_outcomes(errors=1)
    assert words in result.stdout.str()


def test_no_schedules_are_refused(suite):
    """A count below 1 is bad use."""
    result = suite(LOST_UPDATE, "--schedules=0")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines("*--schedules: must be at least 1, got 0*")


def test_processes_of_xdist(pytester, monkeypatch):
    """Seeds and commands are told from the processes of pytest-xdist, too."""
    pytest.importorskip("xdist", reason="needs it: pip install pytest-xdist")
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", raising=False)
    monkeypatch.delenv("PYTEST_PLUGINS", raising=False)
    pytester.makepyfile(test_it=textwrap.dedent(LOST_UPDATE))
    result = pytester.runpytest_subprocess("--anyio-backends=trio", "--schedules=20", "-n2")
    assert "of 20 schedules failed; seeds: " in result.stdout.str()
    assert "--schedule-seed=" in result.stdout.str()
