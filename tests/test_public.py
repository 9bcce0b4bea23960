"""The public names: listed, loaded late, documented, and true to their documentation."""

import doctest
import importlib
import inspect
import pkgutil
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


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_documented(name):
    """Each public function tells its errors, what it stands for, and shows an example."""
    text = inspect.getdoc(getattr(portable, name))
    assert "Example:" in text
    assert "Raises:" in text


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
