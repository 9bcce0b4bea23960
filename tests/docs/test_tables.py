"""What the documentation lists is what there is; what it links to exists."""

import re

import pytest

import portable
from portable._differences import DIFFERENCES
from portable.patterns import patterns

from .pages import DOCS, PAGES, README, ROOT, anchor, headings, page_name, prose, rows

DIFFERENCES_PAGE = DOCS / "reference" / "differences.md"
ARCHITECTURE = DOCS / "explanation" / "architecture.md"


@pytest.mark.parametrize("page", [README, DIFFERENCES_PAGE], ids=lambda page: page.name)
def test_the_table_of_differences_is_the_list(page):
    """Number, text and reason of each, word for word, and no other."""
    table = [row for row in rows(page.read_text("utf-8"), 3) if re.match(r"[TD]\d", row[0])]
    assert table == [(entry.number, entry.text, entry.reason) for entry in DIFFERENCES.values()]


def test_each_difference_has_its_section():
    """docs/reference/differences.md has the headings that the list names, in order."""
    found = [heading for heading in headings(DIFFERENCES_PAGE) if re.match(r"T\d", heading)]
    assert found == [entry.section for entry in DIFFERENCES.values()]


def test_the_table_of_patterns_is_the_catalogue():
    """The README lists every pattern with its title."""
    section = README.read_text("utf-8").partition("## The patterns")[2].partition("\n## ")[0]
    listed = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, flags=re.MULTILINE))
    assert listed == {pattern.name: pattern.title for pattern in patterns()}


def test_the_readme_names_what_is_portables_own():
    """Every name of portable's that is not asyncio's, exceptions aside, has a row."""
    section = README.read_text("utf-8").partition("## What is portable's own")[2]
    section = section.partition("\n## ")[0]
    named = {name for row in rows(section, 2) for name in re.findall(r"(\w+)\(", row[0])}
    ours = {name for name in portable._OURS if not name.endswith("Error")}
    assert named == ours


PACKAGE = ROOT / "src" / "portable"
#: The folders with a table of their modules. A pattern or a workload has a page of its own.
FOLDERS = ("_pytest", "asyncio_on_trio", "bench", "cli", "clock", "equivalence", "porting")


def named_below(heading: str) -> set[str]:
    """Return the names of files and folders in the table below a heading of the layout."""
    section = ARCHITECTURE.read_text("utf-8").partition(f"\n{heading}\n")[2]
    section = re.split(r"\n##", section, maxsplit=1)[0]
    return {name for row in rows(section, 2) for name in re.findall(r"`([\w/.]+)`", row[0])}


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="only the installed package is here")
def test_the_layout_names_every_room():
    """docs/explanation/architecture.md has a line for each module and folder of the package."""
    there = {path.name for path in PACKAGE.glob("*.py")}
    there |= {f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")}
    assert named_below("## The rooms") == there


@pytest.mark.skipif(not PACKAGE.is_dir(), reason="only the installed package is here")
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_layout_names_every_module(folder):
    """Each folder of the package has a table there, with a line for each of its modules."""
    there = {path.name for path in (PACKAGE / folder).glob("*.py")} - {"__init__.py"}
    there |= {f"{path.parent.name}/" for path in (PACKAGE / folder).glob("*/__init__.py")}
    assert named_below(f"### In `{folder}/`") == there


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_links_lead_somewhere(page):
    """Each link within the project is a file, each #anchor a heading there."""
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", prose(page)):
        path, _, place = target.partition("#")
        linked = page if not path else (page.parent / path).resolve()
        assert linked.exists(), target
        if place:
            assert place in map(anchor, headings(linked)), target
