"""Something slow in real time beside a sleep in virtual time: was it jumped over?"""

import anyio

SECONDS = 0.15  # real ones, that a thread or a peer takes; three thresholds


async def race(slow):
    """Run `slow` beside a sleep of 10 virtual seconds; tell who came first, and when."""
    came = []

    async def sleeper():
        await anyio.sleep(10)
        came.append(("sleeper", anyio.current_time()))

    async def other():
        await slow()
        came.append(("other", anyio.current_time()))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sleeper)
        tasks.start_soon(other)
    return came


OTHER_FIRST = [("other", 0.0), ("sleeper", 10.0)]
SLEEPER_FIRST = [("sleeper", 10.0), ("other", 10.0)]
