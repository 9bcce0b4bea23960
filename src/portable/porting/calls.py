"""Calls: which call a name is part of, and what awaits it."""

from __future__ import annotations

import libcst as cst

from .source import Source, Use

TASK_STARTERS = ("asyncio.create_task", "asyncio.ensure_future")
"""The functions that start a task."""


def call_of(source: Source, use: Use) -> cst.Call | None:
    """Return the call whose function a use is."""
    above = source.parent(use.node)
    return above if isinstance(above, cst.Call) and above.func is use.node else None


def method_called(source: Source, reference: cst.CSTNode) -> tuple[str, cst.Call | None]:
    """Return the method that a reference is used for, and its call; `""`: none."""
    above = source.parent(reference)
    if not isinstance(above, cst.Attribute) or above.value is not reference:
        return "", None
    call = source.parent(above)
    is_call = isinstance(call, cst.Call) and call.func is above
    return above.attr.value, call if is_call else None  # type: ignore[return-value]


def is_awaited(source: Source, node: cst.CSTNode) -> bool:
    """Say whether an expression is awaited where it stands."""
    return awaited_by(source, node) is not None


def awaited_by(source: Source, node: cst.CSTNode) -> cst.Await | None:
    """Return the `await` of an expression, or of the rewritten `wait_for()` around it."""
    above = source.parent(node)
    outer = source.parent(above)
    if isinstance(above, cst.Arg) and isinstance(outer, cst.Call):
        limit = source.use_at(outer.func)
        if limit is not None and limit.name == "asyncio.wait_for" and limit in source.rewritten:
            above = source.parent(outer)
    return above if isinstance(above, cst.Await) else None


def is_awaited_statement(source: Source, node: cst.CSTNode) -> bool:
    """Say whether a statement is `await node` alone, so that the value is not used."""
    above = source.parent(node)
    return isinstance(above, cst.Await) and isinstance(source.parent(above), cst.Expr)
