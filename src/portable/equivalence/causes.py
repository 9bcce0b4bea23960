"""Why a port differs, where that is certain: by what both sides show, and never by a guess.

A cause is named if it explains all that differs, and if there is evidence for each part of it.
One of the differences that asyncio's names have on trio (T1 to T5) needs a port that does the
same on asyncio. A fact about AnyIO needs the exceptions in both traces; a clean-up that was cut
short, the line behind its `await`, missing. Where there is less, `facts` say what happened.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portable._differences import difference

from .comparison import Comparison, Verdict
from .facts import sides
from .syntax import imported, parsed
from .trace import ExceptionShape, Observation

GUIDE = "docs/reference/differences.md"


@dataclass(frozen=True, slots=True)
class Cause:
    """What is behind a difference that was found.

    Attributes:
        sentence: what it is.
        remedy: what to write, in a line.
        id: the number of the difference on trio; `None`: a fact about AnyIO.
    """

    sentence: str
    remedy: str
    id: str | None = None

    @property
    def paragraph(self) -> str | None:
        """Where the docs tell of the difference on trio."""
        if self.id is None:
            return None
        words = re.sub(r"[^\w\s-]", "", difference(self.id).section.lower())
        return f"{GUIDE}#{'-'.join(words.split())}"

    def __str__(self) -> str:
        if self.id is None:
            return self.sentence
        return f"{self.id}: {self.sentence}; see {self.paragraph}"


_CANCEL_AT_EVERY_AWAIT = {"anyio", "trio"}
_INTERRUPT = re.compile(r"KeyboardInterrupt|SystemExit")


def causes(
    comparison: Comparison, source: str | None = None, *, right_on_asyncio: bool = False
) -> tuple[Cause, ...]:
    """Return what is behind a difference; nothing, if that is not certain.

    Args:
        comparison: two traces that part.
        source: the source of the port, if it is at hand.
        right_on_asyncio: whether the port is known to be equivalent on asyncio.
    """
    if comparison.verdict is not Verdict.DIFFERENT or comparison.stale:
        return ()
    found: list[Cause] = []
    if comparison.port.backend == "trio" and right_on_asyncio:
        found += _on_trio(comparison, source or "")
    found += _in_exceptions(comparison)
    if source is not None and not found:
        found += _in_cleanups(source, comparison)
    return tuple(dict.fromkeys(found))[:1]


def _texts(observations: Sequence[Observation]) -> str:
    return "\n".join(seen.text for seen in observations)


def _on_trio(comparison: Comparison, source: str) -> Iterator[Cause]:
    gone, new = sides(comparison)
    left, right = _texts(gone), _texts(new)
    parting = comparison.parting
    same = sorted(seen.text for seen in gone) == sorted(seen.text for seen in new)
    if parting is not None and parting.time >= comparison.port.ordered_until and same:
        yield Cause(
            "the port relies on the order of asyncio's loop; on trio tasks take turns in any",
            "say what comes first: await group.start(...), an event, or one task for both",
            "T1",
        )
    if "CancelledError" in left and "BaseExceptionGroup" in right:
        yield Cause(
            "a cancellation of asyncio's passed through a nursery and came out in a group",
            "catch it inside of the group, or with `except* asyncio.CancelledError:`",
            "T2",
        )
    if "shield" in source and gone and same and _later(gone, new):
        yield Cause(
            "a shield held a cancel() back: the same lines come later",
            "cancel what waits behind the shield in another way: an event, or a scope inside",
            "T3",
        )
    if re.search(r"inside a task|determine the parent task", right):
        yield Cause(
            "something needs the current task of asyncio's where there is none",
            "write anyio.fail_after() and anyio.create_task_group() in tasks of AnyIO's",
            "T5",
        )


def _later(gone: Sequence[Observation], new: Sequence[Observation]) -> bool:
    """Say whether the port shows nothing earlier than the original."""
    times = {seen.text: seen.time for seen in gone}
    return all(seen.time >= times[seen.text] for seen in new)


def _in_exceptions(comparison: Comparison) -> Iterator[Cause]:
    gone, new = sides(comparison)
    left, right = _texts(gone), _texts(new)
    raised = comparison.port.outcome.exception
    leaves = () if raised is None else tuple(_leaves(raised))
    grouped = bool(raised and raised.members)
    if "CancelledError" in left and "TaskCancelled" in right:
        yield Cause(
            "awaiting a cancelled task of AnyIO's raises anyio.TaskCancelled, an ordinary "
            "Exception, where asyncio raises CancelledError",
            "write `except anyio.TaskCancelled:` before `except Exception:`",
        )
    elif "CancelledError" in left and re.search(r"\bCancelled\b", right):
        yield Cause(
            "in a scope of AnyIO's that was cancelled, class and text of the exception are the "
            "backend's own",
            "catch anyio.get_cancelled_exc_class(), raise it again, and print neither",
        )
    if _INTERRUPT.search(left):
        if "ExceptionGroup" in right:
            yield Cause(
                "AnyIO's task group put an interrupt or exit of a task into a group",
                "return from main and exit there, or use `except* SystemExit:`",
            )
    elif not leaves or not all(_is_told(leaf, left) for leaf in leaves):
        return  # what was raised is nothing of the original's: that is where to look
    elif "never retrieved" in left:
        yield Cause(
            "the original only logged an error that nobody retrieved; a task group raises it",
            "catch inside of the task what may be lost",
        )
    elif grouped and "ExceptionGroup" not in left:
        yield Cause(
            "the port raised a group where the original raised a bare exception",
            "catch the error inside of the task group, or with `except* ValueError:`",
        )


def _leaves(shape: ExceptionShape) -> Iterator[ExceptionShape]:
    if not shape.members:
        yield shape
    for member in shape.members:
        yield from _leaves(member)


def _is_told(shape: ExceptionShape, text: str) -> bool:
    """Say whether a text has an exception in it, by its class or by its message."""
    message = shape.args[0].strip("'\"") if shape.args else ""
    return f"{shape.name}(" in text or bool(message and message in text)


def _in_cleanups(source: str, comparison: Comparison) -> Iterator[Cause]:
    """Find clean-ups of which the part behind an `await` did not happen."""
    gone, new = sides(comparison)
    if any(seen.stream == "stdout" for seen in new):
        return
    try:
        tree = parsed(source)
    except SyntaxError:
        return
    if not imported(tree) & _CANCEL_AT_EVERY_AWAIT:
        return
    missing = [seen.text for seen in gone if seen.stream == "stdout"]
    for body in _cleanups(tree):
        awaited: int | None = None
        for node in _inside(body):
            if isinstance(node, ast.Await) and awaited is None:
                awaited = node.lineno
            said = _said(node)
            if awaited and said and any(text.startswith(said) for text in missing):
                yield Cause(
                    f"line {awaited} awaits in a clean-up without a shield; in an AnyIO scope "
                    "that is cancelled, that await is cancelled, too",
                    "with anyio.move_on_after(5, shield=True): ...",
                )
                return


def _cleanups(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Try):
            yield node.finalbody
            for handler in node.handlers:
                if _catches_cancellation(handler.type):
                    yield handler.body


def _said(node: ast.AST) -> str | None:
    """Return how the line begins that a call of print writes, if the source says so."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
        return None
    first = node.args[0]
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    if node.func.id != "print" or not isinstance(first, ast.Constant):
        return None
    return first.value if isinstance(first.value, str) else None


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
