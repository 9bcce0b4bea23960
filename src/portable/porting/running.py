"""Rule for `asyncio.run()`: AnyIO's runs on asyncio, too, unless it is told otherwise.

AnyIO says in a context variable that a loop runs. A thread may inherit that, and then cannot
run a loop of its own. So a call is rewritten where a program begins, and not where it may come
from a thread.

On trio AnyIO starts no loop of asyncio's. So the call goes last: when nothing else is left of
asyncio's in the file, and nothing that it imports may need it. Before that, `portable.run()`
and the tools run it on every loop.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from .callers import references
from .calls import call_of
from .decision import Decision, stays
from .dependence import why_not_free
from .nodes import COMMA, expression, keyword_argument
from .source import Function, Source, Use

_PLAIN = frozenset(
    f"asyncio.{name}" for name in ("run", "iscoroutine", "iscoroutinefunction", "TimeoutError")
)
"""Names that need no loop, and the one that is looked at."""


def decide_run(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """`asyncio.run(main(x))` becomes `anyio.run(main, x)` where a program begins."""
    for use in uses:
        call = call_of(source, use)
        if call is None or not _runs_a_call(call):
            yield stays(use, "is called with more than a coroutine and `debug`")
        elif (
            main := source.callee(call.args[0].value)
        ) is None or main.function.asynchronous is None:
            yield stays(use, "runs what is no plain `async def` of this file")
        elif not _begins(source, call, frozenset()):
            yield stays(use, "is called in a function that may run in a thread, or in a test")
        elif why := _why_asyncios(source) or why_not_free(source):
            yield stays(use, f"runs what {why}")
        elif any(arg.keyword or arg.star == "**" for arg in _call(call).args):
            yield Decision((use,), {call: _run_partial}, needs=("anyio", "functools"))
        else:
            yield Decision((use,), {call: _run})


def _why_asyncios(source: Source) -> str:
    """Return why a program may need asyncio's loop still; empty: it does not."""
    for use in source.uses:
        if use not in source.rewritten and not use.annotation and use.name not in _PLAIN:
            name = use.name.removeprefix("asyncio.")
            return f"uses {name} in line {source.line(use.node)}: it goes last"
    if source.star:
        return f"may have names of asyncio's by a star import in line {source.star}"
    return ""


def _runs_a_call(call: cst.Call) -> bool:
    """Say whether the arguments are the call of a coroutine function, and `debug` at most."""
    if not call.args:
        return False
    main, *options = call.args
    names = [arg.keyword and arg.keyword.value for arg in options]
    plain = not main.star and main.keyword is None and isinstance(main.value, cst.Call)
    return plain and names in ([], ["debug"])


def _begins(source: Source, node: cst.CSTNode, seen: frozenset[Function]) -> bool:
    """Say whether code runs where the file itself does, or only in what is called there."""
    function = source.function_of(node)
    if function is None:
        inside = (cst.FunctionDef, cst.Lambda, cst.ClassDef)
        return not any(isinstance(above, inside) for above in source.above(node))
    if function in seen or function.asynchronous is not None or function.decorators:
        return False
    places = references(source, function)
    return bool(places) and all(
        isinstance(call := source.parent(place), cst.Call)
        and call.func is place
        and _begins(source, call, seen | {function})
        for place in places or ()
    )


def _call(call: cst.Call) -> cst.Call:
    return cst.ensure_type(call.args[0].value, cst.Call)


def _run(node: cst.CSTNode) -> cst.CSTNode:
    call = cst.ensure_type(node, cst.Call)
    main = _call(call)
    return _made(call, [cst.Arg(main.func), *main.args])


def _run_partial(node: cst.CSTNode) -> cst.CSTNode:
    call = cst.ensure_type(node, cst.Call)
    main = _call(call)
    made = main.with_changes(
        func=expression("functools.partial"),
        args=[cst.Arg(main.func, comma=COMMA), *main.args],
    )
    return _made(call, [cst.Arg(made)])


def _made(call: cst.Call, args: Sequence[cst.Arg]) -> cst.Call:
    given = list(args)
    for debug in call.args[1:]:
        options = cst.Dict([cst.DictElement(cst.SimpleString('"debug"'), debug.value)])
        given[-1] = given[-1].with_changes(comma=COMMA)
        given.append(keyword_argument("backend_options", options))
    if len(given) > 1:
        given[0] = given[0].with_changes(comma=COMMA)
    return call.with_changes(func=expression("anyio.run"), args=given)
