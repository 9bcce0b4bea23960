"""A loop in a thread takes work from the main thread.

After Mohamed Mustapha Tahrioui, *asyncio Recipes*.
"""

import asyncio
import threading


async def work(number):
    await asyncio.sleep(number)
    return number * number


loop = asyncio.new_event_loop()
thread = threading.Thread(target=loop.run_forever, name="loop")
thread.start()
for number in (3, 1, 2):
    print(asyncio.run_coroutine_threadsafe(work(number), loop).result())
loop.call_soon_threadsafe(loop.stop)
thread.join()
loop.close()
print("closed:", loop.is_closed())
