"""Rules for events, locks, semaphores and conditions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile

import libcst as cst

from .calls import call_of, is_awaited, is_awaited_statement, method_called
from .decision import Decision, Edit, renaming, stays
from .holders import thing_of_all
from .nodes import COMMA, DEFAULT, EQUAL, expression, keyword_argument
from .plain import PLAIN, names_of, shown
from .retaken import taken_again
from .source import Source, Use, bindings, is_bound
from .things import Escapes, Thing, entered_by, is_tested, renamed, thing_of
from .tree import find

Check = Callable[[Source, Thing], None]
"""Raises `Escapes` if something is done with a thing that its counterpart does not know."""


def _decide(
    source: Source, uses: Sequence[Use], check: Check, new: str, made: Edit
) -> Iterator[Decision]:
    asked = next((use for use in uses if _is_asked_for(source, use)), None)
    if asked is not None:
        why = f"is a class that line {source.line(asked.node)} asks for"
        yield from (stays(use, why) for use in uses)
        return
    done: set[Use] = set()
    left: list[Use] = []
    for use in uses:
        if use in done or use.annotation:
            continue
        try:
            thing = _seen(source, use, check)
        except Escapes as reason:
            edits = _vouched_for(source, use, check, new, made)
            if not edits:
                left.append(use)
            yield Decision((use,), edits) if edits else stays(use, *reason.args)
            continue
        done.update(thing.uses)
        edits = renamed(thing.annotated, new)
        for one in thing.made:
            call = call_of(source, one)
            assert call is not None
            edits[call] = made
        yield Decision(thing.uses, edits)
    types = [use for use in uses if use.annotation and use not in done]
    kept = {name for use in left for name in names_of(source, use)} if types else set()
    for use in types:
        names = names_of(source, use)
        # Without a name it may be the type of any that stays.
        stays_too = names & kept if names else left
        edits = {} if stays_too else _vouched_for(source, use, check, new, made)
        why = "is the type of something that is not rewritten"
        yield Decision((use,), edits) if edits else stays(use, why)


def _vouched_for(
    source: Source, use: Use, check: Check, new: str, made: Edit
) -> dict[cst.CSTNode, Edit]:
    """Return the edits of a use of which not all can be seen; none: nobody vouches for it."""
    call = call_of(source, use)
    if call is None and not use.annotation and made is not _EVENT:
        return {}  # whoever calls the class gives AnyIO's other arguments
    try:
        check(source, shown(source, use))
    except Escapes:
        return {}
    if source.doubts(PLAIN):
        return {}
    return renamed([use], new) if call is None else {call: made}


def _is_asked_for(source: Source, use: Use) -> bool:
    """Say whether a use of a class asks what things are of it: by `isinstance()`, or `case`."""
    for above in source.above(use.node):
        if isinstance(above, (cst.MatchClass, cst.Comparison)):
            return True
        if isinstance(above, cst.Call):
            return source.code(above.func) in ("isinstance", "issubclass")
        if isinstance(above, cst.BaseStatement):
            break
    return False


def _seen(source: Source, use: Use, check: Check) -> Thing:
    """Return what a use makes, with all that is done with it: that of one name, or of several.

    Raises:
        Escapes: something is done that cannot be seen, or that its counterpart does not know.
    """
    try:
        thing = thing_of(source, use)
        check(source, thing)
    except Escapes as reason:
        try:
            thing = thing_of_all(source, use)
            check(source, thing)
        except Escapes:
            raise reason from None
    return thing


def decide_event(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`asyncio.Event()` becomes `anyio.Event()`, which cannot be cleared."""
    at_once = [use for use in uses if _is_waited_for_at_once(source, use)]
    for use in at_once:
        yield Decision((use,), {use.node: renaming("anyio.Event")})
    uses = [use for use in uses if use not in at_once]
    yield from _decide(source, uses, _check_event, "anyio.Event", _EVENT)


def _is_waited_for_at_once(source: Source, use: Use) -> bool:
    """Say whether a use is `await asyncio.Event().wait()`, which never ends: nobody has it."""
    call = call_of(source, use)
    if call is None or call.args:
        return False
    method, waiting = method_called(source, call)
    return method == "wait" and waiting is not None and is_awaited(source, waiting)


def _makes_event(node: cst.CSTNode) -> cst.CSTNode:
    return node.with_changes(func=expression("anyio.Event"))


_EVENT: Edit = _makes_event


def _check_event(source: Source, thing: Thing) -> None:
    for reference in thing.references:
        method, call = method_called(source, reference)
        if method == "clear":
            raise Escapes("is cleared, which AnyIO's cannot be")
        if method == "wait":
            if call is None or not _is_value_unused(source, call):
                raise Escapes("has the value of its wait() used, which AnyIO's does not have")
        elif method not in ("set", "is_set") and not is_tested(source, reference):
            raise Escapes(_unknown(source, thing, reference, method))


