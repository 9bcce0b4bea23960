"""A decision: what becomes of some uses of asyncio's names, and how the tree changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import libcst as cst

from .nodes import expression
from .source import Use
from .tree import find

Changed: TypeAlias = cst.CSTNode | cst.FlattenSentinel[cst.CSTNode] | cst.RemovalSentinel
Edit: TypeAlias = Callable[[cst.CSTNode], Changed]
"""Makes another node of one whose parts may have been changed already."""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """What becomes of uses that are rewritten together, or stay together.

    Attributes:
        uses: the uses; the first is the one that was looked at.
        edits: for each node that changes, what is made of it; empty: all stays as it is.
        why: why it stays.
        write: what a human would write; empty: what the rule's hint says.
        needs: the modules that the new code names.
    """

    uses: Sequence[Use]
    edits: Mapping[cst.CSTNode, Edit] = field(default_factory=dict)
    why: str = ""
    write: str = ""
    needs: tuple[str, ...] = ("anyio",)

    @property
    def rewritten(self) -> bool:
        """Whether the code changes."""
        return bool(self.edits)


def stays(use: Use, why: str, write: str = "") -> Decision:
    """Return the decision to leave a use to a human.

    Args:
        use: what stays.
        why: the condition that is not met, or cannot be seen.
        write: what to write, if the rule's hint does not fit.
    """
    return Decision((use,), why=why, write=write)


def renaming(code: str) -> Edit:
    """Return the edit that puts another name in the place of one, in its parentheses."""

    def changed(node: cst.CSTNode) -> cst.CSTNode:
        assert isinstance(node, (cst.Name, cst.Attribute))
        return expression(code).with_changes(lpar=node.lpar, rpar=node.rpar)

    return changed


class Application(cst.CSTTransformer):
    """Changes a tree in one pass.

    Args:
        edits: the edits, by the nodes that they change. Where several have the same node, they
            change it one after the other.
    """

    def __init__(self, edits: Sequence[Mapping[cst.CSTNode, Edit]]) -> None:
        super().__init__()
        self._edits: dict[cst.CSTNode, list[Edit]] = {}
        for each in edits:
            for node, edit in each.items():
                self._edits.setdefault(node, []).append(edit)
        self._done = 0
        self._before: list[int] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Note how many edits were done before a statement."""
        if isinstance(node, cst.BaseStatement):
            self._before.append(self._done)
        return True

    def on_leave(  # type: ignore[override]
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> Changed:
        """Change a node when all below it has been."""
        changed: Changed = updated_node
        for edit in self._edits.get(original_node, ()):
            assert isinstance(changed, cst.CSTNode)
            changed = edit(changed)
            self._done += 1
        if isinstance(original_node, cst.BaseStatement) and self._before.pop() < self._done:
            return _with_comments(changed, original_node)
        return changed


def _comments(node: cst.CSTNode) -> Counter[str]:
    found = find(node, cst.Comment, deep=True)
    return Counter(each.value for each in found if isinstance(each, cst.Comment))


def _with_comments(changed: Changed, original: cst.CSTNode) -> Changed:
    """Put comments that a statement has lost above it; what goes takes its own along."""
    several = changed if isinstance(changed, cst.FlattenSentinel) else [changed]
    nodes = [each for each in several if isinstance(each, cst.CSTNode)]
    comments = _comments(original)
    if not comments or isinstance(changed, cst.RemovalSentinel):
        return changed
    for node in nodes:
        comments = comments - _comments(node)
    code = cst.Module([]).code_for_node(original)
    texts = sorted(comments.elements(), key=code.find)
    lost = [cst.EmptyLine(comment=cst.Comment(text)) for text in texts]
    # A line of `pass` alone is a mark that another edit looks for.
    place = next((n for n, each in enumerate(nodes) if not _is_mark(each)), -1)
    if not lost or place < 0:
        return changed
    first = nodes[place]
    above = [*getattr(first, "leading_lines", ()), *lost]
    made = first.with_changes(leading_lines=above)
    if isinstance(changed, cst.FlattenSentinel):
        return cst.FlattenSentinel([*nodes[:place], made, *nodes[place + 1 :]])
    return made


def _is_mark(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.SimpleStatementLine) and isinstance(node.body[0], cst.Pass)
