"""Why a program may differ: what its traces and its source look like.

What is found here is a hint and changes no verdict. Two kinds of evidence are put together:
what one side shows and the other does not, and lines of the port's source that do what goes
wrong in a scope that is cancelled. A hint is either one of the differences that asyncio's names
have on trio, and named by its number, or a fact about AnyIO, which a port is written against.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from portable._differences import difference

from .comparison import Comparison, Verdict
from .trace import Observation

GUIDE = "docs/differences.md"


@dataclass(frozen=True, slots=True)
class Cause:
    """What may be behind a difference that was found.

    Attributes:
        sentence: what speaks for it.
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


_INTERRUPT = re.compile(r"KeyboardInterrupt|SystemExit")
_ORDER = "say what comes first: await group.start(...), an event, or one task for both"


def causes(comparison: Comparison, source: str | None = None) -> tuple[Cause, ...]:
    """Return what may be behind a difference, the likeliest first.

    Args:
        comparison: two traces that part.
        source: the source of the port, if it is at hand.
    """
    if comparison.verdict in (Verdict.SAME, Verdict.DECLARED):
        return ()
    numbered = list(_on_trio(comparison, source)) if comparison.port.backend == "trio" else []
    classes = list(_in_classes(comparison))
    found = [*numbered, *classes, *_in_traces(comparison)]
    # Where a class tells what happened, lines that may do harm are beside the point.
    if source is not None and comparison.verdict is Verdict.DIFFERENT and not classes:
        found += _in_source(source, comparison)
    return tuple(dict.fromkeys(found))


def _sides(comparison: Comparison) -> tuple[list[Observation], list[Observation]]:
    """Return what the original alone shows, and what the port alone shows."""
    surplus = Counter(comparison.original.observations)
    surplus.subtract(comparison.port.observations)
    gone = [seen for seen, count in surplus.items() if count > 0]
    new = [seen for seen, count in surplus.items() if count < 0]
    return gone, new


def _texts(observations: list[Observation]) -> str:
    return "\n".join(seen.text for seen in observations)


def _on_trio(comparison: Comparison, source: str | None) -> Iterator[Cause]:
    gone, new = _sides(comparison)
    left, right = _texts(gone), _texts(new)
    parting = comparison.parting
    if parting is not None and parting.time >= comparison.port.ordered_until:
        if not gone and not new:
            words = "both sides show the same within the instant, in another order"
            yield Cause(words, _ORDER, "T1")
        elif _one_overtook_another(comparison, gone, new):
            words = "the same lines come, at other times: one task overtook another"
            yield Cause(words, _ORDER, "T1")
    if "CancelledError" in left and "BaseExceptionGroup" in right:
        yield Cause(
            "a cancellation of asyncio's passed through a nursery and came out in a group",
            "catch it inside of the group, or with `except* asyncio.CancelledError:`",
            "T2",
        )
    if "shield" in (source or "") and gone and _later(gone, new):
        yield Cause(
            "the same lines come later: a shield in the source may hold a cancel() back",
            "cancel what waits behind the shield in another way: an event, or a scope inside",
            "T3",
        )
    if re.search(r"inside a task|determine the parent task", right):
        yield Cause(
            "something needs the current task of asyncio's where there is none",
            "write anyio.fail_after() and anyio.create_task_group() in tasks of AnyIO's",
            "T5",
        )


def _later(gone: list[Observation], new: list[Observation]) -> bool:
    """Say whether the port shows the same lines as the original, none earlier."""
    if sorted(seen.text for seen in gone) != sorted(seen.text for seen in new):
        return False
    times = {seen.text: seen.time for seen in gone}
    return all(seen.time >= times[seen.text] for seen in new)


def _in_classes(comparison: Comparison) -> Iterator[Cause]:
    gone, new = _sides(comparison)
    left, right = _texts(gone), _texts(new)
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
    if _INTERRUPT.search(left) and "ExceptionGroup" in right:
        yield Cause(
            "AnyIO's task group put an interrupt or exit of a task into a group",
            "return from main and exit there, or use `except* SystemExit:`",
        )


def _in_traces(comparison: Comparison) -> Iterator[Cause]:
    gone, new = _sides(comparison)
    left, right = _texts(gone), _texts(new)
    if _INTERRUPT.search(left):
        pass
    elif "never retrieved" in left:
        yield Cause(
            "the original only logged an error that nobody retrieved; a task group raises it",
            "catch inside of the task what may be lost",
        )
    elif re.search(r"\bExceptionGroup", right) and "ExceptionGroup" not in left:
        yield Cause(
            "the port raised a group where the original raised a bare exception",
            "catch the error inside of the task group, or with `except* ValueError:`",
        )
    if any(seen.stream == "tasks" for seen in gone):
        yield Cause(
            "the original left a task running that the port waits for or ends",
            "open the group further out, or cancel the task where the original forgot it",
        )
    elif any(seen.stream == "tasks" for seen in new):
        yield Cause(
            "the port leaves a task running that the original ends",
            "cancel the task and await it, or let a group own it",
        )
    if ("TimeoutError" in left) != ("TimeoutError" in right):
        yield Cause(
            "a time limit told on one side alone",
            "do not block past a deadline: await anyio.to_thread.run_sync(...)",
        )


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
            if isinstance(node, ast.Call) and _name(node.func) in _ENDS_THE_OTHERS:
                yield Cause(
                    f"line {node.lineno}: {_name(node.func)}() ends the others when one fails; "
                    "in the original they go on",
                    "catch the error inside of the task, before the others are ended",
                )
    if not _uses_scopes(tree):
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
                    f"line {handler.lineno} swallows a cancellation; that of an AnyIO scope "
                    "comes again at the next await",
                    "let what has to go on stand outside of the scope that is cancelled",
                )
        for body in cleanups:
            for inner in _inside(body):
                if isinstance(inner, ast.Await):
                    yield Cause(
                        f"line {inner.lineno} awaits in a clean-up without a shield; in an "
                        "AnyIO scope that is cancelled, that await is cancelled, too",
                        "with anyio.move_on_after(5, shield=True): ...",
                    )
                    break


_ENDS_THE_OTHERS = {"create_task_group", "open_nursery", "race", "TaskGroup"}


def _uses_scopes(tree: ast.Module) -> bool:
    """Say whether a source imports what cancels at every await."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        if any(name.partition(".")[0] in ("anyio", "trio") for name in names):
            return True
    return False


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
