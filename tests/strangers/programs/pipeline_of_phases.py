"""Phases that depend on each other.

After Doug Hellmann, *Python 3 Module of the Week*.
"""

import asyncio


async def phase(number):
    print(f"in phase {number}")
    await asyncio.sleep(0.1 * number)
    print(f"done with phase {number}")
    return f"phase {number} result"


async def main():
    print("starting main")
    phases = [asyncio.create_task(phase(i), name=str(i)) for i in range(3)]
    completed, pending = await asyncio.wait(phases, timeout=0.15)
    print(f"{len(completed)} completed and {len(pending)} pending")
    for task in sorted(pending, key=asyncio.Task.get_name):
        task.cancel()
        print(f"cancelled {task.get_name()}")
    print(sorted(task.result() for task in completed))
    print("exiting main")


event_loop = asyncio.new_event_loop()
try:
    event_loop.run_until_complete(main())
finally:
    event_loop.close()