def _is_value_unused(source: Source, call: cst.Call) -> bool:
    """Say whether a line awaits a call alone, be it limited or gathered with others."""
    if is_awaited_statement(source, call):
        return True
    arg = source.parent(call)
    outer = source.parent(arg)
    if not isinstance(arg, cst.Arg) or not isinstance(outer, cst.Call):
        return False
    name = source.imported(outer.func)
    limited = name == "asyncio.wait_for" and outer.args[0] is arg
    return (limited or name == "asyncio.gather") and _is_value_unused(source, outer)


def _unknown(source: Source, thing: Thing, reference: cst.CSTNode, method: str) -> str:
    line = source.line(reference)
    if method:
        return f"is used for .{method} in line {line}, which AnyIO's has not, or otherwise"
    return f"is handed on in line {line}, so that not all that is done with it can be seen"


_FAST = keyword_argument("fast_acquire", cst.Name("True"))


def _makes(name: str, *, limited: bool = False) -> Edit:
    """Return the edit of a call that makes a lock: it does not yield when it is free."""

    def changed(node: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(node, cst.Call)
        args = [arg.with_changes(comma=COMMA, keyword=None, equal=DEFAULT) for arg in node.args]
        if name == "Semaphore" and not args:
            args = [cst.Arg(cst.Integer("1"), comma=COMMA)]
        if limited:
            limit = args[0].with_changes(keyword=cst.Name("max_value"), equal=EQUAL)
            args.append(limit)
        return node.with_changes(func=expression(f"anyio.{name}"), args=[*args, _FAST])

    return changed


def decide_lock(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`asyncio.Lock()` becomes `anyio.Lock(fast_acquire=True)`, which its owner releases."""
    yield from _decide(source, uses, _check_lock, "anyio.Lock", _makes("Lock"))


def _check_lock(source: Source, thing: Thing) -> None:
    held: list[cst.BaseExpression] = []
    given: list[cst.BaseExpression] = []
    for reference in thing.references:
        block = entered_by(source, reference)
        method, call = method_called(source, reference)
        if block is not None:
            if find(block.body, cst.Yield):
                raise Escapes("is held across a yield: another task may release it")
        elif call is not None and method == "release":
            given.append(reference)
        elif call is not None and method == "acquire" and is_awaited_statement(source, call):
            held.append(reference)
        elif method == "locked":
            raise Escapes("is asked for locked(), which differs while it is handed over")
        elif not is_tested(source, reference):
            raise Escapes(_unknown(source, thing, reference, method))
    for reference in (*held, *given):
        function = source.function_of(reference)
        others = given if reference in held else held
        if (
            function is None
            or find(function.body, cst.Yield)
            or not any(_may_both_run(source, reference, other) for other in others)
        ):
            raise Escapes(
                "is not taken and released in one function, in the same call of it: AnyIO's "
                "belongs to a task"
            )
    _check_taken_once(source, thing)


_LEAVING = (cst.Return, cst.Raise, cst.Break, cst.Continue)


def _may_both_run(source: Source, one: cst.CSTNode, other: cst.CSTNode) -> bool:
    """Say whether one call of a function may come to two places of it."""
    if source.function_of(one) is not source.function_of(other):
        return False
    first, second = sorted((one, other), key=source.position)
    around = list(source.above(second))
    inside = list(takewhile(lambda each: each not in around, source.above(first)))
    both = source.parent(inside[-1])
    if isinstance(both, (cst.If, cst.Match)):
        return False
    later = list(takewhile(lambda each: each is not both, around))
    tests = [
        {source.code(each.test) for each in chain if isinstance(each, cst.If)}
        for chain in (inside, later)
    ]
    if all(tests) and tests[0].isdisjoint(tests[1]):
        return False  # one condition may hold where the other does not
    if isinstance(both, (cst.Try, cst.TryStar)):
        return True  # its last part runs however the first is left
    return not any(isinstance(each, cst.IndentedBlock) and _leaves(each) for each in inside)


def _leaves(block: cst.IndentedBlock) -> bool:
    last = block.body[-1]
    return isinstance(last, cst.SimpleStatementLine) and isinstance(last.body[-1], _LEAVING)


def _check_taken_once(source: Source, thing: Thing) -> None:
    line = taken_again(source, thing.references)
    if line:
        raise Escapes(
            f"is taken again in line {line} by the task that holds it: asyncio's waits for "
            "ever, AnyIO's raises",
            "put what needs the lock into a function of its own, for those that hold it",
        )


def decide_semaphore(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`asyncio.Semaphore(n)` becomes `anyio.Semaphore(n, fast_acquire=True)`."""
    for name in ("Semaphore", "BoundedSemaphore"):
        mine = [use for use in uses if use.name == f"asyncio.{name}"]
        made = _makes("Semaphore", limited=name == "BoundedSemaphore")
        yield from _decide(source, mine, _check_semaphore, "anyio.Semaphore", made)


def _check_semaphore(source: Source, thing: Thing) -> None:
    for use in thing.made:
        call = call_of(source, use)
        if call is None or len(call.args) > 1 or any(arg.star for arg in call.args):
            raise Escapes("is made with arguments that cannot be told apart")
        if call.args and may_be_no_integer(source, call.args[0].value):
            raise Escapes("has a limit that may be no integer, which AnyIO's has to be")
        plain = (cst.Integer, cst.Name, cst.Attribute)
        twice = use.name.endswith("BoundedSemaphore") and call.args
        if twice and not isinstance(call.args[0].value, plain):
            raise Escapes("has a limit that would be evaluated twice")
    for reference in thing.references:
        method, call = method_called(source, reference)
        if entered_by(source, reference) is not None:
            continue
        if method == "acquire" and call is not None and is_awaited_statement(source, call):
            continue
        if method == "release" or is_tested(source, reference):
            continue
        if method == "locked":
            raise Escapes("is asked for locked(), which AnyIO's does not have")
        raise Escapes(_unknown(source, thing, reference, method))


_INTEGERS = frozenset({"int", "round", "len", "ceil", "floor", "sum"})


def may_be_no_integer(source: Source, value: cst.BaseExpression) -> bool:
    """Say whether a number is seen to come from a `float`, a division, or from no number."""
    seen: set[cst.CSTNode] = set()
    waiting: list[cst.CSTNode] = [value]
    while waiting:
        node = waiting.pop()
        if node in seen:
            continue
        seen.add(node)
        if _is_no_integer(source, node):
            return True
        for name in [node, *find(node, cst.Name, cst.Attribute)]:
            found: Sequence[cst.CSTNode] = ()
            if isinstance(name, cst.Name):
                found = [each.node for each in bindings(source.scope(name), name.value)]
            elif isinstance(name, cst.Attribute):
                found = source.attributes.get(name.attr.value, ())
                found = [each for each in found if is_bound(source, each)]
            for each in found:
                waiting += _parts_of_value(source, each)
    return False


def _parts_of_value(source: Source, bound: cst.CSTNode) -> Sequence[cst.CSTNode]:
    """Return what tells of a name's value: where it is bound, or what its function returns."""
    if isinstance(bound, cst.FunctionDef):
        returned = find(bound.body, cst.Return)
        return [*returned, bound.returns] if bound.returns is not None else returned
    kinds = (cst.Param, cst.BaseSmallStatement, cst.BaseStatement)
    found = next(each for each in (bound, *source.above(bound)) if isinstance(each, kinds))
    return [] if isinstance(found, cst.BaseStatement) else [found]


def _is_no_integer(source: Source, node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Call):
        name = source.code(node.func).rpartition(".")[2]
        if name in _INTEGERS:
            return False
    if isinstance(node, (cst.Float, cst.Divide, cst.DivideAssign)):
        return True
    if isinstance(node, cst.Name) and node.value in ("float", "inf", "Decimal", "Fraction"):
        return True
    return any(_is_no_integer(source, each) for each in node.children)


def decide_condition(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`asyncio.Condition()` becomes AnyIO's, whose lock belongs to the task that has it."""
    new = "anyio.Condition"
    yield from _decide(source, uses, _check_condition, new, _makes_condition)


def _makes_condition(node: cst.CSTNode) -> cst.CSTNode:
    return expression("anyio.Condition(anyio.Lock(fast_acquire=True))")


def _check_condition(source: Source, thing: Thing) -> None:
    for use in thing.made:
        call = call_of(source, use)
        if call is None or call.args:
            raise Escapes("is made with a lock of its own")
    for reference in thing.references:
        block = entered_by(source, reference)
        method, call = method_called(source, reference)
        line = source.line(reference)
        if block is not None:
            if find(block.body, cst.Yield):
                raise Escapes("is held across a yield: another task may release it")
            continue
        if is_tested(source, reference):
            continue
        if call is None or method not in ("wait", "wait_for", "notify", "notify_all"):
            raise Escapes(_unknown(source, thing, reference, method))
        if not _is_held(source, reference):
            raise Escapes(f"is used for {method}() in line {line}, outside of its `async with`")
        if method == "wait" and not is_awaited_statement(source, call):
            raise Escapes("has the value of its wait() used, which AnyIO's does not have")
        if method == "wait_for" and not is_awaited(source, call):
            raise Escapes(f"is waited for in line {line} by what may be another task")
    _check_taken_once(source, thing)


def _is_held(source: Source, reference: cst.BaseExpression) -> bool:
    """Say whether a use stands in an `async with` of the same name, in the same function."""
    name = source.code(reference)
    function = source.function_of(reference)
    return any(
        isinstance(above, cst.With)
        and above.asynchronous is not None
        and source.function_of(above) is function
        and any(source.code(item.item) == name for item in above.items)
        for above in source.above(reference)
    )
