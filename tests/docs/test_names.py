"""What the documentation names is there: files and folders, modules, names of portable's."""

import re
from importlib import import_module

import pytest

from .pages import BLOCKS, DOCS, PAGES, ROOT, page_name, prose

PACKAGE = ROOT / "src" / "portable"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
ARCHITECTURE = DOCS / "explanation" / "architecture.md"
#: What CONTRIBUTING.md has one make.
MADE = {
    "src/portable/_name.py",
    "src/portable/patterns/pass_the_ball.py",
    "tests/test_name.py",
}
_PATH = re.compile(r"(?<![\w/.-])(?:src/portable|tests|docs|benchmarks|\.ci)/[\w./-]*")


def code(page):
    """Return what a page sets as code: between backticks, and as commands."""
    spans = re.findall(r"`([^`\n]+)`", prose(page))
    commands = [b.text for b in BLOCKS if b.page == page_name(page) and b.kind == "console"]
    return "\n".join([*spans, *commands])


def is_there(name):
    """Say whether a dotted name is that of a module, or of something in one."""
    found, parts = None, name.split(".")
    for count, part in enumerate(parts, 1):
        if found is not None and hasattr(found, part):
            found = getattr(found, part)
            continue
        try:
            found = import_module(".".join(parts[:count]))
        except ModuleNotFoundError as error:
            # A module that needs what is not installed is there.
            return not (error.name or "").startswith("portable")
    return True


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="only the installed package is here")
@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_the_paths_of_a_page_exist(page):
    """Each path below a folder of the project's is a file or a folder."""
    named = {path.rstrip(".") for path in _PATH.findall(code(page))} - MADE
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_the_dotted_names_of_a_page_exist(page):
    """Each name that begins with `portable.` is a module, or something in one."""
    named = set(re.findall(r"(?<![\w.-])portable(?:\.[A-Za-z_]\w*)+", code(page)))
    assert [name for name in sorted(named) if not is_there(name)] == []


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="only the installed package is here")
@pytest.mark.parametrize("page", [CONTRIBUTING, ARCHITECTURE], ids=page_name)
def test_the_modules_of_a_page_exist(page):
    """The pages on the inside name modules without their folder: each is in the package."""
    there = {path.name for path in PACKAGE.rglob("*.py")}
    named = set(re.findall(r"(?<![\w/.-])\w+\.py\b", code(page)))
    assert named
    assert named - there == set()


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="only the installed package is here")
def test_the_walk_names_what_the_sources_have():
    """Each function, class and attribute of the walk through the house is in the sources."""
    walk = ARCHITECTURE.read_text("utf-8").partition("## Two ways to wait")[2]
    sources = "\n".join(path.read_text("utf-8") for path in PACKAGE.rglob("*.py"))
    spans = re.findall(r"`([^`\n]+)`", walk)
    named = {name for span in spans for name in re.findall(r"[A-Za-z_]\w+", span)}
    assert len(named) > 50
    assert named - set(re.findall(r"\w+", sources)) == set()
