"""Markers that are used wrongly, or name what is not there: what a user is told."""

import sys
import textwrap

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

MARKED = """
    @pytest.mark.anyio
    @pytest.mark.anyio_backends({arguments})
    async def test_it(anyio_backend):
        pass
"""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ('"tri"', "*unknown backend 'tri'*asyncio, uvloop, trio*'trio'?*"),
        ('exclude="curio"', "*unknown backend 'curio'*"),
        ("", "*write @pytest.mark.anyio_backends(*"),
        ("backends=['trio']", "*write @pytest.mark.anyio_backends(*"),
        ('"trio", exclude="trio"', "*its markers leave no backend*"),
    ],
)
@pytest.mark.parametrize("option", [[], ["--anyio-backends"]], ids=["alone", "chosen"])
def test_a_wrong_marker_is_a_collection_error(pytester, arguments, message, option):
    """A marker that can't be meant so stops the collection, and says what to write."""
    module = "import pytest\n" + textwrap.dedent(MARKED.format(arguments=arguments))
    pytester.makepyfile(module)
    result = pytester.runpytest(*option)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*::test_it: marker anyio_backends: " + message[1:]])


def test_skipped_tests_say_why(pytester):
    """The reason of a skip names what was chosen, and where."""
    pytester.makepyfile("import pytest\n" + textwrap.dedent(MARKED.format(arguments='"trio"')))
    result = pytester.runpytest("--anyio-backends=asyncio,uvloop", "-rs")
    result.stdout.fnmatch_lines(
        ["SKIPPED * backend trio not chosen; chosen by --anyio-backends: asyncio, uvloop"]
    )


def test_a_named_backend_that_is_not_installed_is_skipped(pytester, monkeypatch):
    """A marker may name what is not installed here; the skip says how to install it."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    module = MARKED.format(arguments='"asyncio", "uvloop"')
    pytester.makepyfile("import pytest\n" + textwrap.dedent(module))
    result = pytester.runpytest("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED * uvloop is not installed here: pip install *"])


def test_the_markers_are_known(pytester):
    """With --strict-markers the plugin's markers pass."""
    pytester.makepyfile("""
        import pytest
        pytestmark = [pytest.mark.anyio_backends("trio"), pytest.mark.no_leaks]

        @pytest.mark.virtual_time
        def test_it():
            pass
    """)
    pytester.runpytest("--strict-markers").assert_outcomes(passed=1)


@pytest.mark.parametrize("option", [[], ["--anyio-backends"]], ids=["alone", "chosen"])
def test_virtual_time_where_anyio_does_not_run_the_test(pytester, option):
    """A coroutine test that another plugin runs is not left in real time without a word."""
    pytester.makepyfile("""
        import pytest
        pytestmark = pytest.mark.virtual_time

        async def test_it():
            pass

        def test_sync():
            pass
    """)
    result = pytester.runpytest(*option)
    result.assert_outcomes(errors=1, passed=1)
    result.stdout.fnmatch_lines(["virtual_time: AnyIO does not run this test; *mark.anyio"])


@pytest.mark.parametrize("marker", ["virtual_time", "no_leaks"])
@pytest.mark.parametrize(
    ("arguments", "right"),
    [
        ("()", True),
        ("(True)", True),
        ("(on=False)", True),
        ("('no')", False),
        ("(off=True)", False),
        ("(False, True)", False),
    ],
)
def test_a_switch_is_on_or_off(pytester, marker, arguments, right):
    """A marker that says neither on nor off stops the collection, and says what to write."""
    pytester.makepyfile(f"""
        import pytest
        pytestmark = pytest.mark.{marker}{arguments}

        def test_it():
            pass
    """)
    result = pytester.runpytest()
    result.assert_outcomes(passed=int(right), errors=int(not right))
    if not right:
        result.stdout.fnmatch_lines(
            [f"*::test_it: marker {marker}: write @pytest.mark.{marker} or *(False)*"]
        )
