"""What the build runs, and which Pythons the project is for: told in four places, the same."""

import re
import tomllib

from .pages import COMMANDS, ROOT, rows

BUILD = (ROOT / ".ci" / "run").read_text("utf-8")
TOX = (ROOT / "tox.ini").read_text("utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MINORS = [
    int(found[1])
    for classifier in PROJECT["classifiers"]
    if (found := re.fullmatch(r"Programming Language :: Python :: 3\.(\d+)", classifier))
]


def _expand(name):
    """Spread `py{311,312}-x` out into its names."""
    found = re.fullmatch(r"(.*?)\{(.*?)\}(.*)", name)
    if found is None:
        return [name]
    before, middle, after = found.groups()
    return [before + each + rest for each in middle.split(",") for rest in _expand(after)]


def _env_list():
    text = re.search(r"^env_list =\n((?: +.+\n)+)", TOX, re.MULTILINE)[1]
    names = re.findall(r"[^\s,{}]+(?:\{[^}]*\}[^\s,{}]*)?", text)
    return [name for each in names for name in _expand(each)]


def _built():
    """The environments of tox that the build runs, where every Python is there."""
    named = re.findall(r"for env in (.*?); do", BUILD)
    minors, judged = (
        re.search(rf'^{name}="([\d ]*)"', BUILD, re.MULTILINE)[1].split()
        for name in ("minors", "judged")
    )
    return [
        *(name for names in named for name in names.split()),
        *(f"py3{minor}" for minor in minors),
        *(f"py3{minor}-conformance" for minor in judged),
    ]


def test_the_pythons_begin_with_the_oldest_that_installs():
    """The classifiers go up from `requires-python` without a gap."""
    oldest = int(re.fullmatch(r">=3\.(\d+)", PROJECT["requires-python"])[1])
    assert list(range(oldest, oldest + len(MINORS))) == MINORS


def test_tox_runs_every_python():
    """Each Python of the classifiers has its suite and CPython's tests, and no other has."""
    pythons = [name for name in _env_list() if re.match(r"py\d", name)]
    assert sorted(pythons) == sorted(
        f"py3{minor}{kind}" for minor in MINORS for kind in ("", "-conformance")
    )


def test_the_build_runs_what_tox_lists():
    """`.ci/run` runs each environment of the list, once.

    The suite on the Python that the build itself runs on is the README's second command.
    CPython's own tests run on one Python.
    """
    others = [name for name in _env_list() if name.endswith("-conformance")]
    others.remove("py313-conformance")
    assert sorted(_built()) == sorted(set(_env_list()) - set(others))


def test_the_oldest_python_tests_the_oldest_packages():
    """`tox -e lowest` pins what the extras ask for at least, on the oldest Python."""
    section = TOX.partition("[testenv:lowest]")[2].partition("\n[")[0]
    assert f"base_python = python3.{MINORS[0]}\n" in section
    pins = dict(re.findall(r"^ +([\w-]+)==([\d.]+)", section, re.MULTILINE))
    extras = PROJECT["optional-dependencies"]
    lists = [PROJECT["dependencies"], *(extras[name] for name in extras if name != "bench")]
    asked = {
        found[1]: found[2]
        for each in lists
        for requirement in each
        if (found := re.match(r"([\w-]+)>=([\d.]+)", requirement))
    }
    assert set(asked) <= set(pins)
    for name, version in asked.items():
        pinned = pins[name].split(".")
        assert pinned[: version.count(".") + 1] == version.split(".")


def test_the_readme_commands_are_run_by_the_build():
    """The two commands from a checkout are what the build begins with, word for word."""
    two = [text for text in COMMANDS if text.startswith("pip install") and "&&" in text]
    assert len(two) == 2
    first = re.search(r"^together=\((.*)\)$", BUILD, re.MULTILINE)[1]
    assert first == " ".join(f'"{command}"' for command in two)
    assert all(f'    "{command}") ' in BUILD for command in two)


def test_contributing_lists_every_environment():
    """Its table has each environment of tox, for one Python or for all, and no other."""
    sections = re.findall(r"^\[testenv:(.+)\]$", TOX, re.MULTILINE)
    there = {name for section in sections for name in _expand(section)}
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = page.partition("## The tox environments")[2].partition("\n## ")[0]
    names = {name for row in rows(table, 2) for name in re.findall(r"`([\w-]+)`", row[0])}
    assert {_of_any_python(name) for name in names} == {
        "",
        *(_of_any_python(name) for name in there),
    }


def _of_any_python(name):
    return re.sub(r"^py\d+-?", "", name)
