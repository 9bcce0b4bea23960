"""An echo server and its client, over asyncio's streams."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from pathlib import Path
from weakref import WeakSet

HOST = "127.0.0.1"
#: A key and a certificate for `localhost` that it signed itself.
CERTIFICATE = Path(__file__).with_name("localhost.pem")


async def echo(reader, writer):
    """Send back what comes, until the peer has said all."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        await close(writer)


async def close(writer):
    """Close a stream, and see it closed."""
    writer.close()
    await writer.wait_closed()


@asynccontextmanager
async def serving(handler=echo, **options):
    """A server on a free port; gives its address, and closes it in the end.

    A block that fails leaves clients connected, and a server that closes waits for them.
    """
    writers = WeakSet()

    async def noted(reader, writer):
        writers.add(writer)
        await handler(reader, writer)

    server = await asyncio.start_server(noted, HOST, 0, **options)
    async with server:
        try:
            yield server.sockets[0].getsockname()
        except BaseException:
            for writer in writers:
                writer.transport.abort()
            raise


async def ask(address, text, **options):
    """Send bytes over a connection of their own, and return all that comes back."""
    reader, writer = await asyncio.open_connection(*address, **options)
    try:
        writer.write(text)
        writer.write_eof()
        return await reader.read()
    finally:
        await close(writer)


def server_context():
    """The server's side of TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATE)
    return context


def client_context():
    """The client's side: it trusts the certificate above alone."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))
