"""Rule for tests: pytest-asyncio's marker and fixtures become those of AnyIO's pytest plugin.

A test and the fixtures that it takes have to share a loop, so all of a file moves, or nothing;
and what files share moves when all of them can. A file in which pytest-asyncio does what
AnyIO's plugin does not (loops of another scope, fixtures for tests that are no coroutines)
stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from .calls import call_of
from .decision import Decision, Edit, renaming, stays
from .foreign import fixture_entry, request_entry
from .neighbours import AUTO, MARKED, SCOPED
from .source import MARK, TESTS, Function, Source, Use
from .tree import find

FIXTURE = f"{TESTS}.fixture"
TOGETHER = "goes together with the files that it shares fixtures with, which were not all named"
_CONFIGURED = {
    AUTO: "belongs to a suite in which pytest-asyncio takes every coroutine (asyncio_mode)",
    SCOPED: "belongs to a suite whose loops live longer than a test",
    MARKED: "belongs to a suite whose conftest adds the marker",
}
_LOOPS = ("event_loop", "event_loop_policy")
_TASKS = ("asyncio.current_task", "asyncio.all_tasks")


def decide_tests(source: Source, uses: Sequence[Use]) -> Iterator[Decision]:
    """All marks and fixtures of a file become AnyIO's, or none."""
    if not uses:
        return
    why = _Suite(source, uses).trouble()
    if why:
        yield from (stays(use, why) for use in uses)
        return
    edits: dict[cst.CSTNode, Edit] = {}
    for use in uses:
        call = call_of(source, use)
        if use.name == FIXTURE:
            edits[use.node] = renaming("pytest.fixture")
        else:
            edits[use.node] = _marked
            if call is not None and call.args:
                edits[call] = lambda node: cst.ensure_type(node, cst.Call).func
    fixtures = any(use.name == FIXTURE for use in uses)
    yield Decision(uses, edits, needs=("pytest",) if fixtures else ())


def _marked(node: cst.CSTNode) -> cst.CSTNode:
    return cst.ensure_type(node, cst.Attribute).with_changes(attr=cst.Name("anyio"))


