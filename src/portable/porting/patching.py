"""Names in strings that tests patch: `patch("app.asyncio.sleep")`.

After a port such a patch would replace a name that nobody calls any more: the suite would sleep
for real, and stay green. So the patch is renamed if every use of the name is, in all files that
are ported together. Otherwise it is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import libcst as cst

from .decision import Edit
from .neighbours import project_root, python_files
from .site import Site
from .source import Source
from .tree import find

RENAMED: Mapping[str, str] = {"asyncio.sleep": "anyio.sleep"}
"""Names with a counterpart that takes the same arguments, so that a patch can follow."""

RULE = "patched_name"
HINT = (
    'patch "anyio.sleep" once all that is tested calls it; what is patched by a name that '
    "nobody calls any more is not patched"
)
_PATCHED = re.compile(
    rb"""(?:patch|setattr)(?:\.object)?\(\s*
    (?:["'](?:[\w.]*\.)?asyncio\.(\w+)["'] | (?:\w+\.)*asyncio\s*,\s*["'](\w+)["'])""",
    re.VERBOSE,
)


def patched_lines(code: bytes) -> Iterator[tuple[int, str]]:
    """Return line and name of each name of asyncio's that code patches."""
    for found in _PATCHED.finditer(code):
        name = (found[1] or found[2]).decode()
        yield code.count(b"\n", 0, found.start()) + 1, f"asyncio.{name}"


def patched_names(
    source: Source, renamed: frozenset[str]
) -> tuple[dict[cst.CSTNode, Edit], list[Site]]:
    """Return the edits of strings that name what was renamed, and the sites of all patches.

    Args:
        source: the file.
        renamed: the names of which no use is left in any file.
    """
    edits: dict[cst.CSTNode, Edit] = {}
    sites: list[Site] = []
    for call in find(source.module, cst.Call, deep=True):
        assert isinstance(call, cst.Call)
        string = call.args[0].value if call.args else None
        if not isinstance(string, cst.SimpleString) or not _patches(source, call.func):
            continue
        found = re.fullmatch(r"(?:[\w.]*\.)?(asyncio\.\w+)", string.raw_value)
        if found is None:
            continue
        new = RENAMED.get(found[1]) if found[1] in renamed else None
        why = "" if new else "is patched by its name, and may be called by another one soon"
        if new:
            edits[string] = _renamed(found[1], new)
        line, column = source.position(string)
        statement = source.statement_line(string)
        hint = "" if new else HINT
        sites.append(Site(line, column, found[1], RULE, bool(new), why, hint, statement))
    return edits, sites


def _patches(source: Source, func: cst.BaseExpression) -> bool:
    return source.code(func).rpartition(".")[2] in ("patch", "setattr")


def _renamed(old: str, new: str) -> Edit:
    def changed(node: cst.CSTNode) -> cst.CSTNode:
        string = cst.ensure_type(node, cst.SimpleString)
        return string.with_changes(value=string.value.replace(old, new))

    return changed


def patched_elsewhere(
    ported: Iterable[Path], names: Iterable[str]
) -> Iterator[tuple[Path, int, str]]:
    """Return where other files near those that were ported patch names that were rewritten.

    Args:
        ported: the files that were ported.
        names: the names of which uses were rewritten.
    """
    known = {path.resolve() for path in ported}
    wanted = set(names)
    roots = {project_root(path) for path in known}
    for root in sorted(each for each in roots if each is not None):
        for path in sorted(python_files(root)):
            if "test" not in path.name or path.resolve() in known:
                continue
            for line, name in patched_lines(path.read_bytes()):
                if name in wanted:
                    yield path, line, name
