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
from .nodes import DEFAULT
from .qualified import imported_as
from .source import MARK, Source
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
        block = source.parent(line)
        alone = isinstance(block, (cst.Module, cst.IndentedBlock)) and len(block.body) == 1
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
        if not left and _is_alone(source, bound):
            dropped.setdefault(_statement(bound), set()).add(bound.name)
    return dropped


def _statement(bound: metadata.ImportAssignment) -> Import:
    node = bound.node
    assert isinstance(node, (cst.Import, cst.ImportFrom))
    return node


def _is_alone(source: Source, bound: metadata.ImportAssignment) -> bool:
    """Say whether nothing else relies on the name: no second import, no `__all__`."""
    if len(list(bound.scope[bound.name])) != 1 or source.is_imported_elsewhere(bound.name):
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
    wanted: dict[tuple[metadata.Scope, str], dict[Import, None]] = {}
    for decision in decisions:
        for use in decision.uses:
            node = _for_every_python(source, _statement(use.bound))
            for name in decision.needs:
                wanted.setdefault((use.bound.scope, name), {})[node] = None
    added: dict[Import, tuple[str, ...]] = {}
    for (scope, name), nodes in wanted.items():
        there = _imports_of(scope, name)
        # What is in no branch serves those that are in one.
        for node in sorted(nodes, key=lambda node: len(_blocks(source, node))):
            if not any(_serves(source, each, node) for each in there):
                there.append(node)
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
            assert isinstance(each, (cst.Import, cst.ImportFrom))
            if source.parent(each) is statement and "__future__" not in source.code(each):
                return each
    return node


def _imports_of(scope: metadata.Scope, module: str) -> list[cst.CSTNode]:
    """Return the statements that import a module, which may be `a.b`, by its own name."""
    found = [each for each in scope[module] if isinstance(each, metadata.ImportAssignment)]
    return [each.node for each in found if imported_as(each) == module.partition(".")[0]]


def _serves(source: Source, there: cst.CSTNode, beside: Import) -> bool:
    """Say whether an import runs wherever another one does."""
    if is_for_types(source, there) and is_for_types(source, beside):
        return True
    return _blocks(source, there) <= _blocks(source, beside)


def _blocks(source: Source, node: cst.CSTNode) -> set[cst.CSTNode]:
    return {each for each in source.above(node) if isinstance(each, cst.BaseSuite)}


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
        assert isinstance(updated, (cst.SimpleStatementLine, cst.SimpleStatementSuite))
        body: list[cst.BaseSmallStatement] = []
        for small in updated.body:
            if small.deep_equals(node):
                body += [*_without(small, dropped), *new]
            else:
                body.append(small)
        if len(updated.body) > 1 or isinstance(updated, cst.SimpleStatementSuite):
            body = body or [cst.Pass()]
            return updated.with_changes(
                body=[each.with_changes(semicolon=DEFAULT) for each in body]
            )
        if not body and not alone:
            return cst.RemoveFromParent()
        first, *rest = body or [cst.Pass()]
        lines = [cst.SimpleStatementLine([each]) for each in rest]
        return cst.FlattenSentinel([updated.with_changes(body=[first]), *lines])

    return changed


def _dotted(name: str) -> cst.Attribute | cst.Name:
    found = cst.parse_expression(name)
    assert isinstance(found, (cst.Attribute, cst.Name))
    return found


def _without(small: cst.BaseSmallStatement, dropped: set[str]) -> list[Import]:
    """Return an import without some of its names, if any is left."""
    assert isinstance(small, (cst.Import, cst.ImportFrom))
    if isinstance(small.names, cst.ImportStar):
        return [small]
    kept = [alias for alias in small.names if _bound_name(alias) not in dropped]
    if not kept:
        return []
    if small.names[-1] is not kept[-1]:
        last = small.names[-1]
        kept[-1] = kept[-1].with_changes(comma=last.comma)
    return [small.with_changes(names=kept)]


def _bound_name(alias: cst.ImportAlias) -> str:
    return alias.evaluated_alias or alias.evaluated_name.partition(".")[0]
