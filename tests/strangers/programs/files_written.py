"""Records are written into files by workers of a queue.

After Mohamed Mustapha Tahrioui, *asyncio Recipes*.
"""

import asyncio
import json
import os
import pathlib


async def write(directory, queue):
    while True:
        number = await queue.get()
        path = directory / f"record-{number}.json"
        await asyncio.to_thread(path.write_text, json.dumps({"number": number}))
        await asyncio.sleep(0.1)
        queue.task_done()


async def main():
    directory = pathlib.Path("records")
    await asyncio.to_thread(directory.mkdir)
    queue = asyncio.Queue()
    workers = [asyncio.create_task(write(directory, queue)) for _ in range(2)]
    for number in range(5):
        await queue.put(number)
    await queue.join()
    for worker in workers:
        worker.cancel()
    print(sorted(os.listdir("records")))


asyncio.run(main())
