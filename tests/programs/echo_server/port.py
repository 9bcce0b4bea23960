"""A TCP echo server and three clients of it, on localhost."""

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream

import portable


async def serve(stream: SocketStream) -> None:
    async with stream:
        reader = BufferedByteReceiveStream(stream)
        try:
            while True:
                line = await reader.receive_until(b"\n", 1000)
                await stream.send(line.upper() + b"\n")
        except (anyio.EndOfStream, anyio.IncompleteRead):
            pass


async def client(port: int, name: str) -> list[str]:
    answers = []
    async with await anyio.connect_tcp("127.0.0.1", port) as stream:
        reader = BufferedByteReceiveStream(stream)
        for number in range(3):
            await stream.send(f"{name} {number}\n".encode())
            answers.append((await reader.receive_until(b"\n", 1000)).decode())
    return answers


async def main() -> None:
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as listener:
        port = listener.extra(SocketAttribute.local_port)
        async with anyio.create_task_group() as group:
            group.start_soon(listener.serve, serve)
            names = ("ann", "bob", "cy")
            everyone = await portable.gather(*(client(port, name) for name in names))
            group.cancel_scope.cancel()
    for answers in everyone:
        print(", ".join(answers))


if __name__ == "__main__":
    portable.run(main)
