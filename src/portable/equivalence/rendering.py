"""Step 6: render a report as text.

The text is plain ASCII as far as the programs' own output is, so that it reads the same in a
terminal, in a log and in a test's failure. Each line has a mark, by which it may get a colour:
` ` none, `-` the original's, `+` the port's, `|` both, `!` bad, `=` good, `?` a hint.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from portable._backends import BACKENDS
from portable.clock._taken import Seed

from .comparison import Comparison, Verdict
from .facts import what_happened
from .report import Explored, Judged, Report
from .scope import scope_of
from .shrinking import in_words
from .side_by_side import Row, side_by_side
from .trace import DRAWS, Trace

_FAILING_SHOWN = 8
_DETAILS_SHOWN = 25
_UNSTEADY_SHOWN = 5


def render(
    report: Report, *, width: int = 100, again: Callable[[str, Seed], str] | None = None
) -> Iterator[Row]:
    """Yield the lines of a report.

    Args:
        report: what was found.
        width: how many characters a line may have.
        again: returns the command that repeats a schedule: called with backend and seed.
    """
    yield from _first_line(report)
    yield " ", f"original: {report.original}"
    yield " ", f"port:     {report.port}"
    failures: dict[str, str] = {}
    for row in report.rows:
        yield ("=" if row.equivalent else "!"), _in_a_line(row, failures)
    yield from _render_unsteady(report)
    if _hangs(report.rows[0]):
        yield " ", ""
        yield (
            "?",
            "  portable compare --until SECONDS leaves a service that never ends at that time;",
        )
        yield "?", "  --time-limit SECONDS waits longer for a program that takes long"
    elif any(_hangs(one) for found in report.explored for one in found.failing):
        yield " ", ""
        yield "?", "  a program with many tasks takes far longer under a schedule:"
        yield "?", "  portable compare --time-limit SECONDS waits for it"
    yield from _by_chance(report)
    shown: dict[object, str] = {}
    yield from render_rows(report.rows, width, shown)
    for found in report.explored:
        yield from render_schedules(found, width, again, shown)
    for line in scope_of(report):
        yield " ", line
    verdict = "equivalent" if report.equivalent else "NOT equivalent"
    verdict = verdict if report.judged else "NOT judged"
    yield ("=" if report.equivalent else "!"), f"{verdict}: {report.port}"


def _first_line(report: Report) -> Iterator[Row]:
    """Say what happened in the first row or schedule that speaks against the port.

    If the original differs from itself, that comes first, as no port can do the same.
    """
    if report.unsteady and not report.equivalent:
        one = report.unsteady[0]
        seen = one.first or one.then
        time = "" if seen is None else f", first at {seen.time:g} s"
        lines = "1 line" if len(report.unsteady) == 1 else f"{len(report.unsteady)} lines"
        yield "!", f"the original differs from itself in {lines}{time}"
    under = [one for found in report.explored for one in found.failing]
    for row in (*report.rows, *under):
        if row.equivalent:
            continue
        if row.run.failure is not None:
            what = row.run.failure.message
        elif row.comparison is not None:
            what = what_happened(row.comparison)
        else:
            what = row.note or row.verdict
        seed = "" if row not in under else f" under seed {row.run.seed}"
        yield "!", f"{row.program} on {row.run.backend}{seed}: {what}"
        return


def _hangs(row: Judged) -> bool:
    return row.run.failure is not None and row.run.failure.kind == "hang"


def _by_chance(report: Report) -> Iterator[Row]:
    """Say what may make a program differ from itself, and what helps, if something differs."""
    if report.equivalent:
        return
    if any(DRAWS in trace.unseen for trace in report.traces()):
        yield " ", ""
        yield (
            "?",
            "  it draws from `random`: in another order, tasks draw each other's numbers;",
        )
        yield "?", "  a random.Random(seed) for each task gives it its own in any order"
    if report.sets_of_tasks:
        yield " ", ""
        yield "?", "  it goes through a set of tasks, as asyncio.wait() and all_tasks() return:"
        yield "?", "  its order is chance; go through a list, or sorted(..., key=Task.get_name)"


def _render_unsteady(report: Report) -> Iterator[Row]:
    if not report.unsteady:
        return
    yield " ", ""
    yield "!", "the original differs from itself, run twice in the same order:"
    for one in report.unsteady[:_UNSTEADY_SHOWN]:
        yield "-", f"    {'nothing' if one.first is None else one.first}"
        yield "+", f"    {'nothing' if one.then is None else one.then}"
    if (more := len(report.unsteady) - _UNSTEADY_SHOWN) > 0:
        yield " ", f"    and {more} more"
    yield (
        "?",
        "  it draws on what is not seeded, such as uuid4(), os.urandom() or a real clock;",
    )
    yield "?", "  make the lines equal with --normalize REGEX, or give it a seed"


def render_rows(rows: Iterable[Judged], width: int, shown: dict[object, str]) -> Iterator[Row]:
    """Yield the lines about what differs in some rows.

    Args:
        rows: the rows.
        width: how many characters a line may have.
        shown: the differences that were rendered before, and where; gets those of the rows.
    """
    for row in rows:
        yield from _render_once(row, width, shown)


def text_of(report: Report, **options: object) -> str:
    """Return a report as plain text, each line with its mark."""
    return "\n".join(f"{mark} {line}".rstrip() for mark, line in render(report, **options))  # type: ignore[arg-type]


def ended(trace: Trace) -> str:
    """Return in a few words how a run ended."""
    error = trace.outcome.exception
    if trace.outcome.otherwise is not None:
        return trace.outcome.otherwise
    if error is None:
        return "returned"
    if error.name == "DeadlockError":
        return "deadlock"
    if error.name == "SystemExit":
        return f"sys.exit({', '.join(error.args)})"
    return "Ctrl-C" if error.name == "KeyboardInterrupt" else f"raised {error.name}"


def _in_a_line(row: Judged, failures: dict[str, str]) -> str:
    """Render a run in one line; a failure that came before, by the run that had it."""
    line = f"  {row.program:<9} {row.run.backend:<8} {row.verdict:<11}"
    if row.run.failure is not None:
        message, name = row.run.failure.message, f"{row.program} on {row.run.backend}"
        first = failures.setdefault(message, name)
        return f"{line} {message if first == name else f'as {first}'}"
    if row.run.trace is not None:
        line += f" {row.run.trace.duration:g} s, {ended(row.run.trace)}"
    if row.note:
        line += f": {row.note}"
    if row.verdict == "skipped":
        line += f" not installed; install it with: {BACKENDS[row.run.backend].install_command}"
    return line


def _render_once(row: Judged, width: int, shown: dict[object, str]) -> Iterator[Row]:
    """Render a difference in full the first time; after that, name the row that has it."""
    found, failure = row.comparison, row.run.failure
    name = f"{row.program} on {row.run.backend}"
    if found is not None and found.parting is not None and not row.equivalent:
        parting = found.parting
        key: object = (parting.time, parting.original, parting.port, row.causes)
    elif failure is not None and failure.details:
        # Stacks name threads by their addresses.
        key = (failure.kind, failure.message, failure.details[1:])
    else:
        yield from _render_row(row, width)
        return
    if key in shown:
        yield " ", ""
        yield "!", f"{name}: as {shown[key]}"
        return
    shown[key] = name
    yield from _render_row(row, width)


def _render_row(row: Judged, width: int) -> Iterator[Row]:
    failure, found = row.run.failure, row.comparison
    if failure is not None and failure.details:
        yield " ", ""
        yield "!", f"{row.program} on {row.run.backend}: {failure.message}"
        for detail in failure.details[:_DETAILS_SHOWN]:
            for line in detail.rstrip().split("\n"):
                yield " ", f"  {line}"
    if found is None or found.verdict is Verdict.SAME:
        return
    yield " ", ""
    yield ("=" if row.equivalent else "!"), _headline(row.program, found)
    yield from _reasons(found)
    if row.program == "original" and found.verdict is Verdict.DIFFERENT:
        backend = row.run.backend
        yield "?", f"  the original itself differs on {backend}; no port is blamed for that"
    if (hint := _native(found)) is not None:
        yield "?", f"  {hint}"
    for cause in row.causes:
        yield "?", f"  {cause}"
        yield "?", f"      {cause.remedy}"
    yield from _both_sides(found, width, row.program)


def explain(comparison: Comparison, width: int = 100) -> str:
    """Return a comparison as text, for people to read.

    Args:
        comparison: what `compare()` returned.
        width: how many characters a line may have.

    Returns:
        Lines of text: the verdict, each reason for it, the declared differences that
        occur, and both sides from the first instant on where they part.
    """
    rows = [
        (" ", _headline(comparison.port.program, comparison)),
        *_reasons(comparison),
        *_both_sides(comparison, width),
    ]
    return "\n".join(f"{mark} {line}".rstrip() for mark, line in rows)


def _reasons(found: Comparison) -> Iterator[Row]:
    if found.verdict is Verdict.DIFFERENT:
        yield " ", f"  {what_happened(found)}"
    for remark in found.remarks:
        yield " ", f"  {remark}"
    for one in found.declared:
        yield " ", f"  declared {one.id}: {one.reason}"
        for mark, side in (("-", one.original), ("+", one.port)):
            for seen in side:
                yield from ((mark, f"    {line}") for line in str(seen).split("\n"))


def _both_sides(found: Comparison, width: int, program: str = "port") -> Iterator[Row]:
    if found.verdict is not Verdict.DIFFERENT:
        return
    yield from side_by_side(found, width, program)
    details = [line for seen in found.port.observations for line in seen.details]
    for detail in details[:_DETAILS_SHOWN]:
        yield " ", f"  ({detail})"


def _native(found: Comparison) -> str | None:
    """Return what to do where a program calls a library's functions on another's loop."""
    error = found.port.outcome.exception
    words = "" if error is None else str(error.args)
    on_trio = found.port.backend == "trio"
    if "must be called from async context" in words and not on_trio:
        return "it calls functions of trio itself; judge it with --backends trio"
    if "no running event loop" in words and on_trio:
        return "it calls functions of asyncio, whose loop is not up there; use portable.run()"
    return None


def _headline(program: str, found: Comparison) -> str:
    words = {
        Verdict.REORDERED: "reordered, as the original can be",
        Verdict.DECLARED: "differs as declared",
        Verdict.DIFFERENT: "different",
        Verdict.SAME: "same",
    }[found.verdict]
    return f"{program} on {found.port.backend}: {words} (original on {found.original.backend})"


def render_schedules(
    found: Explored,
    width: int,
    again: Callable[[str, Seed], str] | None,
    shown: dict[object, str],
) -> Iterator[Row]:
    """Yield the lines about the schedules of a port on one backend.

    Args:
        found: what they came to.
        width: how many characters a line may have.
        again: returns the command that repeats a schedule.
        shown: the differences that were rendered before, and where; gets those found here.
    """
    yield " ", ""
    traces = "trace" if found.distinct == 1 else "traces"
    schedules = "schedule" if found.schedules == 1 else "schedules"
    line = f"{found.backend}: {found.schedules} {schedules}, {found.distinct} distinct {traces}"
    if not found.failing:
        yield "=", f"{line}, all equivalent"
        return
    first = found.failing[0]
    if first.verdict == "unjudged":  # it comes behind whatever differs
        yield "!", f"{line}: {first.note}"
        return
    seeds = [one.run.seed for one in found.failing]
    names = ", ".join(map(str, seeds[:_FAILING_SHOWN]))
    more = len(seeds) - _FAILING_SHOWN
    names += f" and {more} more" if more > 0 else ""
    yield "!", f"{line}, {len(seeds)} failing; seeds: {names}"
    yield " ", f"  the shortest, seed {first.run.seed}:"
    if first.run.failure is not None:
        yield "!", _in_a_line(first, {})
    yield from _render_once(first, width, shown)
    if again is not None and first.run.seed is not None:
        yield " ", f"  once more: {again(found.backend, first.run.seed)}"
    if found.shrunk is not None:
        yield " ", f"  {found.shrunk.headline}:"
        yield "?", f"    {in_words(found.shrunk.taken)}"
        if again is not None:
            yield " ", f"  this alone: {again(found.backend, found.shrunk.taken.replay)}"
    if found.threads:
        yield "?", "  threads take part, whose order no seed decides: it may not fail again"
