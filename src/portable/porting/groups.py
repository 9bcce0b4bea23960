"""Rules for groups of tasks: `TaskGroup` becomes AnyIO's task group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst
from libcst import metadata

from .calls import call_of
from .calm import Mending, why_not_calm
from .decision import Decision, Edit, renaming, stays
from .nodes import COMMA, DEFAULT
from .source import Source, Use, bindings
from .tree import find


def decide_task_group(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`async with asyncio.TaskGroup() as group:` becomes AnyIO's; results are its handles'."""
    stay: dict[Use, Decision] = {}
    left, before = list(uses), -1
    # A group that is moved may let one move that has it inside, or whose task opens it.
    while len(left) != before:
        before = len(left)
        for use in tuple(left):
            [stay[use]] = _decide(source, use)
            if stay[use].rewritten:
                left.remove(use)
                yield stay[use]
    yield from map(stay.__getitem__, left)


def _decide(source: Source, use: Use) -> Iterator[Decision]:
    """Yield what becomes of one group."""
    call = call_of(source, use)
    item = None if call is None else source.parent(call)
    block = None if item is None else source.parent(item)
    if (
        call is None
        or not isinstance(item, cst.WithItem)
        or not isinstance(block, cst.With)
        or item.asname is None
        or not isinstance(item.asname.name, cst.Name)
    ):
        yield stays(use, "is not entered by `async with` with a name")
        return
    if len(block.items) > 1:
        yield stays(use, "is entered together with others")
        return
    try:
        mending = Mending([])
        edits = _group_edits(source, item.asname.name, block, mending)
    except _Refused as reason:
        yield stays(use, str(reason))
        return
    why = why_not_calm(source, block.body)
    if why:
        yield stays(use, why)
        return
    edits[use.node] = renaming("anyio.create_task_group")
    yield Decision((use, *mending.uses), {**edits, **mending.edits})


class _Refused(Exception):
    """A group cannot be exchanged; the message says why."""


def _group_edits(
    source: Source, name: cst.Name, block: cst.With, mending: Mending
) -> dict[cst.CSTNode, Edit]:
    """Return the edits of all calls that start tasks in a group, and of what reads results.

    Raises:
        _Refused: more is done with the group, or a task cannot be one of AnyIO's.
    """
    edits: dict[cst.CSTNode, Edit] = {}
    inside = set(find(block.body, cst.Name, deep=True))
    elsewhere: set[cst.CSTNode] = set()
    references: set[cst.CSTNode] = set()
    for bound in bindings(source.scope(name), name.value):
        # One name may stand for several groups, one after the other.
        around = _block_named(source, bound)
        if around is None:
            raise _Refused(f"shares its name, {name.value}, with other things")
        if around is not block:
            elsewhere.update(find(around.body, cst.Name, deep=True))
        references.update(access.node for access in bound.references)
    calls: list[cst.Call] = []
    for node in sorted(references, key=source.position):
        method = source.parent(node)
        call = source.parent(method)
        if node not in inside and node in elsewhere:
            continue
        if (
            node not in inside
            or not isinstance(method, cst.Attribute)
            or method.attr.value != "create_task"
            or not isinstance(call, cst.Call)
        ):
            raise _Refused(f"is used in line {source.line(node)} for more than create_task()")
        calls.append(call)
    mending.within = calls
    for call in calls:
        edits |= _task_edits(source, call, block, mending)
    return edits


def _block_named(source: Source, bound: metadata.Assignment) -> cst.With | None:
    """Return the block whose `as name` binds a name."""
    item = source.parent(source.parent(bound.node))
    block = source.parent(item)
    return block if isinstance(item, cst.WithItem) and isinstance(block, cst.With) else None


def _task_edits(
    source: Source, call: cst.Call, block: cst.With, mending: Mending
) -> dict[cst.CSTNode, Edit]:
    """Return the edits of one `group.create_task(f(x))` and of what reads its result.

    Raises:
        _Refused: the task cannot be one of AnyIO's.
    """
    line = source.line(call)
    first = call.args[0] if call.args else None
    if first is None or first.star or first.keyword or not isinstance(first.value, cst.Call):
        raise _Refused(f"starts in line {line} what cannot be seen")
    options = [arg.keyword.value if arg.keyword else arg.star for arg in call.args[1:]]
    if not {"name", "context"}.issuperset(options):
        raise _Refused(f"starts a task in line {line} with options that AnyIO's has not")
    why = why_not_calm(source, first.value, child=True, mending=mending)
    if why:
        raise _Refused(why)
    return {**_results(source, call, block), call: _started}


