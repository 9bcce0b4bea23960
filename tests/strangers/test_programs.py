"""Programs whose authors know nothing of portable show the same on every backend.

Each file in `programs/` is rewritten after one that was published; its first lines say whose.
"""

from pathlib import Path

import pytest

from portable._backends import BACKENDS
from portable.equivalence import Reading, Verdict
from portable.equivalence.isolated import Isolated
from portable.equivalence.target import Target

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

PROGRAMS = sorted(Path(__file__).with_name("programs").glob("*.py"))
OTHERS = [name for name, one in BACKENDS.items() if one.installed and name != "asyncio"]


def cases() -> list[object]:
    """Return all programs; every sixth belongs to each build, the others to a release."""
    found: list[object] = []
    for number, one in enumerate(PROGRAMS):
        mark = pytest.mark.thorough if number % 6 else pytest.mark.slow
        found.append(pytest.param(one, id=one.stem, marks=mark))
    return found


@pytest.mark.parametrize("program", cases())
def test_a_program_is_equal_to_itself(program: Path) -> None:
    """A stranger's program, unedited, shows on trio what it shows on asyncio.

    On uvloop, which has words of its own, it shows the same each time.
    """
    isolated, target = Isolated(time_limit=60), Target.find(str(program))
    for backend in OTHERS:
        beside = "asyncio" if backend == "trio" else backend
        [right] = isolated.run(target, "original", beside)
        [run] = isolated.run(target, "original", backend)
        assert right.trace is not None, right.failure
        assert run.trace is not None, run.failure
        assert not right.trace.silent
        until = run.trace.ordered_until if backend == "trio" else 0.0
        found = Reading().compare(right.trace, run.trace, ordered_until=until)
        assert found.verdict is not Verdict.DIFFERENT, found.reasons
