"""Locks that a task takes again while it holds them.

asyncio's then wait for ever, or until a time limit passes; AnyIO's raise. A lock is taken again
in the block that holds it, or in a function of the file that is awaited there. What is started
there as a task of its own waits in both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from .calls import method_called
from .source import Function, Source
from .things import entered_by
from .tree import find

_LIMITS = ("asyncio.wait_for", "anyio.fail_after")


def taken_again(source: Source, references: Sequence[cst.BaseExpression]) -> int:
    """Return the line in which a task takes a lock again while it holds it; 0: none is seen.

    Args:
        source: the file.
        references: where the lock is used.
    """
    return next(_Search(source, references).lines(), 0)


class _Search:
    def __init__(self, source: Source, references: Sequence[cst.BaseExpression]) -> None:
        self._source = source
        self._takes: dict[cst.CSTNode, str] = {}
        self._gives: dict[cst.CSTNode, str] = {}
        for each in references:
            method, _ = method_called(source, each)
            if method == "release":
                self._gives[each] = source.code(each)
            elif method == "acquire" or entered_by(source, each) is not None:
                self._takes[each] = source.code(each)

    def lines(self) -> Iterator[int]:
        source = self._source
        for take, name in self._takes.items():
            block = entered_by(source, take)
            if block is not None:
                held = self._parts(block.body)
            else:
                function = source.function_of(take)
                body = None if function is None else function.body
                everything = [] if body is None else self._parts(body)
                held = [
                    each for each in everything if source.position(each) > source.position(take)
                ]
            if again := self._again(held, name, set()):
                yield source.line(again)

    def _parts(self, body: cst.BaseSuite) -> list[cst.CSTNode]:
        """Return what may take, give back or call, in order."""
        parts = find(body, cst.Name, cst.Attribute, cst.Call)
        return sorted(parts, key=self._source.position)

    def _again(
        self, parts: Sequence[cst.CSTNode], name: str, seen: set[Function]
    ) -> cst.CSTNode | None:
        """Return where a lock is taken before it is given back."""
        for part in parts:
            if self._gives.get(part) == name:
                return None
            if self._takes.get(part) == name:
                return part
            function = self._awaited(part)
            if function is not None and function not in seen:
                seen.add(function)
                found = self._again(self._parts(function.body), name, seen)
                if found is not None:
                    return found
        return None

    def _awaited(self, node: cst.CSTNode) -> Function | None:
        """Return the function of the file that a call awaits in the same task."""
        source = self._source
        callee = source.callee(node) if isinstance(node, cst.Call) else None
        if callee is None or callee.function.asynchronous is None:
            return None
        above = source.parent(node)
        outer = source.parent(above)
        if isinstance(above, cst.Arg) and isinstance(outer, cst.Call):
            if source.imported(outer.func) not in _LIMITS:
                return None
            above = source.parent(outer)
        return callee.function if isinstance(above, cst.Await) else None
