"""Why a port may differ: traces and sources that look like one of the declared differences.

What is found here is a hint and changes no verdict. Two kinds of evidence are put together:
what one side shows and the other does not, and lines of the port's source that do what goes
wrong under level cancellation. Each hint names the section of `docs/porting.md` that tells how
to port it.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from .comparison import Comparison, Verdict

GUIDE = "docs/porting.md"

_ANCHORS = {
    "D1": "d1-level-cancellation",
    "D2": "d2-no-uncancel",
    "D3": "d3-the-class-inside",
    "D4": "d4-taskcancelled",
    "D5": "d5-nothing-outlives-its-block",
    "D6": "d6-errors-are-raised",
    "D7": "d7-order-is-free-on-trio",
    "D8": "d8-past-a-deadline",
    "D9": "d9-interrupts-in-groups",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """A declared difference that may be behind what was found.

    Attributes:
        id: its number.
        sentence: what speaks for it.
    """

    id: str
    sentence: str

    @property
    def paragraph(self) -> str:
        """Where it is told how to port this."""
        return f"{GUIDE}#{_ANCHORS[self.id]}"

    def __str__(self) -> str:
        return f"{self.id}: {self.sentence}; see {self.paragraph}"


def causes(comparison: Comparison, source: str | None = None) -> tuple[Cause, ...]:
    """Return what may be behind a difference, the likeliest first.

    Args:
        comparison: two traces that part.
        source: the source of the port, if it is at hand.
    """
    if comparison.verdict in (Verdict.SAME, Verdict.DECLARED):
        return ()
    found = list(_in_traces(comparison))
    if source is not None and comparison.verdict is Verdict.DIFFERENT:
        found += _in_source(source)
    return tuple(dict.fromkeys(found))


def _in_traces(comparison: Comparison) -> Iterator[Cause]:
    surplus = Counter(comparison.original.observations)
    surplus.subtract(comparison.port.observations)
    gone = [seen for seen, count in surplus.items() if count > 0]
    new = [seen for seen, count in surplus.items() if count < 0]
    left = "\n".join(seen.text for seen in gone)
    right = "\n".join(seen.text for seen in new)
    if not gone and not new and comparison.port.backend == "trio":
        yield Cause("D7", "both sides show the same within the instant, in another order")
    elif comparison.port.backend == "trio" and not {(s.stream, s.text) for s in gone} ^ {
        (s.stream, s.text) for s in new
    }:
        yield Cause("D7", "the same lines come, at other times: one task overtook another")
    if re.search(r"\buncancel|\bcancelling", right):
        yield Cause("D2", "the port calls uncancel() or cancelling()")
    if "CancelledError" in left and "TaskCancelled" in right:
        yield Cause("D4", "a cancelled task raised CancelledError at the original's awaiter")
    elif "CancelledError" in left and re.search(r"\bCancelled\b", right):
        yield Cause(
            "D3", "the port sees trio's own class where the original saw CancelledError"
        )
    if "never retrieved" in left:
        yield Cause("D6", "the original only logged an error that nobody retrieved")
    if re.search(r"KeyboardInterrupt|SystemExit", left) and "ExceptionGroup" in right:
        yield Cause("D9", "an interrupt or exit of a task came in a group")
    elif "ExceptionGroup" in right and "ExceptionGroup" not in left:
        yield Cause("D5", "the port raised a group where the original raised a bare exception")
    if any(seen.stream == "tasks" for seen in gone):
        yield Cause("D5", "the original left a task running that the port waits for or ends")
    elif any(seen.stream == "tasks" for seen in new):
        yield Cause("D5", "the port leaves a task running that the original ends")
    if ("TimeoutError" in left) != ("TimeoutError" in right):
        yield Cause("D8", "a time limit told on one side alone")


def _in_source(source: str) -> Iterator[Cause]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.Try):
            continue
        cleanups = [node.finalbody]
        for handler in node.handlers:
            if not _catches_cancellation(handler.type):
                continue
            cleanups.append(handler.body)
            if not any(isinstance(inner, ast.Raise) for inner in _inside(handler.body)):
                yield Cause(
                    "D1",
                    f"line {handler.lineno} swallows a cancellation, and the next await is "
                    "cancelled again",
                )
        for body in cleanups:
            for inner in _inside(body):
                if isinstance(inner, ast.Await):
                    yield Cause(
                        "D1",
                        f"line {inner.lineno} awaits in a clean-up without a shield, and is "
                        "cancelled again",
                    )
                    break


def _catches_cancellation(type_: ast.expr | None) -> bool:
    if type_ is None:
        return True
    names = {node.id for node in ast.walk(type_) if isinstance(node, ast.Name)}
    names |= {node.attr for node in ast.walk(type_) if isinstance(node, ast.Attribute)}
    return bool(
        names & {"CancelledError", "Cancelled", "BaseException", "get_cancelled_exc_class"}
    )


def _inside(body: list[ast.stmt]) -> Iterator[ast.AST]:
    """Yield what runs in a block, without functions defined there and what is shielded."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop(0)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.With | ast.AsyncWith) and any(
            "shield" in ast.dump(item.context_expr) for item in node.items
        ):
            continue
        yield node
        pending[:0] = list(ast.iter_child_nodes(node))
