"""Who has a say in the backends of a test: the option, markers, fixtures, parametrisation."""

import textwrap

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

ASYNCIO_FIXTURE = """
    @pytest.fixture(scope="{scope}")
    def anyio_backend():
        return "asyncio"
"""
PARAMETRISED_FIXTURE = """
    @pytest.fixture(scope="{scope}", params=["asyncio", ("trio", {{}})], ids=["loop", "guest"])
    def anyio_backend(request):
        return request.param
"""
TEST = """
    @pytest.mark.anyio
    async def test_it(anyio_backend):
        pass
"""


@pytest.fixture
def ids(pytester):
    """Make a project out of pieces of code; return a function that tells which tests ran.

    It returns the names of the tests that passed, without `test_it`, and of those that were
    skipped, in brackets.
    """

    def run(*args, conftest="", **modules):
        head = "import pytest\n"
        pytester.makeconftest(head + textwrap.dedent(conftest))
        pytester.makepyfile(
            **{name: head + textwrap.dedent(code) for name, code in modules.items()}
        )
        result = pytester.runpytest("-rA", "-p", "no:cacheprovider", "-v", *args)
        outcomes = []
        for line in result.outlines:
            if "::" in line and line.endswith("]") and "%" in line:
                node, outcome = line.split("::")[-1].split(" ")[:2]
                name = node.removeprefix("test_it").strip("[]")
                outcomes.append(f"({name})" if outcome == "SKIPPED" else name)
                assert outcome in ("PASSED", "SKIPPED"), result
        return outcomes

    return run


# -- the table of docs/how-to/testing.md, a row a test ------------------------------------


def test_anyios_own_fixture(ids):
    """Without a word from the project AnyIO decides; with the option, the option does."""
    assert ids(test_it=TEST) == ["asyncio", "trio"]
    assert ids("--anyio-backends=uvloop,trio", test_it=TEST) == ["uvloop", "trio"]


@pytest.mark.parametrize("scope", ["function", "module", "session"])
@pytest.mark.parametrize(
    ("fixture", "own"), [(ASYNCIO_FIXTURE, [""]), (PARAMETRISED_FIXTURE, ["loop", "guest"])]
)
def test_a_projects_fixture(ids, fixture, own, scope):
    """A project keeps its own fixture without the option; with it, the option wins."""
    conftest = fixture.format(scope=scope)
    assert ids(conftest=conftest, test_it=TEST) == own
    chosen = ids("--anyio-backends=trio,uvloop", conftest=conftest, test_it=TEST)
    assert chosen == ["trio", "uvloop"]


@pytest.mark.parametrize(
    ("fixture", "own"), [(ASYNCIO_FIXTURE, [""]), (PARAMETRISED_FIXTURE, ["loop", "guest"])]
)
def test_a_modules_fixture(ids, fixture, own):
    """A fixture in a module counts as one in a conftest does."""
    module = fixture.format(scope="module") + TEST
    assert ids(test_it=module) == own
    assert ids("--anyio-backends=trio,uvloop", test_it=module) == ["trio", "uvloop"]


def test_a_classs_fixture(ids):
    """A fixture in a class counts as one in a conftest does."""
    module = """
        class TestIt:
            @pytest.fixture
            def anyio_backend(self):
                return "asyncio"

            @pytest.mark.anyio
            async def test_it(self):
                pass
    """
    assert ids(test_it=module) == [""]
    assert ids("--anyio-backends=trio,uvloop", test_it=module) == ["trio", "uvloop"]


@pytest.mark.parametrize(
    "arguments",
    [
        '"anyio_backend", ["asyncio", "trio"]',
        '["anyio_backend"], [["asyncio"], ["trio"]]',
        'argnames="anyio_backend", argvalues=["asyncio", "trio"], scope="module"',
        '"anyio_backend", ["asyncio", "trio"], indirect=True',
    ],
)
def test_a_test_that_parametrises_the_backend_itself(ids, arguments):
    """It keeps its backends; those that were not chosen are skipped."""
    module = f"""
        @pytest.mark.anyio
        @pytest.mark.parametrize({arguments})
        async def test_it(anyio_backend):
            pass
    """
    assert ids(test_it=module) == ["asyncio", "trio"]
    assert ids("--anyio-backends=trio,uvloop", test_it=module) == ["(asyncio)", "trio"]


def test_a_test_that_parametrises_the_backend_with_uvloop(ids):
    """uvloop is recognised by the options that choose it."""
    module = """
        import uvloop
        values = [
            pytest.param(("asyncio", {"use_uvloop": True}), id="a"),
            pytest.param(("asyncio", {"loop_factory": uvloop.new_event_loop}), id="b"),
            pytest.param(("asyncio", {"use_uvloop": False}), id="c"),
        ]
        @pytest.mark.anyio
        @pytest.mark.parametrize("anyio_backend", values)
        async def test_it(anyio_backend):
            pass
    """
    assert ids("--anyio-backends=asyncio", test_it=module) == ["(a)", "(b)", "c"]
    assert ids("--anyio-backends=uvloop", test_it=module) == ["a", "b", "(c)"]


MARKED = """
    @pytest.mark.anyio
    @pytest.mark.anyio_backends({arguments})
    async def test_it(anyio_backend):
        pass
"""


