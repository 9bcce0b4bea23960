"""Recording on every backend, with every starter."""

from collections.abc import Awaitable, Callable

import pytest

from portable._backends import BACKENDS
from portable.equivalence import Program, Trace, record
from portable.equivalence.program import Starter

Main = Callable[[], Awaitable[object]]
Record = Callable[[Main], Trace]

STARTERS: tuple[Starter, ...] = ("asyncio", "anyio", "portable")


@pytest.fixture(
    params=[
        pytest.param((starter, backend), id=f"{starter}-{backend}")
        for starter in STARTERS
        for backend in BACKENDS
        if (starter, backend) != ("asyncio", "trio")
    ]
)
def on_all(request: pytest.FixtureRequest) -> Record:
    """Records a main function, in turn with each starter on each backend."""
    starter, name = request.param
    if not BACKENDS[name].installed:
        pytest.skip(f"needs {name}: {BACKENDS[name].install_command}")
    return lambda main: record(Program("p", main, starter), name)


@pytest.fixture
def on_asyncio() -> Record:
    """Records a main function as a raw asyncio program."""
    return lambda main: record(Program("p", main, "asyncio"))
