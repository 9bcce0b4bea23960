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
from .trace import Observation

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

# The guide in a line each, for whoever does not have it at hand.
_REMEDIES = {
    "D1": "shield what must be awaited: with anyio.move_on_after(5, shield=True): ...",
    "D2": "leave the cancelled scope instead: with anyio.CancelScope() as scope: ...",
    "D3": "catch portable.CancelledError, raise it again, and print neither class nor text",
    "D4": "write `except portable.CancelledError:` before `except Exception:`",
    "D5": "let a group own the task; use portable.gather, or `except* ValueError:`",
    "D6": "await the task, or catch inside of it what may be lost",
    "D7": "say what comes first: await group.start(...), an event, or one task for both",
    "D8": "do not block: await portable.to_thread(...)",
    "D9": "return from main and exit there, or use `except* SystemExit:`",
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

    @property
    def remedy(self) -> str:
        """What to write, in a line."""
        return _REMEDIES[self.id]

    def __str__(self) -> str:
        return f"{self.id}: {self.sentence}; see {self.paragraph}"


# Where the traces show one of these, lines of the source that may do harm are beside the point.
_EXPLAIN_ENOUGH = {"D2", "D3", "D4", "D9"}


def causes(comparison: Comparison, source: str | None = None) -> tuple[Cause, ...]:
    """Return what may be behind a difference, the likeliest first.

    Args:
        comparison: two traces that part.
        source: the source of the port, if it is at hand.
    """
    if comparison.verdict in (Verdict.SAME, Verdict.DECLARED):
        return ()
    found = list(_in_traces(comparison))
    explained = {cause.id for cause in found} & _EXPLAIN_ENOUGH
    if source is not None and comparison.verdict is Verdict.DIFFERENT and not explained:
        found += _in_source(source, comparison)
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
    elif comparison.port.backend == "trio" and _one_overtook_another(comparison, gone, new):
        yield Cause("D7", "the same lines come, at other times: one task overtook another")
    if re.search(r"\buncancel|\bcancelling", right):
        yield Cause("D2", "the port calls uncancel() or cancelling()")
    if "CancelledError" in left and "TaskCancelled" in right:
        yield Cause("D4", "a cancelled task raised CancelledError at the original's awaiter")
    elif "CancelledError" in left and re.search(r"\bCancelled\b", right):
        yield Cause("D3", "inside a cancelled task, class and text are the backend's own")
    interrupted = bool(re.search(r"KeyboardInterrupt|SystemExit", left))
    if "never retrieved" in left and not interrupted:
        yield Cause("D6", "the original only logged an error that nobody retrieved")
    if interrupted and "ExceptionGroup" in right:
        yield Cause("D9", "an interrupt or exit of a task came in a group")
    elif (
        "never retrieved" not in left
        and "ExceptionGroup" in right
        and "ExceptionGroup" not in left
    ):
        yield Cause("D5", "the port raised a group where the original raised a bare exception")
    if any(seen.stream == "tasks" for seen in gone):
        yield Cause("D5", "the original left a task running that the port waits for or ends")
    elif any(seen.stream == "tasks" for seen in new):
        yield Cause("D5", "the port leaves a task running that the original ends")
    if ("TimeoutError" in left) != ("TimeoutError" in right):
        yield Cause("D8", "a time limit told on one side alone")


def _one_overtook_another(
    comparison: Comparison, gone: list[Observation], new: list[Observation]
) -> bool:
    """Say whether several tasks show the same lines, at other times."""
    writers = {seen.writer for seen in comparison.port.observations} - {None}
    same = {(seen.stream, seen.text) for seen in gone} == {
        (seen.stream, seen.text) for seen in new
    }
    return same and len(writers) > 1


def _in_source(source: str, comparison: Comparison) -> Iterator[Cause]:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    port = Counter(comparison.port.observations)
    missing = Counter(comparison.original.observations) - port
    several = len({seen.writer for seen in comparison.original.observations} - {None}) > 1
    if several and missing and not port - Counter(comparison.original.observations):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in ("gather", "race"):
                yield Cause(
                    "D5",
                    f"line {node.lineno}: {_name(node.func)}() ends the others when one fails; "
                    "in the original they go on",
                )
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


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


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
