"""Context variables that fixtures set, and who sees them: the ini setting `shared_context`."""

import pytest

from portable._backends import installed_backends

SUITE = """
    from contextvars import ContextVar

    import anyio
    import pytest

    module, yielded, returned, plain = VARIABLES = [
        ContextVar(name, default=0) for name in ("module", "yielded", "returned", "plain")
    ]

    def seen():
        return [var.get() for var in VARIABLES]

    @pytest.fixture(scope="module")
    async def of_module(anyio_backend):
        token = module.set(1)
        yield
        assert seen() == [1, 0, 0, 0]
        module.reset(token)

    @pytest.fixture
    def sync(of_module):
        assert module.get() == 1
        token = plain.set(4)
        yield
        plain.reset(token)

    @pytest.fixture
    async def yielding(sync):
        assert plain.get() == 4
        token = yielded.set(2)
        yield
        yielded.reset(token)

    @pytest.fixture
    async def returning(yielding):
        returned.set(3)

    @pytest.fixture
    def sync_on_async(returning):
        assert seen() == [1, 2, 3, 4]
        yield
        assert seen() == [1, 2, 3, 4]
        returned.set(0)

    @pytest.mark.anyio
    async def test_async(sync_on_async):
        assert seen() == [1, 2, 3, 4]
        plain.set(5)
        await anyio.sleep(0)

    def test_sync(sync_on_async):
        assert seen() == [1, 2, 3, 4]

    @pytest.mark.anyio
    async def test_what_is_left(of_module):
        assert seen() == [1, 0, 0, 0]

    def test_outside():
        pass
"""
AFTER = """
    from test_it import seen

    def test_after():
        assert seen() == [0, 0, 0, 0]
"""


@pytest.mark.parametrize(
    "options",
    [[], ["--virtual-time"], ["-o", "asyncio_on_trio=true"]],
    ids=["plain", "virtual", "driven"],
)
def test_everybody_sees(pytester, options):
    """What a fixture sets is seen by all that comes after it, and gone when it has reset it."""
    pytester.makepyfile(test_it=SUITE, test_later=AFTER)
    result = pytester.runpytest("-o", "shared_context=true", "--anyio-backends", *options)
    result.assert_outcomes(passed=3 * len(installed_backends()) + 2)


def test_it_has_to_be_asked_for(pytester):
    """Without the setting each context keeps its variables, as AnyIO has it."""
    pytester.makepyfile(test_it=SUITE)
    result = pytester.runpytest("--anyio-backends", "-k", "test_sync")
    result.assert_outcomes(
        errors=len(installed_backends()), deselected=2 * len(installed_backends()) + 1
    )


def test_alone(pytester):
    """The setting needs no other option of the plugin's; AnyIO's backends are kept."""
    pytester.makepyfile(test_it=SUITE, test_later=AFTER)
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(scope="module")
        def anyio_backend():
            return "asyncio"
        """
    )
    result = pytester.runpytest("-o", "shared_context=true")
    result.assert_outcomes(passed=5)
