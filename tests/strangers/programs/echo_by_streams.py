"""A server that echoes, and a client.

After the chapter on streams in Python's documentation.
"""

import asyncio


async def handle(reader, writer):
    data = await reader.read(100)
    print(f"received {data.decode()!r} from {writer.get_extra_info('peername')[0]!r}")
    print(f"send: {data.decode()!r}")
    writer.write(data)
    await writer.drain()
    print("close the connection")
    writer.close()
    await writer.wait_closed()


async def client(message):
    reader, writer = await asyncio.open_connection("127.0.0.1", 18888)
    print(f"send: {message!r}")
    writer.write(message.encode())
    await writer.drain()
    data = await reader.read(100)
    print(f"received: {data.decode()!r}")
    writer.close()
    await writer.wait_closed()


async def main():
    server = await asyncio.start_server(handle, "127.0.0.1", 18888)
    print("serving on", ", ".join(str(sock.getsockname()) for sock in server.sockets))
    async with server:
        await client("hello world!")
        await asyncio.sleep(1)
        await client("again")


asyncio.run(main())
