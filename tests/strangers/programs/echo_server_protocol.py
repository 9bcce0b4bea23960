"""A protocol that echoes, and one that asks.

After Doug Hellmann, *Python 3 Module of the Week*.
"""

import asyncio
import functools
import logging
import sys

ADDRESS = ("localhost", 10931)
MESSAGES = [b"this is the message. ", b"it will be sent ", b"in parts."]
logging.basicConfig(level=logging.DEBUG, format="%(name)s: %(message)s", stream=sys.stderr)
logging.getLogger("asyncio").setLevel(logging.WARNING)


class EchoServer(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
        self.log = logging.getLogger("server")
        self.log.debug("connection accepted")

    def data_received(self, data):
        self.log.debug("received %d bytes", len(data))
        self.transport.write(data)

    def eof_received(self):
        self.log.debug("received EOF")
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def connection_lost(self, error):
        self.log.debug("closing: %s", error)


class EchoClient(asyncio.Protocol):
    def __init__(self, messages, future):
        self.messages, self.future = messages, future
        self.log = logging.getLogger("client")
        self.received = b""

    def connection_made(self, transport):
        transport.write(b"".join(self.messages))
        if transport.can_write_eof():
            transport.write_eof()

    def data_received(self, data):
        self.received += data

    def eof_received(self):
        self.log.debug("received %r", self.received)
        if not self.future.done():
            self.future.set_result(True)


async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(EchoServer, *ADDRESS, family=2)
    done = loop.create_future()
    factory = functools.partial(EchoClient, messages=MESSAGES, future=done)
    await loop.create_connection(factory, *ADDRESS, family=2)
    await done
    server.close()
    await server.wait_closed()


asyncio.run(main())
