"""Callbacks are scheduled now, later, and at a time.

After Doug Hellmann, *Python 3 Module of the Week*.
"""

import asyncio


def callback(number, loop):
    print(f"callback {number} invoked at {loop.time() - START:.1f}")


async def main(loop):
    now = loop.time()
    print("registering callbacks")
    loop.call_at(now + 0.2, callback, 1, loop)
    loop.call_at(now + 0.1, callback, 2, loop)
    loop.call_soon(callback, 3, loop)
    await asyncio.sleep(1)


event_loop = asyncio.new_event_loop()
START = event_loop.time()
try:
    print("entering event loop")
    event_loop.run_until_complete(main(event_loop))
finally:
    print("closing event loop")
    event_loop.close()
