"""Programs found by the names that people give them, and what is said where there is none."""

import os
import re
import sys
from collections.abc import Callable

import pytest

from portable.equivalence import compare_programs
from portable.equivalence.reading import Reading
from portable.equivalence.target import Target, TargetError

Write = Callable[..., str]

MAIN = "async def main(): print('there')\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("folder", "folder: is a folder; name a file in it"),
        ("no_such.py", "no_such.py: there is no such file"),
        (os.path.join("no", "such"), "there is no such file"),
        ("no.such.module", "there is no such module: No module named 'no'"),
        ("no_such", "there is no such module with a source"),
        ("sys:main", "there is no such module with a source"),
        (".near", "there is no such module"),
        ("broken.inside", "broken.inside: looking for it raised ZeroDivisionError: "),
        ("bad.py", "bad.py, line 1: SyntaxError: "),
        ("port.py:other", "port.py has no function 'other'; it has: main"),
        ("empty.py:main", "empty.py has no function 'main'; it has: none"),
    ],
)
def test_what_is_not_there(write: Write, name: str, words: str) -> None:
    """A name that leads to no program is refused before anything runs; the error says why."""
    write(MAIN)
    write("", "empty.py")
    write("def main(:\n", "bad.py")
    write("1 / 0", os.path.join("broken", "__init__.py"))
    write("", os.path.join("folder", "one.py"))
    with pytest.raises(TargetError, match=re.escape(words)):
        Target.find(name)


@pytest.mark.parametrize(
    "source",
    [
        "found = print",
        "for found in (print,): pass",
        "class found: pass",
        "if True:\n    def found(): pass",
        "try: pass\nfinally:\n    async def found(): pass",
        "class found:\n    async def call(): pass",
        "import found",
        "import found.below",
        "import asyncio as found",
        "from asyncio import run as found",
        "from asyncio import *",
    ],
)
def test_what_may_be_there(write: Write, source: str) -> None:
    """A name that the source may give to something is looked up when that has run."""
    assert Target.find(f"{write(source)}:found").function == "found"
    assert Target.find(f"{write(source)}:found.call").function == "found.call"


def test_a_module_is_found_from_here(write: Write) -> None:
    """A dotted name is a module below the working directory; `sys.path` stays as it is."""
    file, before = write(MAIN, "parcel/inside.py"), sys.path[:]
    found = Target.find("parcel.inside:main")
    assert (str(found.file), found.module, found.function) == (file, "parcel.inside", "main")
    assert sys.path == before


LOADED = {
    "a module that raises": (
        "1 / 0\ndef main(): pass",
        ":main",
        "loading it raised ZeroDivisionError",
    ),
    "a script that lacks a module": ("import no_such", "", "loading it raised ModuleNotFound"),
    "no function": ("main = 5", ":main", "'main' is no function but 5"),
    "no attribute": ("class main: pass", ":main.call", "has no attribute 'call'"),
    "a function that starts nothing": ("def main(): print('here')", ":main", "it has: main"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("source", "name", "words"), LOADED.values(), ids=LOADED)
def test_what_cannot_be_run(write: Write, source: str, name: str, words: str) -> None:
    """What turns out not to be a program when it is loaded is told as such, and how."""
    program = write(source) + name
    report = compare_programs(program, program, backends=["asyncio"])
    assert not report.loadable
    failure = report.rows[0].run.failure
    assert failure is not None
    assert failure.kind == "unloadable"
    assert words in failure.message


READINGS = {
    "ignore": (Reading, {"ignore": ("stdin",)}, "ignore: 'stdin' is unknown"),
    "normalize": (Reading, {"normalize": ("(",)}, "normalize: '(' is no regular expression"),
    "tolerance": (Reading, {"tolerance": float("nan")}, "tolerance: must not be negative"),
}


@pytest.mark.parametrize(("make", "options", "words"), READINGS.values(), ids=READINGS)
def test_a_bad_reading(make: Callable[..., object], options: object, words: str) -> None:
    """What a reading cannot use is refused, by the name of the option."""
    with pytest.raises(ValueError, match=re.escape(words)):
        make(**options)  # type: ignore[arg-type]
