"""The catalogue of patterns: a new file is enough."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import portable.patterns
from portable.patterns import UnknownPatternError, get_pattern, pattern_names, patterns

NEW = '''
"""Do nothing at all.

Not much to say.
"""


async def original() -> None: ...
async def port() -> None: ...
'''


def test_the_catalogue() -> None:
    """The patterns that tutorials teach are in it, each with a title and two programs."""
    names = ("cancel_a_task", "result_and_completion", "run_a_task", "timeout")
    assert set(names) <= set(pattern_names())
    for pattern in patterns():
        assert pattern.title
        assert [(program.name, program.starter) for program in pattern.programs] == [
            ("original", "asyncio"),
            ("port", "anyio"),
        ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules are patterns as well."""
    paths = [*portable.patterns.__path__, str(tmp_path)]
    monkeypatch.setattr(portable.patterns, "__path__", paths)
    yield tmp_path
    get_pattern.cache_clear()
    for file in tmp_path.glob("*.py"):
        sys.modules.pop(f"portable.patterns.{file.stem}", None)


def test_a_new_file_is_a_new_pattern(folder: Path) -> None:
    """Adding a pattern takes one file and nothing else; an underscore keeps a file out."""
    (folder / "a_new_pattern.py").write_text(NEW)
    (folder / "_shared.py").write_text("")
    assert "a_new_pattern" in pattern_names()
    assert "_shared" not in pattern_names()
    assert get_pattern("a_new_pattern").title == "Do nothing at all"


def test_an_unknown_name_lists_the_known_ones() -> None:
    """A misspelt name is answered with the known ones and the nearest of them."""
    with pytest.raises(UnknownPatternError, match=r"known are: .*run_a_task.*'run_a_task'\?"):
        get_pattern("run-a-tsk")
    with pytest.raises(UnknownPatternError, match=f"{pattern_names()[-1]}$"):
        get_pattern("zzz")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("without_title", "async def original(): ...", "has no docstring"),
        ("without_port", '"""Title."""\nasync def original(): ...', "no program 'port'"),
    ],
)
def test_a_file_that_lacks_something(folder: Path, name: str, text: str, message: str) -> None:
    """What a pattern's file lacks is told, with the file."""
    (folder / f"{name}.py").write_text(text)
    with pytest.raises(TypeError, match=message) as caught:
        get_pattern(name)
    assert f"{name}.py" in str(caught.value)