@pytest.mark.parametrize(
    ("arguments", "alone", "chosen"),
    [
        ('"trio"', ["trio"], ["trio"]),
        ('"uvloop"', ["uvloop"], ["(uvloop)"]),
        ('"asyncio", "uvloop"', ["asyncio", "uvloop"], ["asyncio"]),
        ('["asyncio", "uvloop"]', ["asyncio", "uvloop"], ["asyncio"]),
        ('exclude="trio"', ["asyncio"], ["asyncio"]),
        ('exclude=["trio", "uvloop"]', ["asyncio"], ["asyncio"]),
        ('exclude=["trio", "asyncio"]', ["(asyncio)", "(trio)"], ["(uvloop)"]),
        ('"trio", "uvloop", exclude="uvloop"', ["trio"], ["trio"]),
    ],
)
def test_the_marker(ids, arguments, alone, chosen):
    """Alone the marker names the backends; of those that were chosen it leaves these."""
    module = MARKED.format(arguments=arguments)
    assert ids(test_it=module) == alone
    assert ids("--anyio-backends=trio,asyncio", test_it=module) == chosen


def test_the_marker_and_a_projects_fixture(ids):
    """A marker that names backends goes before the fixture."""
    module = MARKED.format(arguments='"trio", "uvloop"')
    for fixture in (ASYNCIO_FIXTURE, PARAMETRISED_FIXTURE):
        conftest = fixture.format(scope="function")
        assert ids(conftest=conftest, test_it=module) == ["trio", "uvloop"]


def test_an_excluding_marker_and_a_projects_fixture(ids):
    """A marker that excludes takes away from what the fixture gives."""
    module = MARKED.format(arguments='exclude="trio"')
    parametrised = PARAMETRISED_FIXTURE.format(scope="module")
    assert ids(conftest=parametrised, test_it=module) == ["loop"]
    plain = ASYNCIO_FIXTURE.format(scope="module")
    assert ids(conftest=plain, test_it=module) == [""]
    module = MARKED.format(arguments='exclude="asyncio"')
    assert ids(conftest=plain, test_it=module) == ["()"]


def test_an_excluding_marker_and_a_parametrisation(ids):
    """A marker that excludes leaves out what the test parametrises itself."""
    module = """
        @pytest.mark.anyio
        @pytest.mark.anyio_backends(exclude="trio")
        @pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
        async def test_it(anyio_backend):
            pass
    """
    assert ids(test_it=module) == ["asyncio"]


# -- where the marker may stand -----------------------------------------------------------


def test_markers_on_function_class_and_module(ids):
    """Each marker narrows what the others leave."""
    module = """
        pytestmark = [pytest.mark.anyio, pytest.mark.anyio_backends("asyncio", "trio")]

        async def test_it_module(anyio_backend):
            pass

        @pytest.mark.anyio_backends(exclude="asyncio")
        class TestIt:
            async def test_it_class(self, anyio_backend):
                pass

        @pytest.mark.anyio_backends("asyncio", "uvloop")
        async def test_it_function(anyio_backend):
            pass
    """
    ran = ids("--anyio-backends", test_it=module)
    assert sorted(ran) == [
        "_class[trio",
        "_function[asyncio",
        "_module[asyncio",
        "_module[trio",
    ]


def test_other_parameters(ids):
    """The backends multiply with the parameters of the test."""
    module = """
        @pytest.mark.anyio
        @pytest.mark.anyio_backends("trio", "asyncio")
        @pytest.mark.parametrize("number", [1, 2])
        async def test_it(number):
            pass
    """
    expected = ["asyncio-1", "asyncio-2", "trio-1", "trio-2"]
    assert sorted(ids(test_it=module)) == expected
    assert sorted(ids("--anyio-backends", test_it=module)) == expected


def test_sync_tests_that_take_the_backend(ids):
    """A test need not be async to be run once for each backend."""
    module = """
        @pytest.mark.anyio_backends("trio", "uvloop")
        def test_it(anyio_backend_name, anyio_backend_options):
            assert anyio_backend_name == ("asyncio" if anyio_backend_options else "trio")
    """
    assert ids("--anyio-backends", test_it=module) == ["uvloop", "trio"]


def test_auto_mode(ids):
    """In AnyIO's auto mode tests need no marker of its own."""
    module = """
        @pytest.mark.anyio_backends("trio", "uvloop")
        async def test_it():
            pass
    """
    args = "--anyio-mode=auto", "--anyio-backends"
    assert ids(*args, test_it=module) == ["uvloop", "trio"]


def test_async_fixtures_of_every_scope(ids):
    """Async fixtures are made on the backend that the marker names."""
    fixtures = "".join(
        f"""
        @pytest.fixture(scope="{scope}")
        async def {scope}_home():
            yield current_backend()
        """
        for scope in ("session", "package", "module", "class", "function")
    )
    module = f"""
        from portable import current_backend
        {fixtures}
        @pytest.mark.anyio
        @pytest.mark.anyio_backends("trio", "uvloop")
        async def test_it(
            session_home, package_home, module_home, class_home, function_home
        ):
            homes = session_home, package_home, module_home, class_home, function_home
            assert set(homes) == {{current_backend()}}
    """
    assert ids(test_it=module) == ["trio", "uvloop"]


def test_hypothesis(ids):
    """Tests of Hypothesis run on the backends of their marker, each example of them."""
    module = """
        from hypothesis import given, settings, strategies as st
        from portable import current_backend

        @pytest.mark.anyio
        @pytest.mark.anyio_backends("trio", "uvloop")
        @settings(max_examples=5)
        @given(number=st.integers())
        async def test_it(number, anyio_backend):
            assert current_backend() == ("trio" if anyio_backend == "trio" else "uvloop")
    """
    assert ids(test_it=module) == ["trio", "uvloop"]
    assert ids("--anyio-backends", test_it=module) == ["uvloop", "trio"]