class _Suite:
    """The tests and fixtures of a file."""

    def __init__(self, source: Source, uses: Sequence[Use]) -> None:
        self._source = source
        self._uses = uses
        self._functions = [
            node
            for node in find(source.module, cst.FunctionDef, deep=True)
            if isinstance(node, cst.FunctionDef) and source.function_of(node) is None
        ]
        self._plain = [each for each in self._functions if self._is_plain_fixture(each)]

    def trouble(self) -> str:
        """Return why the file stays; empty: it need not."""
        return next(filter(None, self._troubles()), "")

    def _troubles(self) -> Iterator[str]:
        source = self._source
        names = (MARK, TESTS)
        mine = [use for use in source.uses if use.name.startswith(names)]
        others = [use for use in mine if use not in self._uses]
        if others:
            name, line = others[0].name, source.line(others[0].node)
            yield f"goes together with {name} in line {line}, which stays"
        for config, why in _CONFIGURED.items():
            if config in source.foreign:
                yield why
        for use in self._uses:
            yield self._fixture(use) if use.name == FIXTURE else self._mark(use)
        for use in source.uses:
            if use.name in _TASKS:
                line = source.line(use.node)
                yield f"looks at tasks in line {line}: AnyIO's tests share one with fixtures"
        for function in self._functions:
            for name in (*_parameters(function), function.name.value):
                if name in _LOOPS:
                    yield f"has to do with {name}, which is pytest-asyncio's"
        yield from self._requests()

    def _mark(self, use: Use) -> str:
        """Return why a mark stays; where it may stand, and with what."""
        source = self._source
        call = call_of(source, use)
        if call is not None and not _has_function_scope(call):
            return "has a loop of another scope than the test"
        node: cst.CSTNode = use.node if call is None else call
        above = source.parent(node)
        if isinstance(above, cst.Decorator):
            return ""
        while isinstance(above, (cst.Element, cst.List, cst.Tuple)):
            above = source.parent(above)
        if isinstance(above, cst.Assign):
            targets = [each.target for each in above.targets]
            if all(
                isinstance(each, cst.Name) and each.value == "pytestmark" for each in targets
            ):
                return ""
        return f"is handed on in line {source.line(use.node)}"

    def _fixture(self, use: Use) -> str:
        source = self._source
        call = call_of(source, use)
        line = source.line(use.node)
        decorator = source.parent(use.node if call is None else call)
        if not isinstance(decorator, cst.Decorator):
            return f"is no decorator in line {line}"
        for arg in call.args if call is not None else ():
            name = "" if arg.keyword is None else arg.keyword.value
            if name == "scope" and _text(arg.value) == "function":
                continue
            if name in ("params", "ids"):
                continue
            return f"makes a fixture in line {line} with a scope, a name or for every test"
        return ""

    def _requests(self) -> Iterator[str]:
        """Return why the fixtures stay, by who takes them."""
        source = self._source
        own = {each.name.value for each in self._functions if self._is_async_fixture(each)}
        words = {node.raw_value for node in _strings(source.module)}
        for name in sorted(own & words):
            yield f"has a fixture, {name}, that is taken by its name in a string"
        waiting = set(own)
        grown = True
        while grown:
            more = {each.name.value for each in self._plain if waiting & set(_parameters(each))}
            grown = not more <= waiting
            waiting |= more
        for function in self._functions:
            taken = sorted(waiting & set(_parameters(function)))
            if not taken or self._is_async_fixture(function) or function in self._plain:
                continue
            if not (function.asynchronous and self._is_marked(function)):
                line = source.line(function)
                yield f"has a fixture, {taken[0]}, that line {line} takes without the marker"
        for function in self._functions:
            for name in _parameters(function):
                if fixture_entry(name) in source.foreign and MARK not in source.foreign:
                    yield TOGETHER
        for name in own:
            if request_entry(name) in source.foreign and MARK not in source.foreign:
                yield TOGETHER

    def _is_async_fixture(self, function: Function) -> bool:
        return any(
            use.name == FIXTURE and each in (use.node, call_of(self._source, use))
            for use in self._uses
            for each in (decorator.decorator for decorator in function.decorators)
        )

    def _is_plain_fixture(self, function: Function) -> bool:
        for decorator in function.decorators:
            node: cst.BaseExpression = decorator.decorator
            if isinstance(node, cst.Call):
                node = node.func
            if self._source.imported(node) == "pytest.fixture":
                return True
        return False

    def _is_marked(self, function: Function) -> bool:
        source = self._source
        around: list[cst.CSTNode] = [function, source.module]
        around += [each for each in source.above(function) if isinstance(each, cst.ClassDef)]
        for use in self._uses:
            if use.name != MARK:
                continue
            owner = next(
                each
                for each in source.above(use.node)
                if isinstance(each, (cst.FunctionDef, cst.ClassDef, cst.Module))
            )
            if owner in around:
                return True
        return False


def _parameters(function: Function) -> list[str]:
    params = function.params
    every = (*params.posonly_params, *params.params, *params.kwonly_params)
    return [each.name.value for each in every]


def _has_function_scope(call: cst.Call) -> bool:
    return all(
        arg.keyword is not None
        and arg.keyword.value in ("loop_scope", "scope")
        and _text(arg.value) == "function"
        for arg in call.args
    )


def _text(node: cst.BaseExpression) -> str:
    return node.raw_value if isinstance(node, cst.SimpleString) else ""


def _strings(module: cst.Module) -> Iterator[cst.SimpleString]:
    for node in find(module, cst.SimpleString, deep=True):
        assert isinstance(node, cst.SimpleString)
        yield node
