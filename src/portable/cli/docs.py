"""`portable docs`: lists the pages of the documentation, and prints their sections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer
from rich.markdown import Markdown

from .completion import complete_pages
from .display import Terminal
from .sections import KINDS, Section, UnknownSectionError, docstring, find, pages


def docs(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="A page, page#section, a kind of pages (how-to), a difference (T2), a name "
            "(race), words of a heading.",
            autocompletion=complete_pages,
        ),
    ] = None,
) -> None:
    """Print the documentation: its list, a page, or a section."""
    name = " ".join(words or ())
    terminal = Terminal()
    listed = pages()
    if not name:
        _print_pages(terminal, listed)
    elif name in listed:
        _print_pages(terminal, {name: listed[name]})
    elif text := docstring(name):
        terminal.line(text.rstrip())
    else:
        try:
            found = find(name)
        except UnknownSectionError as error:
            raise typer.BadParameter(str(error), param_hint="NAME") from None
        _print_sections(terminal, found)


def _print_pages(console: Terminal, pages: Mapping[str, Sequence[Section]]) -> None:
    width = max(len(page.name) for listed in pages.values() for page in listed)
    for kind, listed in pages.items():
        console.line(f"{kind}, {KINDS[kind]}", "bold")
        for page in listed:
            console.line(f"  {page.name:<{width}}  {page.title}")
    console.line("\n`portable docs NAME` prints one; `portable docs T2`, or words, a section.")


def _print_sections(console: Terminal, found: Sequence[Section]) -> None:
    if len(found) > 1:
        width = max(len(section.name) for section in found)
        for section in found:
            console.line(f"{section.name:<{width}}  {section.title}")
    elif console.is_terminal:
        console.print(Markdown(found[0].text, hyperlinks=False))
    else:
        console.line(found[0].text.rstrip())
