"""What it takes to import a library into a Python that has just started.

The time is that of the import statement alone, told by the new Python itself.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from portable.bench._measure import Sample
from portable.bench._operations import Operation, Workload
from portable.bench._results import NATIVE

IMPORT = Operation(
    "import",
    "Import, against `import anyio`",
    {
        "smoke": (Workload("fresh", 1),),
        "small": (Workload("fresh", 1, peers=False),),
        "full": (Workload("fresh", 1),),
    },
    loops=False,
    elsewhere=True,
)

_TIMED = """
from time import perf_counter
start = perf_counter()
{statement}
print(perf_counter() - start)
"""


async def imported(sample: Sample, _needed: object = None, *, statement: str) -> None:
    """Run the statement in a new Python."""
    script = _TIMED.format(statement=statement)
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True
    )
    sample.results = [0]
    sample.record(float(done.stdout))


IMPORT.by(NATIVE)(partial(imported, statement="import anyio"))
IMPORT.by("asyncio")(partial(imported, statement="import asyncio"))
IMPORT.by("portable")(partial(imported, statement="import portable"))
# Both libraries load most of themselves when it is first used.
for _name in ("anyio", "portable"):
    _first_run = f"import {_name}; {_name}.run({_name}.sleep, 0)"
    IMPORT.by(f"{_name}, first run")(partial(imported, statement=_first_run))
IMPORT.by("portable, every name")(partial(imported, statement="from portable import *"))
IMPORT.by("trio", needs="trio", peer=True)(partial(imported, statement="import trio"))
for _peer in ("asyncer", "aioresult", "aiometer", "anyioutils", "quattro", "aiotools"):
    IMPORT.by(_peer, needs=_peer, peer=True)(partial(imported, statement=f"import {_peer}"))
