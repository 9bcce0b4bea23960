"""The documentation as pages and sections, for `portable docs`.

The text is the same as on the site. The wheel contains it; in a checkout it is read from
`docs/`. For a name of portable's own, such as `race`, there is its docstring.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import portable
from portable._errors import did_you_mean

#: The kinds of pages, in the order in which they are listed, and their purpose.
KINDS = {
    "tutorial": "to learn it",
    "how-to": "to get something done",
    "reference": "to look something up",
    "explanation": "to understand it",
}
# Blocks that only the site can show.
_DIRECTIVE = re.compile(r"^(:::|```)\{.*?^\1\n", re.DOTALL | re.MULTILINE)


class UnknownSectionError(LookupError):
    """There is no such page or section."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of a page, and the text below it.

    Attributes:
        page: the name of the page: `testing`.
        title: the heading.
        level: 1 for the page as a whole, 2 for its sections, and so on.
        text: the Markdown, the heading and deeper sections included.
    """

    page: str
    title: str
    level: int
    text: str

    @property
    def anchor(self) -> str:
        """The heading as links name it: `virtual-time`."""
        return re.sub(r"[^\w\- ]", "", self.title.lower()).replace(" ", "-")

    @property
    def name(self) -> str:
        """What `portable docs` takes: `testing`, or `testing#virtual-time`."""
        return self.page if self.level == 1 else f"{self.page}#{self.anchor}"


def folder() -> Path:
    """Return where the pages are: in the package, or beside it in a checkout."""
    package = Path(portable.__file__).parent
    packed = package / "_docs"
    return packed if packed.is_dir() else package.parents[1] / "docs"


def pages() -> dict[str, list[Section]]:
    """Return the pages by kind, each as its first section, which is the whole page."""
    found = {kind: [every[0] for every in _pages(kind)] for kind in KINDS}
    return {kind: listed for kind, listed in found.items() if listed}


@cache
def _pages(kind: str) -> list[list[Section]]:
    files = sorted((folder() / kind).glob("*.md"))
    return [list(sections(file)) for file in files if file.stem != "index"]


def sections(page: Path) -> Iterator[Section]:
    """Split a page into its sections; the first one is the whole page."""
    text = _DIRECTIVE.sub("", page.read_text(encoding="utf-8"))
    lines = text.splitlines(keepends=True)
    heads: list[tuple[int, int, str]] = []
    in_fence = False
    for number, line in enumerate(lines):
        if line.lstrip().startswith("```"):
            in_fence = not in_fence
        elif not in_fence and (head := re.match(r"(#+) (.+)", line)):
            heads.append((number, len(head[1]), head[2].strip()))
    for place, (number, level, title) in enumerate(heads):
        after = (below for below, depth, _ in heads[place + 1 :] if depth <= level)
        body = "".join(lines[number : next(after, len(lines))]).rstrip() + "\n"
        yield Section(page.stem, title, level, body)


def find(wanted: str) -> list[Section]:
    """Return the sections that a query means; one section if the query is its full name.

    Args:
        wanted: the query: a page (`testing`), a section (`testing#leaks`), the number of a
            difference (`T2`), or words of a heading. If no heading has them, words of a text.

    Raises:
        UnknownSectionError: there is none; the message has the closest name.
    """
    every = [section for kind in KINDS for page in _pages(kind) for section in page]
    key = wanted.strip().lower().rpartition("/")[2].replace(".md", "")
    for section in every:
        if key == section.name or section.title.lower().startswith(f"{key}:"):
            return [section]
    words = re.findall(r"[\w.]+", key)
    if found := [section for section in every if _has(section.title, words)]:
        return found
    if found := [each for each in every if each.level > 1 and _has(each.text, words)]:
        return found
    message = f"no page, section or name {wanted!r}; `portable docs` lists the pages"
    message += did_you_mean(key, [section.name for section in every])
    raise UnknownSectionError(message)


def _has(text: str, words: list[str]) -> bool:
    return bool(words) and all(word in text.lower() for word in words)


def docstring(name: str) -> str | None:
    """Return signature and docstring of a name of portable's own; `None`: no such name."""
    short = name.removeprefix("portable.")
    if short not in portable._OURS:
        return None
    value = getattr(portable, short)
    signature = "" if inspect.isclass(value) else str(inspect.signature(value))
    # Annotations are strings in these modules, so they come with quotes.
    signature = signature.replace("'", "")
    return f"portable.{short}{signature}\n\n{inspect.getdoc(value)}\n"
