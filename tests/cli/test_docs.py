"""`portable docs`: what it lists, what it prints, what it says of what there is not."""

import re
import sys

import pytest

pytest.importorskip("typer", reason="needs Typer: pip install 'portable-tasks[cli]'")

import portable
from portable.cli import main
from portable.cli.sections import KINDS, docstring, find, pages, sections


@pytest.fixture
def printed(capsys, monkeypatch):
    """Runs `portable docs` in this process, and gives what it says."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words, code=0):
        monkeypatch.setattr(sys, "argv", ["portable", "docs", *words])
        with pytest.raises(SystemExit) as end:
            main()
        assert end.value.code == code
        said = capsys.readouterr()
        return said.err if code else said.out

    return run


def test_the_list_has_each_page(printed):
    """Every page of the four kinds is listed with its title."""
    lines = printed().splitlines()
    listed = pages()
    assert list(listed) == list(KINDS)
    for page in (page for kind in listed.values() for page in kind):
        assert any(line.split() == [page.name, *page.title.split()] for line in lines)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_lists_its_pages(printed, kind):
    """The name of a kind lists the pages of that kind, and no other."""
    listed = [line.split()[0] for line in printed(kind).splitlines()[1:-2]]
    assert listed == [page.name for page in pages()[kind]]


def test_each_page_has_a_name_of_its_own():
    """A page is found by its name alone, whatever its kind."""
    names = [page.name for kind in pages().values() for page in kind]
    assert len(set(names)) == len(names)
    assert all(find(name)[0].level == 1 for name in names)


def test_each_section_is_found_by_its_name():
    """What `page#section` names is that section, unless a page has a heading twice."""
    every = [each for kind in pages().values() for page in kind for each in _sections(page)]
    assert len(every) > 50
    assert [find(each.name)[0].title for each in every] == [each.title for each in every]


def _sections(page):
    from portable.cli.sections import folder

    (file,) = folder().glob(f"*/{page.name}.md")
    return list(sections(file))


@pytest.mark.parametrize(
    "number", ["T2", "t2", "differences#t2-a-cancellation-that-passes-through-a-nursery"]
)
def test_a_difference_is_printed_by_its_number(printed, number):
    """`T2` is the section on T2, from its heading to the next, as it stands in the page."""
    text = printed(number)
    assert text.startswith("## T2: ")
    assert "**What to write.**" in text
    assert "## T3" not in text


def test_a_terminal_shows_it_as_it_is_meant(printed, monkeypatch):
    """There the marks of Markdown are what they stand for, and nothing is lost."""
    plain = printed("T2")
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = re.sub(r"\x1b\[[\d;]*m", "", printed("T2"))
    assert "**" in plain
    assert not re.search(r"\*\*|^```|^## ", shown, re.MULTILINE)
    assert "What to write." in shown


def test_words_list_the_headings_that_have_them(printed):
    """Several headings are listed, by names that the command takes."""
    lines = printed("virtual", "time").splitlines()
    assert len(lines) > 1
    assert all("virtual time" in line.lower() for line in lines)
    name = lines[0].split()[0]
    assert printed(name).startswith("#")


def test_words_that_no_heading_has_are_looked_for_in_the_text():
    """A word in the text alone finds the sections that have it."""
    found = find("pytest-randomly")
    assert found
    assert all("pytest-randomly" in section.text for section in found)


def test_a_name_of_portables_is_its_docstring(printed):
    """A public name is printed with its signature, the module before it or not."""
    text = printed("race")
    assert text.startswith("portable.race(*aws: Awaitable[Any]) -> Any\n\nRun several")
    assert printed("portable.race") == text


@pytest.mark.parametrize("name", sorted(portable._OURS))
def test_every_name_of_portables_has_a_docstring(name):
    """Each says what it is."""
    assert f"portable.{name}" in docstring(name)


def test_a_misspelt_page(printed):
    """What comes close is named, and how to see the list."""
    said = printed("tesing", code=2)
    assert "no page, section or name 'tesing'" in said
    assert "Did you mean 'testing'?" in said
    assert "`portable docs` lists the pages" in said


def test_programs_are_no_headings(tmp_path):
    """A comment in a program begins no section, and directives are left out."""
    page = tmp_path / "page.md"
    page.write_text(
        "# Page\n\n:::{toctree}\n*\n:::\n\n```python\n# no heading\n```\n\n## Real\n"
    )
    whole, real = sections(page)
    assert (whole.title, real.title, real.name) == ("Page", "Real", "page#real")
    assert "toctree" not in whole.text
    assert "# no heading" in whole.text
