"""Shields: `with anyio.CancelScope(shield=True):` around what is awaited in a clean-up."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from .decision import Changed
from .nodes import DEFAULT, expression
from .tree import find


def shield(
    body: Sequence[cst.BaseStatement], leading_lines: Sequence[cst.EmptyLine] = ()
) -> cst.With:
    """Return statements under a shield."""
    call = expression("anyio.CancelScope(shield=True)")
    return cst.With([cst.WithItem(call)], cst.IndentedBlock(body), leading_lines=leading_lines)


def shielded_handler(node: cst.CSTNode) -> Changed:
    """Put all that a handler does before its `raise` under a shield."""
    handler = cst.ensure_type(node, cst.ExceptHandler)
    *cleaning, last = _lines(handler.body)
    return handler.with_changes(body=_with_lines(handler.body, [shield(cleaning), last]))


def shielded_finally(node: cst.CSTNode) -> Changed:
    """Put all that a `finally` does under a shield."""
    final = cst.ensure_type(node, cst.Finally)
    return final.with_changes(body=_with_lines(final.body, [shield(_lines(final.body))]))


def _lines(body: cst.BaseSuite) -> list[cst.BaseStatement]:
    """Return the statements of a block, each in a line of its own."""
    if isinstance(body, cst.IndentedBlock):
        lines: list[cst.BaseStatement] = []
        for each in body.body:
            if isinstance(each, cst.SimpleStatementLine) and len(each.body) > 1:
                lines += [cst.SimpleStatementLine([_alone(small)]) for small in each.body]
                lines[-len(each.body)] = lines[-len(each.body)].with_changes(
                    leading_lines=each.leading_lines
                )
            else:
                lines.append(each)
        return lines
    suite = cst.ensure_type(body, cst.SimpleStatementSuite)
    return [cst.SimpleStatementLine([_alone(small)]) for small in suite.body]


def _alone(small: cst.BaseSmallStatement) -> cst.BaseSmallStatement:
    return small.with_changes(semicolon=DEFAULT)


def _with_lines(body: cst.BaseSuite, lines: Sequence[cst.BaseStatement]) -> cst.BaseSuite:
    if isinstance(body, cst.IndentedBlock):
        return body.with_changes(body=lines)
    return cst.IndentedBlock(lines)


def ends_with_raise(body: cst.BaseSuite) -> bool:
    """Say whether the last statement of a block is a bare `raise`."""
    last: cst.CSTNode | None = body.body[-1] if body.body else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    return isinstance(last, cst.Raise) and last.exc is None


def ends_by_error(node: cst.Try) -> bool:
    """Say whether a block cannot end but by an error: a loop for ever, and no way out."""
    last = node.body.body[-1] if node.body.body else None
    if not isinstance(last, cst.While) or node.orelse is not None:
        return False
    forever = isinstance(last.test, (cst.Name, cst.Integer)) and (
        last.test.value in ("True", "1")
    )
    leaves = find(node.body, cst.Return) or find(last.body, cst.Break)
    goes_on = [each for each in node.handlers if not ends_with_raise(each.body)]
    return forever and not leaves and not goes_on
