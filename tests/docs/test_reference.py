"""The reference has every public name, command, option, setting and marker."""

import pkgutil
import re

import pytest

import portable
from portable import pytest_plugin

from .pages import DOCS

REFERENCE = DOCS / "reference"
NAMES = (REFERENCE / "api.md").read_text("utf-8")
# What is a folder of the package and has no names for others.
INSIDE = {"asyncio_on_trio", "cli"}


@pytest.mark.parametrize("name", sorted(portable._OURS))
def test_every_name_of_portables_has_its_place(name):
    """A name that is portable's own stands in the page once."""
    assert len(re.findall(rf"^\.\. auto\w+:: {name}$", NAMES, re.MULTILINE)) == 1


def test_every_public_package_has_its_section():
    """So does each package below it, with all of its names."""
    packages = {
        module.name
        for module in pkgutil.iter_modules(portable.__path__)
        if module.ispkg and not module.name.startswith("_")
    }
    listed = re.findall(r"^## portable\.(\w+)$", NAMES, re.MULTILINE)
    assert set(listed) == packages - INSIDE
    assert re.findall(r"^\.\. automodule:: portable\.(\w+)$", NAMES, re.MULTILINE) == listed


def test_every_command_has_its_section():
    """The page of the command line has each command, in the order of `--help`."""
    main = pytest.importorskip("typer.main", reason="needs Typer")
    from portable.cli.app import app

    page = (REFERENCE / "cli.md").read_text("utf-8")
    commands = list(main.get_command(app).commands)
    assert sorted(re.findall(r"^## portable (.+)$", page, re.MULTILINE)) == sorted(commands)
    assert sorted(re.findall(r"\{portable-command\} (.+)", page)) == sorted(commands)


def test_every_fixture_of_the_plugin_has_its_place():
    """The page of the plugin has each public fixture; the rest it makes from the plugin."""
    page = (REFERENCE / "pytest-plugin.md").read_text("utf-8")
    fixtures = {
        name
        for name, value in vars(pytest_plugin).items()
        if type(value).__name__ == "FixtureFunctionDefinition" and not name.startswith("_")
    }
    assert fixtures
    assert set(re.findall(r"^\.\. autofunction:: (\w+)$", page, re.MULTILINE)) == fixtures
    assert {"options", "settings", "markers"} == set(
        re.findall(r"portable-plugin\} (\w+)", page)
    )
