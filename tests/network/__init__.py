"""asyncio's sockets, streams, servers, subprocesses and signals, on every backend."""
