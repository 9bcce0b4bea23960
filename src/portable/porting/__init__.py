"""Porting: from asyncio's names to AnyIO's, where that keeps the meaning; hints elsewhere.

`port()` does it for the code of one file. `rules` has the table of what becomes of what,
`files` finds the files and ports them side by side.
"""

from .port import Ported, port
from .rule import Rule
from .rules import CONDITIONS, RULES
from .site import Site
from .source import Unreadable

__all__ = ["CONDITIONS", "RULES", "Ported", "Rule", "Site", "Unreadable", "port"]
