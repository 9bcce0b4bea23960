"""The public names: listed, loaded late, documented, and true to their documentation."""

import asyncio
import doctest
import importlib
import inspect
import linecache
import pkgutil
import re
import subprocess
import sys

import pytest

import portable
from portable._backends import BACKENDS

HEAVY = {"asyncio", "trio", "uvloop", "pytest", "rich", "typer", "time_machine", "hypothesis"}


def test_all_is_sorted_and_complete():
    """__all__ lists all there is: constants, then classes, then functions, each in order."""
    kinds = {name: (not name.isupper(), not name[0].isupper()) for name in portable.__all__}
    assert portable.__all__ == sorted(portable.__all__, key=lambda name: (kinds[name], name))
    assert set(portable.__all__) == set(portable._HOME)
    assert set(portable.__all__) <= set(dir(portable))
    for name in portable.__all__:
        assert getattr(portable, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    """A misspelt name fails as in any module."""
    with pytest.raises(AttributeError, match="'portable' has no attribute 'gahter'"):
        portable.gahter  # noqa: B018


def test_importing_portable_loads_next_to_nothing():
    """`import portable` loads neither an event loop nor any optional package, nor AnyIO."""
    code = "import sys, portable; print(*sorted(sys.modules))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not HEAVY & set(loaded)
    assert not [name for name in loaded if name.startswith("portable.")]


def test_running_on_asyncio_loads_no_optional_package():
    """A program on asyncio needs AnyIO alone."""
    code = (
        "import sys\n"
        "for name in ('trio', 'uvloop', 'pytest', 'rich', 'typer', 'time_machine'):\n"
        "    sys.modules[name] = None\n"
        "import portable\n"
        "async def main():\n"
        "    task = portable.create_task(portable.sleep(0, 'fine'))\n"
        "    try:\n"
        "        return await task\n"
        "    except portable.CancelledError:\n"
        "        return 'cancelled'\n"
        "print(portable.run(main))"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert ran.stdout == "fine\n"


FUNCTIONS = [name for name in portable.__all__ if inspect.isroutine(getattr(portable, name))]
BLOCKS_AND_TASKS = ["Supervisor", "Task", "TaskGroup", "Timeout"]
METHODS = sorted(
    {
        f"{cls}.{name}"
        for cls in BLOCKS_AND_TASKS
        for name, _ in inspect.getmembers(getattr(portable, cls), inspect.isroutine)
        if not name.startswith("_")
    }
    # What a block's tasks tell it is for tasks alone.
    - {
        f"{cls}.{name}"
        for cls in ("Supervisor", "TaskGroup")
        for name in ("call_soon", "callback_failed", "failure_retrieved", "task_failed")
    }
    - {"Task.cancel_message"}
)
TIMES = {"delay", "timeout", "when"}


def documentation(name):
    """What is said of a function, and its signature."""
    function = portable
    for part in name.split("."):
        function = getattr(function, part)
    return inspect.getdoc(function), inspect.signature(function)


def section(text, title):
    """The lines of one section."""
    _, _, rest = text.partition(f"\n{title}:\n")
    return rest.split("\n\n")[0]


@pytest.mark.parametrize("name", [*FUNCTIONS, *METHODS])
def test_arguments_and_results_are_documented(name):
    """Each argument is told, times with their unit; and what is returned, if anything is."""
    text, signature = documentation(name)
    arguments = section(text, "Args")
    for parameter in set(signature.parameters) - {"self"}:
        told = re.search(rf"^ *{parameter}: ((.|\n {{8}})*)", arguments, re.MULTILINE)
        assert told, parameter
        if parameter in TIMES:
            assert "second" in told[1]
    if "." not in name and signature.return_annotation not in ("None", None):
        assert section(text, "Returns")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_documented(name):
    """Each public function tells its errors, what it stands for, and shows an example."""
    text, _ = documentation(name)
    assert section(text, "Raises")
    assert section(text, "Example").lstrip().startswith(">>> import portable")
    stands_for = f"Stands for `asyncio.{name}()`"
    assert stands_for in text or "asyncio has no" in text or name == "current_time"


NO_DIFFERENCE = {"current_backend", "current_task", "current_time"}


@pytest.mark.parametrize("name", sorted({*FUNCTIONS, *BLOCKS_AND_TASKS} - NO_DIFFERENCE))
def test_differences_are_named(name):
    """What differs from asyncio is named by the numbers of the closed list."""
    text, _ = documentation(name)
    _, found, differences = " ".join(text.split()).partition("Differences from asyncio")
    assert found
    numbers = {int(number) for number in re.findall(r"\bD(\d+)", differences)}
    assert numbers
    assert numbers <= set(range(1, 11))


@pytest.mark.parametrize("name", BLOCKS_AND_TASKS)
def test_classes_are_documented(name):
    """Each class tells what it stands for, and shows an example."""
    text, _ = documentation(name)
    assert section(text, "Example").lstrip().startswith(">>> import portable")
    assert f"Stands for `asyncio.{name}`" in text or "asyncio has no such class" in text


@pytest.mark.parametrize("name", METHODS)
def test_methods_say_what_they_stand_for(name):
    """Each method of a class that asyncio has too names asyncio's."""
    cls, _, method = name.partition(".")
    original = getattr(asyncio, cls, None)
    if original is not None and hasattr(original, method) and cls == "Task":
        assert f"asyncio.{name}()" in documentation(name)[0]


# Modules that only a run on one of these backends loads.
NEEDED = {
    "portable.clock._trio": BACKENDS["trio"],
    "portable.clock._uvloop": BACKENDS["uvloop"],
}
MODULES = [
    pytest.param(
        module.name,
        marks=pytest.mark.skipif(
            module.name in NEEDED and not NEEDED[module.name].installed,
            reason=module.name in NEEDED and NEEDED[module.name].install_command,
        ),
    )
    for module in pkgutil.walk_packages(portable.__path__, "portable.")
    if not module.name.endswith("__main__")
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_true(module):
    """The examples in the docstrings print what they say."""
    linecache.clearcache()  # else doctest asks the disk after every file known to it
    failed, _ = doctest.testmod(importlib.import_module(module), optionflags=doctest.ELLIPSIS)
    assert failed == 0


@pytest.mark.parametrize("module", MODULES)
def test_modules_say_what_they_are_for(module):
    """Each module begins with a sentence about itself."""
    assert importlib.import_module(module).__doc__


def test_backends_are_extras():
    """The install command of each backend names an extra that the package has."""
    from importlib import metadata

    extras = metadata.metadata("portable-tasks").get_all("Provides-Extra")
    for backend in BACKENDS.values():
        if backend.requirement is not None:
            assert f"[{backend.name}]" in backend.install_command
            assert backend.name in extras
