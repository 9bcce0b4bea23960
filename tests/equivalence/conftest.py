"""What the tests of comparing files share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from portable.equivalence import Report, compare_programs

Write = Callable[..., str]


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
def on_asyncio(write: Write) -> Callable[..., Report]:
    """Compares two texts on asyncio alone."""

    def compared(original: str, port: str, **options: object) -> Report:
        left, right = write(original, "original.py"), write(port)
        return compare_programs(left, right, backends=["asyncio"], **options)  # type: ignore[arg-type]

    return compared
