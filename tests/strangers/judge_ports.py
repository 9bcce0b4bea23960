"""Judge the right and the wrong ports of strangers' programs, and count what is judged right.

    python tests/strangers/judge_ports.py [PROGRAM...]

Each program is run against itself, then against its right port, then against that port with
each of the three mistakes in `mistakes.py`, on every backend that is installed. The runs of a
program itself are made once for all five. It prints a line for each, and a table for
`docs/explanation/proof.md`. It takes many minutes, so it is no test.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from mistakes import MISTAKES

from portable._backends import installed_backends
from portable.equivalence.comparing import judge_programs
from portable.equivalence.isolated import Isolated
from portable.equivalence.judging import Batch, Measure
from portable.equivalence.rendering import render
from portable.equivalence.run import Run

HERE = Path(__file__).parent


class Judge:
    """Judges ports of one program.

    Args:
        isolated: where their runs are made.
        program: the original.
    """

    def __init__(self, isolated: Isolated, program: Path) -> None:
        self._isolated = isolated
        self._program = program
        self._known: dict[Batch, list[Run]] = {}

    def equivalent(self, label: str, port: Path) -> bool:
        """Say whether a port is equivalent; print what speaks against it, and real seconds."""
        began = time.monotonic()
        report = judge_programs(
            self._isolated,
            str(self._program),
            str(port),
            Measure(source=port.read_text()),
            backends=installed_backends(),
            known=self._known,
        )
        lines = [line for mark, line in render(report) if mark in "!?"]
        found = "equivalent" if report.equivalent else " / ".join(lines)[:400]
        print(f"  {label}: {found} ({time.monotonic() - began:.1f} s)", flush=True)
        return report.equivalent


def main(names: list[str]) -> int:
    """Judge; return the number of wrong judgements."""
    began, isolated = time.monotonic(), Isolated(time_limit=60)
    judged: Counter[str] = Counter()
    right: Counter[str] = Counter()

    def count(kind: str, *, is_right: bool, name: str) -> None:
        judged[kind] += 1
        right[kind] += is_right
        if not is_right:
            print(f"  JUDGED WRONG: {name}, {kind}")

    for name in names or sorted(MISTAKES):
        program, port = HERE / f"programs/{name}.py", HERE / f"ports/{name}.py"
        print(name, flush=True)
        judge = Judge(isolated, program)
        same = judge.equivalent("itself", program)
        count("equal to itself", is_right=same, name=name)
        same = judge.equivalent("right port", port)
        count("right ports equivalent", is_right=same, name=name)
        source = port.read_text()
        for kind, old, new in MISTAKES[name]:
            assert old in source, (name, kind)
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / f"{name}.py"
                file.write_text(source.replace(old, new))
                same = judge.equivalent(kind, file)
            count("wrong ports caught", is_right=not same, name=name)
    print(f"on {', '.join(installed_backends())}, in {time.monotonic() - began:.0f} s:")
    for kind, number in judged.items():
        print(f"{kind}: {right[kind]} of {number}")
    return (judged - right).total()


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1:])))
