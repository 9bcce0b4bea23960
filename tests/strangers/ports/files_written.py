"""Records are written into files by workers that share a stream, with AnyIO."""

import json
import os

import anyio


async def write(directory, receive):
    async with receive:
        async for number in receive:
            path = directory / f"record-{number}.json"
            await path.write_text(json.dumps({"number": number}))
            await anyio.sleep(0.1)


async def main():
    directory = anyio.Path("records")
    await directory.mkdir()
    send, receive = anyio.create_memory_object_stream(5)
    async with anyio.create_task_group() as tasks:
        async with send:
            for _ in range(2):
                tasks.start_soon(write, directory, receive.clone())
            receive.close()
            for number in range(5):
                await send.send(number)
    print(sorted(os.listdir("records")))


anyio.run(main)
