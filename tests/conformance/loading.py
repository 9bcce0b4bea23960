"""Loads one of CPython's test modules with the stand-ins in asyncio's place.

The source is the installed Python's own. Two things are done to it. Its imports of asyncio
find the stand-ins. And where a test that is no coroutine hands the event loop the reins
(`loop.run_until_complete(...)`), it becomes a coroutine and awaits that call: asyncio's
loop starts and stops around such a call, portable runs inside one that keeps running. Line
numbers stay, so that a failure points into CPython's file.
"""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from . import facade

_SUSPENDING = {"run_until_complete", "run_briefly"}
"""The calls that let the event loop run; and, by and by, the methods that make them."""


def load(name: str) -> ModuleType:
    """Return `test.test_asyncio.<name>`, with portable's names in asyncio's place."""
    spec = find_spec(f"test.test_asyncio.{name}")
    assert spec is not None
    assert spec.origin is not None
    return load_file(name, Path(spec.origin))


def load_file(name: str, path: Path) -> ModuleType:
    """Return a module of tests of asyncio, with portable's names in asyncio's place."""
    module = ModuleType(name)
    scope = vars(module)
    scope["__file__"] = str(path)
    scope["__builtins__"] = {**vars(builtins), "__import__": facade.importing}
    scope["_settled"] = _settled
    scope["_assert_raises"] = _assert_raises
    exec(_compile(path), scope)
    for value in list(scope.values()):
        if isinstance(value, type) and "_run_loop" in vars(value):
            value._run_loop = facade.run_loop  # type: ignore[attr-defined]
    return module


def _compile(path: Path) -> CodeType:
    tree = ast.parse(path.read_text("utf-8"), str(path))
    suspending = set(_SUSPENDING)
    methods = [
        node
        for cls in ast.walk(tree)
        if isinstance(cls, ast.ClassDef)
        for node in cls.body
        if isinstance(node, ast.FunctionDef)
    ]
    found: set[int] = set()
    while True:
        new = {id(m) for m in methods if any(_names(node) & suspending for node in _own(m))}
        if new == found:
            break
        found = new
        suspending |= {m.name for m in methods if id(m) in found}
    tree = _Awaiting(suspending, found).visit(tree)
    return compile(ast.fix_missing_locations(tree), str(path), "exec")


def _own(function: ast.FunctionDef) -> Iterator[ast.AST]:
    """Walk the lines of a function, without those of functions inside it."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            todo.extend(ast.iter_child_nodes(node))


def _names(node: ast.AST) -> set[str]:
    """Return the method that a call calls, or has `assertRaises` call for it."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return set()
    if node.func.attr == "assertRaises" and len(node.args) > 1:
        called = node.args[1]
        return {called.attr} if isinstance(called, ast.Attribute) else set()
    return {node.func.attr}


class _Awaiting(ast.NodeTransformer):
    def __init__(self, suspending: set[str], methods: set[int]) -> None:
        self._suspending = suspending
        self._methods = methods
        self._inside = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outside, self._inside = self._inside, id(node) in self._methods
        self.generic_visit(node)
        self._inside, inside = outside, self._inside
        if not inside:
            return node
        fields = {name: getattr(node, name, None) for name in node._fields}
        return ast.copy_location(ast.AsyncFunctionDef(**fields), node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        outside, self._inside = self._inside, False
        self.generic_visit(node)
        self._inside = outside
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.AST:
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not (self._inside and _names(node) & self._suspending):
            return node
        assert isinstance(node.func, ast.Attribute)
        name, arguments = "_settled", [node]
        if node.func.attr == "assertRaises":
            name, arguments = "_assert_raises", [node.func.value, *node.args]
        call = ast.Call(ast.Name(name, ast.Load()), arguments, [])
        return ast.copy_location(ast.Await(ast.copy_location(call, node)), node)


async def _settled(value: Any) -> Any:
    """Await what a method returned that has become a coroutine; some have not."""
    return await value if inspect.iscoroutine(value) else value


async def _assert_raises(test: Any, error: Any, function: Any, *args: Any) -> None:
    with test.assertRaises(error):  # noqa: PT027 - it is the test's own call
        await _settled(function(*args))