def _started(node: cst.CSTNode) -> cst.CSTNode:
    call = cst.ensure_type(node, cst.Call)
    return started_by(cst.ensure_type(call.func, cst.Attribute), call)


def started_by(create_task: cst.Attribute, call: cst.Call) -> cst.Call:
    """Return `group.start_soon(f, x)` for a call that starts `f(x)`.

    It is `group.create_task(f(x))` where `start_soon()` cannot take the arguments.

    Args:
        create_task: the method `group.create_task`.
        call: the call.
    """
    coroutine = cst.ensure_type(call.args[0].value, cst.Call)
    if len(call.args) > 1 or any(arg.star or arg.keyword for arg in coroutine.args):
        return call.with_changes(func=create_task)
    function = cst.Arg(coroutine.func, comma=COMMA if coroutine.args else DEFAULT)
    start_soon = create_task.with_changes(attr=cst.Name("start_soon"))
    return call.with_changes(func=start_soon, args=[function, *coroutine.args])


def _results(source: Source, call: cst.Call, block: cst.With) -> dict[cst.CSTNode, Edit]:
    """Return the edits of what is done with a task: its result is read behind the block."""
    above = source.parent(call)
    if isinstance(above, cst.Expr):
        return {}
    line = source.line(call)
    many = isinstance(above, cst.ListComp) and above.elt is call
    holder = source.parent(above) if many else above
    if isinstance(holder, cst.Assign) and len(holder.targets) == 1:
        target = holder.targets[0].target
        if isinstance(target, cst.Name):
            return _read(source, target, block, many=many)
    raise _Refused(f"gives the task of line {line} on")


def _read(
    source: Source, target: cst.Name, block: cst.With, *, many: bool
) -> dict[cst.CSTNode, Edit]:
    edits: dict[cst.CSTNode, Edit] = {}
    found = source.assignments(target)
    if len(found) != 1:
        raise _Refused(f"keeps a task in {target.value}, with other things")
    inside = set(find(block, cst.Name, deep=True))
    for access in found[0].references:
        line = source.line(access.node)
        why = _Refused(f"does more with a task, in line {line}, than read its result() behind")
        if access.node in inside or _is_guarded(source, block):
            raise why
        if not many:
            edits |= _result(source, access.node, why)
            continue
        loop = source.parent(access.node)
        if not isinstance(loop, (cst.CompFor, cst.For)) or loop.iter is not access.node:
            raise why
        if not isinstance(loop.target, cst.Name):
            raise why
        each = source.assignments(loop.target)
        scopes = each if isinstance(loop, cst.For) else _of_comprehension(source, loop)
        if len(scopes) != 1:
            raise why
        for use in scopes[0].references:
            edits |= _result(source, use.node, why)
    return edits


def _is_guarded(source: Source, block: cst.With) -> bool:
    """Say whether an error of the group may be caught, and a failed task asked afterwards."""
    function = source.function_of(block)
    tries = [each for each in source.above(block) if isinstance(each, (cst.Try, cst.TryStar))]
    return any(each.handlers and source.function_of(each) is function for each in tries)


def _of_comprehension(source: Source, loop: cst.CompFor) -> list[metadata.BaseAssignment]:
    around = source.parent(loop)
    inner = source.scope(getattr(around, "elt", around))
    assert isinstance(loop.target, cst.Name)
    return list(inner[loop.target.value])


def _result(source: Source, node: cst.CSTNode, why: _Refused) -> dict[cst.CSTNode, Edit]:
    method = source.parent(node)
    call = source.parent(method)
    if (
        not isinstance(method, cst.Attribute)
        or method.attr.value != "result"
        or not isinstance(call, cst.Call)
    ):
        raise why
    return {call: _return_value}


def _return_value(node: cst.CSTNode) -> cst.CSTNode:
    call = cst.ensure_type(node, cst.Call)
    method = cst.ensure_type(call.func, cst.Attribute)
    return method.with_changes(attr=cst.Name("return_value"))
