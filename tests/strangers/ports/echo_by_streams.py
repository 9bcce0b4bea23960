"""A server that echoes, and a client, with AnyIO."""

import anyio
from anyio.abc import SocketAttribute


async def handle(stream):
    async with stream:
        data = await stream.receive(100)
        peer = stream.extra(SocketAttribute.remote_address)
        print(f"received {data.decode()!r} from {peer[0]!r}")
        print(f"send: {data.decode()!r}")
        await stream.send(data)
        print("close the connection")


async def client(message):
    async with await anyio.connect_tcp("127.0.0.1", 18888) as stream:
        print(f"send: {message!r}")
        await stream.send(message.encode())
        data = await stream.receive(100)
        print(f"received: {data.decode()!r}")


async def main():
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=18888)
    addresses = [one.extra(SocketAttribute.local_address) for one in listener.listeners]
    async with listener, anyio.create_task_group() as tasks:
        print("serving on", ", ".join(map(str, addresses)))
        tasks.start_soon(listener.serve, handle)
        await client("hello world!")
        await anyio.sleep(1)
        await client("again")
        tasks.cancel_scope.cancel()


anyio.run(main)
