"""The pages of the documentation, cut into their blocks."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]
_FENCE = re.compile(r"^( *)```(\w*|\{eval-rst\})\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: its page, by the path in the project: `docs/how-to/testing.md`.
        line: where it begins there.
        kind: the word behind the fence.
        text: what is in it.
        output: the block of kind `text` that follows at once, if one does.
    """

    page: str
    line: int
    kind: str
    text: str
    output: str | None = None

    @property
    def is_test(self):
        """Whether it is a module of tests, and not a program."""
        return "def test_" in self.text

    @property
    def commands(self):
        """What is typed, prompts included; a line that ends with a backslash goes on."""
        return re.sub(r" \\\n +", " ", self.text).splitlines()

    def __str__(self):
        return f"{self.page}:{self.line}"


def page_name(page):
    """Return the path of a page in the project, the same on every system."""
    return page.relative_to(ROOT).as_posix()


def blocks(page):
    """Return the blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = list(_FENCE.finditer(text))
    result = []
    for fence, after in zip(found, [*found[1:], None], strict=False):
        follows = after is not None and not text[fence.end() : after.start()].strip()
        output = after[3] if follows and after[2] == "text" else None
        line = text.count("\n", 0, fence.start()) + 1
        result.append(Block(page_name(page), line, fence[2], fence[3], output))
    return result


BLOCKS = [block for page in PAGES for block in blocks(page)]
PROGRAMS = [block for block in BLOCKS if block.kind == "python" and not block.is_test]
COMMANDS = [
    line.removeprefix("$ ")
    for block in BLOCKS
    if block.page == README.name and block.kind == "console"
    for line in block.commands
]


def prose(page):
    """Return the text of a page without its blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def headings(page):
    """Return the headings of a page, as they stand there."""
    return re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)


def anchor(heading):
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def rows(text, columns):
    """Return the rows of the Markdown tables with so many columns, without their heads."""
    lines = re.findall(r"^\|(.*)\|$", text, re.MULTILINE)
    cut = [tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)) for line in lines]
    return [row for row in cut if len(row) == columns and not row[0].startswith("---")]
