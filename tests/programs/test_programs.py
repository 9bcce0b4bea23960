"""Realistic programs and their ports, a folder each, compared as files."""

from pathlib import Path

import pytest

from portable._backends import installed_backends
from portable.equivalence import compare_programs
from portable.equivalence.rendering import text_of

pytestmark = pytest.mark.thorough

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

FOLDER = Path(__file__).parent
PROGRAMS = sorted(path.name for path in FOLDER.iterdir() if (path / "port.py").exists())
# asyncio's TaskGroup cancels its tasks in the order of a set, which differs from run to run.
ORDER_OF_A_SET = {"sensors"}
REAL_TIME = {"echo_server"}


def test_there_are_enough() -> None:
    """There are ten programs of 20 to 150 lines at least, one of them with real sockets."""
    assert len(PROGRAMS) >= 10
    assert set(PROGRAMS) >= REAL_TIME
    for name in PROGRAMS:
        assert 20 <= len((FOLDER / name / "original.py").read_text().splitlines()) <= 150, name


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_port_is_equivalent(name: str) -> None:
    """Original and port do the same, on every backend, the port under any schedule."""
    real = name in REAL_TIME
    report = compare_programs(
        str(FOLDER / name / "original.py"),
        str(FOLDER / name / "port.py"),
        backends=installed_backends(),
        real_time=real,
        seeds=() if real else range(5),
        time_limit=60,
    )
    assert report.equivalent, text_of(report)
    verdicts = {
        row.run.backend: row.verdict for row in report.rows if row.program == "original"
    }
    assert verdicts.pop("asyncio") == "reference"
    # uvloop has an order of its own among timers of one instant; on trio it is asyncio's.
    assert verdicts.pop("uvloop", "same") in {"same", "reordered"}, text_of(report)
    right = {"same", "reordered"} if name in ORDER_OF_A_SET else {"same"}
    assert verdicts.pop("trio", "same") in right, text_of(report)
    trace = report.rows[0].run.trace
    assert trace is not None
    assert len(trace.lines("stdout")) >= 3


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_slip_is_found(name: str, tmp_path: Path) -> None:
    """A port whose printing is changed is different from the original."""
    port = tmp_path / "port.py"
    port.write_text((FOLDER / name / "port.py").read_text().replace("print(", "print('so:', "))
    report = compare_programs(
        str(FOLDER / name / "original.py"),
        str(port),
        backends=["asyncio"],
        real_time=name in REAL_TIME,
        time_limit=60,
    )
    assert [row.verdict for row in report.rows] == ["reference", "different"]
