"""Traces: what of a run is kept, and in which form."""

import json

import pytest

from portable import DeadlockError
from portable.equivalence import ExceptionShape, Observation, Outcome, Program, Trace
from portable.equivalence.noise import normalised
from portable.equivalence.trace import rounded, shown


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("<object object at 0x7f12ab34cd56>", "<object object at 0x...>"),
        ("<coroutine object main.<locals>.f at 0x1a2>", "<coroutine object f at 0x...>"),
        ("<function a.b.main.<locals>.g.<locals>.h at 0x1a2>", "<function h at 0x...>"),
        ("<Job.run running at /a/b.py:12>", "<Job.run running at ...>"),
        ("colour 0xff8800", "colour 0xff8800"),
        ("main.py: 12", "main.py: 12"),
    ],
)
def test_normalised(raw: str, kept: str) -> None:
    """What differs between two runs of one program is taken out, and nothing else."""
    assert normalised(raw) == kept


def test_shown_survives_a_broken_repr() -> None:
    """A result whose repr raises is still an outcome."""

    class Broken:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    assert shown(Broken()) == "<Broken: its repr raised ZeroDivisionError>"


def test_rounded_hides_the_order_of_addition() -> None:
    """Times that differ by the order in which floats were added are one time."""
    assert rounded(0.1 + 0.2) == rounded(0.3)
    assert rounded(0.3) != rounded(0.300000002)


def test_exceptions_compare_by_class_name_and_arguments() -> None:
    """Classes of one name are one class, as a port defines its own anew."""
    one, other = (type("JobError", (Exception,), {}) for _ in range(2))
    assert ExceptionShape.of(one("x")) == ExceptionShape.of(other("x"))
    assert ExceptionShape.of(one("x")) != ExceptionShape.of(other("y"))
    assert ExceptionShape.of(one("x")) != ExceptionShape.of(ValueError("x"))


def test_exceptions_compare_by_notes_and_cause() -> None:
    """A note or a cause that is missing is a difference."""

    def error(note: str | None = None, cause: BaseException | None = None) -> ValueError:
        made = ValueError("x")
        if note:
            made.add_note(note)
        made.__cause__ = cause
        return made

    plain = ExceptionShape.of(error())
    assert plain != ExceptionShape.of(error(note="while fetching"))
    assert plain != ExceptionShape.of(error(cause=KeyError("k")))
    assert "cause: KeyError('k')" in str(ExceptionShape.of(error(cause=KeyError("k"))))


def test_the_members_of_a_group_have_no_order() -> None:
    """Two groups of the same members are the same; nesting and number count."""
    a, b = ValueError("a"), KeyError("b")
    shape = ExceptionShape.of(ExceptionGroup("both", [a, b]))
    assert shape == ExceptionShape.of(ExceptionGroup("both", [b, a]))
    assert shape != ExceptionShape.of(ExceptionGroup("both", [a]))
    nested = ExceptionGroup("both", [ExceptionGroup("both", [a, b])])
    assert shape != ExceptionShape.of(nested)


def test_a_circle_of_causes_ends() -> None:
    """An exception that is its own cause's cause can be described."""
    a, b = ValueError("a"), KeyError("b")
    a.__cause__, b.__cause__ = b, a
    assert str(ExceptionShape.of(a)) == "ValueError('a')\n  cause: KeyError('b')"


def test_deadlocks_are_alike() -> None:
    """A deadlock is one outcome, whatever a backend calls the tasks that wait."""
    one, other = DeadlockError(("Task-1",)), DeadlockError(("main", "fetch"))
    assert ExceptionShape.of(one) == ExceptionShape.of(other)


def test_the_writer_is_not_compared() -> None:
    """Two lines are equal even if tasks of other numbers wrote them."""
    assert Observation(0.0, "stdout", "x", writer=1) == Observation(0.0, "stdout", "x")


def test_a_trace_is_plain_data() -> None:
    """A trace can be written as JSON, with its duration."""
    outcome = Outcome(3.0, exception=ExceptionShape.of(ValueError("x")))
    trace = Trace("p", "trio", (Observation(0.0, "stdout", "hello"),), outcome)
    data = json.loads(json.dumps(trace.as_dict()))
    assert data["duration"] == 3.0
    assert data["observations"][0]["text"] == "hello"
    assert data["outcome"]["exception"]["name"] == "ValueError"


def test_a_program_is_a_function() -> None:
    """A coroutine is refused, with the right call, and is not left un-awaited."""

    async def main() -> None: ...

    with pytest.raises(TypeError, match=r"write Program\('p', main\) and not"):
        Program("p", main())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="main: a coroutine function is needed, not 3"):
        Program("p", 3)  # type: ignore[arg-type]


def test_a_program_has_a_known_starter() -> None:
    """An unknown starter is refused with a list of the known ones."""

    async def main() -> None: ...

    with pytest.raises(ValueError, match="known are: asyncio, anyio, plain"):
        Program("p", main, starter="curio")  # type: ignore[arg-type]
    assert Program("p", main).starter == "asyncio"
