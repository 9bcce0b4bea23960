"""Recording on every backend, with every starter; comparing two programs in files."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from portable._backends import BACKENDS
from portable.equivalence import Program, Report, Trace, compare_programs, record
from portable.equivalence.program import Starter

Main = Callable[[], Awaitable[object]]
Record = Callable[[Main], Trace]
Write = Callable[..., str]

STARTERS: tuple[Starter, ...] = ("asyncio", "anyio")


@pytest.fixture(
    params=[
        pytest.param((starter, backend), id=f"{starter}-{backend}")
        for starter in STARTERS
        for backend in BACKENDS
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
    """Records a main function as a raw asyncio program, on asyncio."""
    return lambda main: record(Program("p", main, "asyncio"))


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a program and returns its path."""
    monkeypatch.chdir(tmp_path)

    def write(text: str, name: str = "port.py") -> str:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture
def comparing(write: Write) -> Callable[..., Report]:
    """Compares two texts on asyncio alone."""

    def comparing(original: str, port: str, **options: object) -> Report:
        left, right = write(original, "original.py"), write(port)
        return compare_programs(left, right, backends=["asyncio"], **options)  # type: ignore[arg-type]

    return comparing
