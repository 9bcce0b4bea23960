"""What a whole report says: of each end of a run, of schedules, of what has no other place."""

from dataclasses import replace

import pytest

from portable.clock._taken import Hold, Seed, Taken
from portable.equivalence.comparison import compare
from portable.equivalence.isolated import Run
from portable.equivalence.judging import Explored, Judged, Report, Unsteady
from portable.equivalence.rendering import render, text_of
from portable.equivalence.shrinking import Shrunk
from portable.equivalence.trace import ExceptionShape, Observation, Outcome, Trace
from portable.equivalence.worker import Failure


def line(text: str) -> Observation:
    return Observation(0.0, "stdout", text, writer=0)


RETURNED = Outcome(1.0, "None")


def trace(*seen: str, outcome: Outcome = RETURNED, backend: str = "asyncio") -> Trace:
    end = Observation(1.0, "outcome", str(outcome))
    return Trace("program", backend, (*map(line, seen), end), outcome)


def raised(name: str, *args: str) -> Outcome:
    return Outcome(1.0, exception=ExceptionShape(name, args))


REFERENCE = Judged("original", Run("asyncio", None, trace("a")))


def judged(
    port: Trace, seed: Seed | None = None, original: Trace | None = None, program: str = "port"
) -> Judged:
    run = Run(port.backend, seed, port)
    return Judged(program, run, compare(original or trace("a"), port))


def failed(
    backend: str, seed: Seed | None = None, kind: str = "crash", *details: str
) -> Judged:
    return Judged("port", Run(backend, seed, failure=Failure(kind, "it died", details)))  # type: ignore[arg-type]


def report(*rows: Judged, explored: tuple[Explored, ...] = ()) -> Report:
    return Report("original.py", "port.py", (REFERENCE, *rows), explored)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        (Outcome(1.0, "3"), "returned"),
        (raised("ValueError", "'no'"), "raised ValueError"),
        (raised("DeadlockError"), "deadlock"),
        (raised("SystemExit", "3"), "sys.exit(3)"),
        (raised("KeyboardInterrupt"), "Ctrl-C"),
        (Outcome(1.0, otherwise="exited with 3 at once"), "exited with 3 at once"),
    ],
)
def test_each_end_has_its_words(outcome: Outcome, words: str) -> None:
    """How a run ended stands in its row, in a few words."""
    text = text_of(report(judged(trace("a", outcome=outcome))))
    assert f"port      asyncio  different   1 s, {words}\n" in text


def test_a_backend_that_is_not_installed_is_told_with_the_remedy() -> None:
    """A row that was skipped says what to install."""
    text = text_of(report(Judged("port", Run("trio", None))))
    assert "trio     skipped     not installed; install it with: pip install " in text
    assert text.endswith("\n= equivalent: port.py")


def test_a_row_that_cannot_be_judged_says_why() -> None:
    """The note of a row without a comparison stands in the row, and in the first line."""
    row = Judged("port", Run("asyncio", None, trace("a")), note="its original failed")
    text = text_of(report(row))
    assert text.startswith("! port on asyncio: its original failed\n")
    assert "unjudged    1 s, returned: its original failed" in text


def test_a_crash_is_told_once_with_all_that_it_said() -> None:
    """A failure comes first, with its last words; the same one elsewhere, in a line."""
    words = [f"line {number}" for number in range(30)]
    rows = [failed(name, None, "crash", *words) for name in ("asyncio", "trio")]
    lines = text_of(report(*rows)).splitlines()
    assert lines[0] == "! port on asyncio: it died"
    assert "!   port      asyncio  crash       it died" in lines
    assert "    line 24" in lines
    assert "    line 25" not in lines
    assert lines.count("    line 0") == 1
    assert "! port on trio: as port on asyncio" in lines
    assert lines[-1] == "! NOT equivalent: port.py"


def test_an_original_that_differs_is_not_held_against_the_port() -> None:
    """Where the original itself differs on a backend, the report says that it does."""
    uvloop = judged(trace("b", backend="uvloop"), program="original")
    text = text_of(report(uvloop, judged(trace("a"))))
    assert "the original itself differs on uvloop; no port is blamed for that" in text
    assert text.splitlines()[-1] == "= equivalent: port.py"


