"""Directives that list what the code has: commands, options of the plugin, names of asyncio's.

Each makes Markdown, which the page is then built from, so that nothing is written twice.
"""

import asyncio
import re

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from typer.main import get_command

from portable import pytest_plugin
from portable.cli.app import app


class Listing(SphinxDirective):
    """A directive whose content is written by `lines()`."""

    def run(self) -> list[nodes.Node]:
        """Parse what is listed as if it stood in the page."""
        return self.parse_text_to_nodes("\n".join(self.lines()))

    def lines(self):
        """Return the lines of Markdown."""
        raise NotImplementedError


def _cell(text):
    """Make a text fit into a table's cell."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|")


class Command(Listing):
    """`portable NAME`: what it does, its arguments and options."""

    required_arguments = 1

    def lines(self):
        """Say what `--help` says."""
        name = self.arguments[0]
        command = get_command(app).commands[name]
        context = command.context_class(command, info_name=f"portable {name}")
        yield f"{command.help.replace(chr(12), '')}\n"
        usage = " ".join(command.collect_usage_pieces(context))
        yield f"```console\n$ portable {name} {usage}\n```\n"
        options = [param for param in command.get_params(context) if "--help" not in param.opts]
        records = [param.get_help_record(context) for param in options]
        rows = [record for record in records if record is not None]
        if rows:
            yield "| | |\n|---|---|"
        for left, right in rows:
            name = re.sub(
                r" <[^>]*>", "", left
            )  # Python's types, which `--help` leaves out, too
            yield f"| `{_cell(name)}` | {_cell(right)} |"


class Plugin(Listing):
    """What the pytest plugin adds: `options`, `settings` or `markers`."""

    required_arguments = 1

    def lines(self):
        """List what pytest is told of."""
        yield "| | |\n|---|---|"
        if self.arguments[0] == "markers":
            for marker, text in pytest_plugin._MARKERS.items():
                yield f"| `{marker}` | {_cell(text)} |"
            return
        told = Told()
        pytest_plugin.pytest_addoption(told)
        for name, text in getattr(told, self.arguments[0]):
            yield f"| `{name}` | {_cell(text)} |"


class Told:
    """Takes what a plugin tells pytest's parser."""

    def __init__(self):
        self.options = []
        self.settings = []

    def getgroup(self, *_):
        """Be the group, too."""
        return self

    def addoption(self, name, *, help, metavar=None, nargs=None, **_):  # noqa: A002
        """Take an option."""
        value = "" if metavar is None else f"[={metavar}]" if nargs == "?" else f"={metavar}"
        self.options.append((name + value, help))

    def addini(self, name, text, **_):
        """Take a setting."""
        self.settings.append((name, text))


class AsyncioNames(Listing):
    """The names that are asyncio's own."""

    def lines(self):
        """List those of the Python that builds the site."""
        yield ", ".join(f"`{name}`" for name in sorted(asyncio.__all__) if name != "run")


def setup(app):
    """Add the directives."""
    app.add_directive("portable-command", Command)
    app.add_directive("portable-plugin", Plugin)
    app.add_directive("asyncio-names", AsyncioNames)
    return {"parallel_read_safe": True}
