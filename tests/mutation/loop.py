"""Break asyncio's loop on trio, and what asyncio lacks; see whether a test finds out.

cosmic-ray makes the mutants: each is the source with one small change. Some hundred of its
two thousand, drawn by a seed, are enough for a score. The working tree is changed on the way,
so run it in a copy:

    python tests/mutation/loop.py SESSION [COUNT [SEED]]

A session that was stopped goes on where it was. `loop_survivors.md` explains those that lived.
"""

from __future__ import annotations

import argparse
import random
import subprocess
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkItem

CONFIG = Path(__file__).with_name("loop.toml")


def main(session: str, count: int, seed: int) -> None:
    """Make the mutants, keep so many of them, try each, and print who lives."""
    subprocess.run(["cosmic-ray", "baseline", CONFIG], check=True)  # without a change all pass
    if not Path(session).exists():
        subprocess.run(["cosmic-ray", "init", CONFIG, session], check=True)
        with use_db(session, WorkDB.Mode.open) as work:
            keep(work, count, seed)
    subprocess.run(["cosmic-ray", "exec", CONFIG, session], check=True)
    with use_db(session, WorkDB.Mode.open) as work:
        tell(work)


def keep(work: WorkDB, count: int, seed: int) -> None:
    """Leave a sample of what means something: `|` stands in annotations alone."""
    items = [item for item in work.work_items if not is_annotation(item)]
    sample = random.Random(seed).sample(items, min(count, len(items)))
    work.clear()
    work.add_work_items(sample)


def is_annotation(item: WorkItem) -> bool:
    """Whether a mutant changes types alone, which nobody evaluates."""
    return any("BitOr" in change.operator_name for change in item.mutations)


def tell(work: WorkDB) -> None:
    """Print the survivors with what was changed, and the score."""
    results = dict(work.results)
    for item in work.work_items:
        result = results.get(item.job_id)
        if result is None or result.test_outcome is not TestOutcome.SURVIVED:
            continue
        for change in item.mutations:
            print(f"{change.module_path}:{change.start_pos[0]} {change.operator_name}")
        print(result.diff or "")
    killed = sum(result.test_outcome is TestOutcome.KILLED for result in results.values())
    print(f"{killed} of {len(results)} mutants are killed ({killed / len(results):.1%})")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("session", help="a file, which is made unless it is there")
    parser.add_argument("count", nargs="?", type=int, default=200)
    parser.add_argument("seed", nargs="?", type=int, default=0)
    main(**vars(parser.parse_args()))
