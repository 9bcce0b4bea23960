"""The imports of a file after its port: what came in, and what nothing needs any more.

An import of `anyio` goes beside the import of `asyncio` whose names it stands in for: at the
top, in a function, or beneath `if TYPE_CHECKING`. A name of asyncio's leaves its import when
the last use of it was rewritten; one that was not used before stays: others may import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import libcst as cst
from libcst import metadata

from .decision import Changed, Decision, Edit
from .foreign import import_entry
from .source import MARK, Source, imported_as
from .tree import find

Import = cst.Import | cst.ImportFrom


def import_edits(source: Source, decisions: Sequence[Decision]) -> dict[cst.CSTNode, Edit]:
    """Return the edits of a file's import statements.

    Args:
        source: the file.
        decisions: what is rewritten in it.
    """
    dropped = _dropped(source, decisions)
    added = _added(source, decisions)
    edits: dict[cst.CSTNode, Edit] = {}
    for node in dict.fromkeys([*dropped, *added]):
        line = source.parent(node)
        alone = len(getattr(source.parent(line), "body", ())) == 1
        edits[line] = _changed_line(
            node, dropped.get(node, set()), added.get(node, ()), alone=alone
        )
    return edits


def _dropped(source: Source, decisions: Iterable[Decision]) -> dict[Import, set[str]]:
    """Return the names that leave each import."""
    gone: dict[metadata.ImportAssignment, set[cst.CSTNode]] = {}
    for decision in decisions:
        for use in decision.uses:
            # Of pytest's names only one is looked at: who knows what else is used.
            if not use.doubt and use.name != MARK:
                gone.setdefault(use.bound, set()).add(use.node)
    dropped: dict[Import, set[str]] = {}
    for bound, nodes in gone.items():
        left = {use.node for use in source.uses if use.bound is bound} - nodes
        if left or not _is_alone(source, bound):
            continue
        node = bound.node
        if isinstance(node, (cst.Import, cst.ImportFrom)):
            dropped.setdefault(node, set()).add(bound.name)
    return dropped


def _is_alone(source: Source, bound: metadata.ImportAssignment) -> bool:
    """Say whether nothing else relies on the name: no second import, no `__all__`."""
    if imported_as(bound) is None or not isinstance(bound.scope[bound.name], (set, frozenset)):
        return False
    if len(bound.scope[bound.name]) != 1 or import_entry(bound.name) in source.foreign:
        return False
    exported = any(
        isinstance(node, cst.SimpleString) and node.raw_value == bound.name
        for node in _exported(source)
    )
    return not exported


def _exported(source: Source) -> Iterator[cst.CSTNode]:
    """Return the strings of a file's `__all__`."""
    for statement in source.module.body:
        if not isinstance(statement, cst.SimpleStatementLine):
            continue
        names = find(statement, cst.Name)
        if any(isinstance(name, cst.Name) and name.value == "__all__" for name in names):
            yield from find(statement, cst.SimpleString)


def _added(source: Source, decisions: Iterable[Decision]) -> dict[Import, tuple[str, ...]]:
    """Return the modules that are imported beside each import."""
    added: dict[Import, tuple[str, ...]] = {}
    where: set[tuple[int, str]] = set()
    for decision in decisions:
        for use in decision.uses:
            node, scope = use.bound.node, use.bound.scope
            if not isinstance(node, (cst.Import, cst.ImportFrom)):
                continue
            node = _for_every_python(source, node)
            for name in decision.needs:
                key = (id(scope), name)
                if key in where or _is_there(source, scope, name, node):
                    continue
                where.add(key)
                added[node] = (*added.get(node, ()), name)
    return added


def _for_every_python(source: Source, node: Import) -> Import:
    """Return an import that runs on every Python, to put another beside it."""
    branch = any(
        isinstance(above, cst.If) and "version_info" in source.code(above.test)
        for above in source.above(node)
    )
    for statement in source.module.body if branch else ():
        for each in find(statement, cst.Import, cst.ImportFrom):
            if source.parent(each) is not statement or not isinstance(each, Import):
                continue
            if isinstance(each, cst.Import) or "__future__" not in source.code(each):
                return each
    return node


def _is_there(source: Source, scope: metadata.Scope, name: str, beside: Import) -> bool:
    for each in scope[name]:
        if isinstance(each, metadata.ImportAssignment) and imported_as(each) == name:
            typing = is_for_types(source, each.node)
            if not typing or is_for_types(source, beside):
                return True
    return False


def is_for_types(source: Source, node: cst.CSTNode) -> bool:
    """Say whether a statement is beneath `if TYPE_CHECKING`."""
    return any(
        isinstance(above, cst.If) and "TYPE_CHECKING" in source.code(above.test)
        for above in source.above(node)
    )


def _changed_line(
    node: Import, dropped: set[str], added: Sequence[str], *, alone: bool
) -> Edit:
    def changed(updated: cst.CSTNode) -> Changed:
        new = [cst.Import([cst.ImportAlias(_dotted(name))]) for name in sorted(added)]
        new.sort(key=lambda each: each.names[0].evaluated_name.startswith("anyio"))
        if isinstance(updated, (cst.SimpleStatementLine, cst.SimpleStatementSuite)):
            rests = [_without(small, node, dropped) for small in updated.body]
            kept = [rest for rest in rests if rest is not None]
            if len(updated.body) > 1 or isinstance(updated, cst.SimpleStatementSuite):
                body = [*kept, *new] or [cst.Pass()]
                return updated.with_changes(
                    body=[each.with_changes(semicolon=_END) for each in body]
                )
            lines = [updated.with_changes(body=kept)] if kept else []
            for each in new:
                if lines:
                    lines.append(cst.SimpleStatementLine([each]))
                else:
                    lines.append(updated.with_changes(body=[each]))
            if not lines and alone:
                lines = [updated.with_changes(body=[cst.Pass()])]
            return cst.FlattenSentinel(lines) if lines else cst.RemoveFromParent()
        return updated

    return changed


def _dotted(name: str) -> cst.Attribute | cst.Name:
    found = cst.parse_expression(name)
    assert isinstance(found, (cst.Attribute, cst.Name))
    return found


_END = cst.MaybeSentinel.DEFAULT


def _without(
    small: cst.BaseSmallStatement, node: Import, dropped: set[str]
) -> cst.BaseSmallStatement | None:
    if not small.deep_equals(node):
        return small
    assert isinstance(small, (cst.Import, cst.ImportFrom))
    if isinstance(small.names, cst.ImportStar):
        return small
    kept = [alias for alias in small.names if _bound_name(alias) not in dropped]
    if not kept:
        return None
    if len(kept) == len(small.names):
        return small
    if small.names[-1] is not kept[-1]:
        last = small.names[-1]
        kept[-1] = kept[-1].with_changes(comma=last.comma)
    return small.with_changes(names=kept)


def _bound_name(alias: cst.ImportAlias) -> str:
    return alias.evaluated_alias or alias.evaluated_name.partition(".")[0]
