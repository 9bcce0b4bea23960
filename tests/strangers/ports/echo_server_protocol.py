"""A server that echoes, and one that asks, with AnyIO."""

import logging
import socket
import sys

import anyio

ADDRESS = ("localhost", 10931)
MESSAGES = [b"this is the message. ", b"it will be sent ", b"in parts."]
logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s", stream=sys.stderr)
logging.getLogger("asyncio").setLevel(logging.WARNING)


async def echo(stream):
    log = logging.getLogger("server")
    async with stream:
        log.debug("connection accepted")
        async for data in stream:
            log.debug("received %d bytes", len(data))
            await stream.send(data)
        log.debug("received EOF")
        await stream.send_eof()
        log.debug("closing: %s", None)


async def ask(messages):
    log = logging.getLogger("client")
    async with await anyio.connect_tcp(*ADDRESS) as stream:
        await stream.send(b"".join(messages))
        await stream.send_eof()
        received = b"".join([data async for data in stream])
        log.debug("received %r", received)


async def main():
    host, port = ADDRESS
    listener = await anyio.create_tcp_listener(
        local_host=host, local_port=port, family=socket.AF_INET
    )
    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, echo)
        await ask(MESSAGES)
        tasks.cancel_scope.cancel()


anyio.run(main)
