"""Phases that depend on each other, with AnyIO."""

import anyio


async def phase(number):
    print(f"in phase {number}")
    await anyio.sleep(0.1 * number)
    print(f"done with phase {number}")
    return f"phase {number} result"


async def main():
    print("starting main")
    results = {}

    async def run(i):
        results[i] = await phase(i)

    with anyio.move_on_after(0.15):
        async with anyio.create_task_group() as tasks:
            for i in range(3):
                tasks.start_soon(run, i)
    pending = [i for i in range(3) if i not in results]
    print(f"{len(results)} completed and {len(pending)} pending")
    for i in pending:
        print(f"cancelled {i}")
    print(sorted(results.values()))
    print("exiting main")


anyio.run(main)
