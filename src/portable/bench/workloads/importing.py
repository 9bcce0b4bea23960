"""Import a library in a Python that has just started.

The new Python itself measures the import statement.
"""

from __future__ import annotations

import subprocess
import sys
from functools import partial

from portable.bench._measurement import Sample
from portable.bench._operations import FOOTPRINT, Operation, Workload
from portable.bench._results import NATIVE, PORTABLE

IMPORT = Operation(
    "import",
    "Import, against `import anyio`",
    {
        "smoke": (Workload("fresh", 1, peers=False),),
        "small": (Workload("fresh", 1, peers=False),),
        "full": (Workload("fresh", 1),),
    },
    loops=False,
    elsewhere=True,
    theme=FOOTPRINT,
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
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        text=True,
        start_new_session=True,  # Ctrl-C is for whoever measures
    )
    sample.results = [0]
    sample.record(float(done.stdout))


IMPORT.by(NATIVE)(partial(imported, statement="import anyio"))
IMPORT.by("asyncio")(partial(imported, statement="import asyncio"))
IMPORT.by(PORTABLE)(partial(imported, statement="import portable"))
# Both libraries load most of their modules only at the first run.
_FIRST_RUN = """
import {0}, {1}
async def main():
    await {1}.sleep(0)
{0}.run(main{2})
"""
IMPORT.by("anyio, first run")(
    partial(imported, statement=_FIRST_RUN.format("anyio", "anyio", ""))
)
IMPORT.by("portable, first run")(
    partial(imported, statement=_FIRST_RUN.format("portable", "asyncio", ""))
)
IMPORT.by("anyio, first run on trio", needs="trio")(
    partial(imported, statement=_FIRST_RUN.format("anyio", "anyio", ", backend='trio'"))
)
IMPORT.by("portable, first run on trio", needs="trio")(
    partial(imported, statement=_FIRST_RUN.format("portable", "asyncio", ", backend='trio'"))
)
IMPORT.by("trio", needs="trio", peer=True)(partial(imported, statement="import trio"))
