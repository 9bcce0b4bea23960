"""`PlainCommand`, whose help has no names of types."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand

_TYPE = re.compile(r" <[^>]*>")


class PlainCommand(TyperCommand):
    """A command whose help shows arguments and options without the types that Typer adds."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and the options, each with what it is for."""
        records: dict[str, list[tuple[str, str]]] = {"argument": [], "option": []}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                name, text = record
                records[param.param_type_name].append((_TYPE.sub("", name), text))
        for kind, rows in records.items():
            if rows:
                with formatter.section(f"{kind.capitalize()}s"):
                    formatter.write_dl(rows)