@pytest.mark.parametrize(
    ("backend", "error", "hint"),
    [
        (
            "asyncio",
            raised("RuntimeError", "'must be called from async context'"),
            "--backends trio",
        ),
        ("trio", raised("RuntimeError", "'no running event loop'"), "use portable.run()"),
    ],
)
def test_calls_of_another_librarys_functions(backend: str, error: Outcome, hint: str) -> None:
    """A program that calls trio on asyncio, or asyncio in plain trio, is told what to do."""
    assert hint in text_of(report(judged(trace(outcome=error, backend=backend))))
    elsewhere = "asyncio" if backend == "trio" else "trio"
    assert hint not in text_of(report(judged(trace(outcome=error, backend=elsewhere))))


def test_an_original_that_is_never_the_same() -> None:
    """What an original shows differently each time is listed, five of them, with a remedy."""
    seen = [Unsteady(line(f"{number} first"), line(f"{number} then")) for number in range(6)]
    unsteady = replace(report(), unsteady=(Unsteady(None, line("more")), *seen))
    lines = text_of(unsteady).splitlines()
    assert "-     nothing" in lines
    assert "+     0.0 s  stdout  more" in lines
    assert "-     0.0 s  stdout  3 first" in lines
    assert not any("4 first" in one for one in lines)
    assert "      and 2 more" in lines
    assert "?   make the lines equal with --normalize REGEX, or give it a seed" in lines


def test_schedules_that_are_all_equivalent() -> None:
    """How many schedules ran and how many traces they made is told, in the singular, too."""
    found = (Explored("asyncio", 1, 1), Explored("trio", 20, 3))
    text = text_of(report(explored=found))
    assert "= asyncio: 1 schedule, 1 distinct trace, all equivalent\n" in text
    assert "= trio: 20 schedules, 3 distinct traces, all equivalent\n" in text


def test_schedules_that_fail() -> None:
    """Failing schedules are told by eight seeds and the first in full, with two commands."""
    held = Hold(2, 1, 1, 1, others=((2, 1, 1),))
    taken = Taken((held,), labels={1: "main", 2: "job"}, threads=True)
    wrong = replace(trace("b"), schedule=taken)
    rows = tuple(judged(wrong, seed) for seed in range(1, 11))
    found = Explored("asyncio", 20, 2, rows, Shrunk(taken, 3, 5))
    told = report(explored=(found,))
    rows_told = list(render(told, again=lambda backend, seed: f"again {backend} {seed}"))
    lines = [f"{mark} {text}" for mark, text in rows_told]
    assert (
        lines[0] == "! port on asyncio under seed 1: at 0 s 'b', where the original shows 'a'"
    )
    assert (
        "! asyncio: 20 schedules, 2 distinct traces, 10 failing; "
        "seeds: 1, 2, 3, 4, 5, 6, 7, 8 and 2 more" in lines
    )
    assert "    the shortest, seed 1:" in lines
    assert "    once more: again asyncio 1" in lines
    assert "    shrunk to 1 of 3 steps out of order, in 5 runs:" in lines
    assert "    this alone: again asyncio 2.1-1.1" in lines
    assert "?   threads take part, whose order no seed decides: it may not fail again" in lines
    assert "again" not in text_of(told).replace("fail again", "")


def test_a_schedule_that_hangs() -> None:
    """Where only a schedule takes too long, it is told what lets it take longer."""
    found = Explored("trio", 2, 1, (failed("trio", 7, "hang"),))
    lines = text_of(report(explored=(found,))).splitlines()
    assert "?   portable compare --time-limit SECONDS waits for it" in lines
    found = Explored("trio", 2, 1, (failed("trio", 7, "crash"),))
    assert "--time-limit" not in text_of(report(explored=(found,)))


def test_schedules_under_which_nothing_was_seen() -> None:
    """Schedules that cannot be judged do not fail: why they cannot is told in one line."""
    silent = Judged("port", Run("asyncio", 1, trace()), note="nothing was seen of it")
    found = Explored("asyncio", 1, 1, (silent,))
    text = text_of(report(explored=(found,)))
    assert "! asyncio: 1 schedule, 1 distinct trace: nothing was seen of it\n" in text
    assert "failing" not in text


def test_a_schedule_that_crashes() -> None:
    """A failing schedule without a trace has its row below its seed."""
    found = Explored("trio", 2, 1, (failed("trio", 7),))
    lines = text_of(report(explored=(found,))).splitlines()
    assert lines[0] == "! port on trio under seed 7: it died"
    assert lines[lines.index("    the shortest, seed 7:") + 1].endswith("crash       it died")
