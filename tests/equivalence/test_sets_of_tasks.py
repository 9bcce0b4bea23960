"""Sets of tasks, whose order is chance."""

from collections.abc import Callable

import pytest

from portable.equivalence import compare_programs
from portable.equivalence.rendering import text_of
from portable.equivalence.sets_of_tasks import goes_through_sets

pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

HINT = "it goes through a set of tasks"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("for one in done: print(one)", True),
        ("print([one.result() for one in left])", True),
        ("print(list(done)[0])", True),
        ("done.pop()", True),
        ("for number, one in enumerate(done): print(one)", True),
        ("for one in asyncio.all_tasks(): one.cancel()", True),
        ("mine = asyncio.all_tasks()\n    for one in mine: one.cancel()", True),
        ("for one in sorted(done, key=name): print(one)", False),
        ("for one in tasks: print(one in done)", False),
        ("print(len(done))", False),
        ("print(await event.wait())\n    for one in event: print(one)", False),
        ("no Python", False),
    ],
)
def test_who_goes_through_them(body: str, told: bool) -> None:
    """What wait() or all_tasks() returned is taken in the set's own order, or is not."""
    source = f"async def main():\n    done, left = await asyncio.wait(tasks)\n    {body}\n"
    assert goes_through_sets(source) is told


@pytest.mark.slow
def test_a_difference_comes_with_what_helps(write: Callable[..., str]) -> None:
    """A report says so if something differs, and only then."""
    original = """
import asyncio
async def main():
    tasks = [asyncio.create_task(asyncio.sleep(1, number)) for number in range(3)]
    done, _ = await asyncio.wait(tasks)
    print(sum([task.result() for task in done]))
asyncio.run(main())
"""
    program = write(original, "original.py")
    port = write(original.replace("range(3)", "range(4)"), "port.py")
    for judged, told in ((program, False), (port, True)):
        report = compare_programs(program, judged, backends=["asyncio"])
        assert (HINT in text_of(report)) is told
