"""What a page has one save as files and type behind them works, and prints what it says."""

import re
import shlex
import subprocess
import sys

import pytest

from portable._backends import BACKENDS, installed_backends

from .pages import BLOCKS, PAGES, ROOT, page_name

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        set(installed_backends()) != set(BACKENDS), reason="runs on all the backends"
    ),
]
_SAVE = re.compile(r"[Ss]ave\b[^`]*\bas\s+`([\w-]+\.py)`")


def _saved(page):
    """The files that a page has one save, by name: the block that follows the sentence."""
    lines = page.read_text("utf-8").splitlines()
    blocks = [each for each in BLOCKS if each.page == page_name(page) and each.kind == "python"]
    files, before = {}, 0
    for block in blocks:
        found = _SAVE.findall("\n".join(lines[before : block.line - 1]))
        before = block.line - 1
        if found:
            files[found[-1]] = block.text
    return files


def _typed():
    """Each command that names one of the files, with the files and what it shall print."""
    for page in PAGES:
        files = _saved(page)
        for block in BLOCKS:
            if block.page != page_name(page) or block.kind != "console":
                continue
            lines = [line.removeprefix("$ ") for line in block.commands]
            for line in lines:
                named = re.findall(r"[\w-]+\.py\b", line)
                if named and set(named) <= set(files):
                    shown = block.output if len(lines) == 1 else None
                    yield pytest.param(files, line, shown, id=f"{block}: {line}")


@pytest.mark.parametrize(("files", "command", "shown"), list(_typed()))
def test_what_is_typed_prints_what_the_page_shows(tmp_path, files, command, shown):
    """In a folder with the page's files the command succeeds, word for word."""
    for name, text in files.items():
        (tmp_path / name).write_text(text, "utf-8")
    words = shlex.split(command)
    if words[0] != "python":
        words = ["python", "-m", *words]
    done = subprocess.run(
        [sys.executable, *words[1:]], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    if shown is not None:
        assert done.stdout == shown


def test_the_tutorial_is_tried():
    """The tutorial's commands are among those that are run."""
    ids = [param.id for param in _typed()]
    assert sum(name.startswith("docs/tutorial/") for name in ids) == 3
    assert (ROOT / "docs" / "tutorial" / "tasks.md").is_file()
