"""What counts as a task that a program left running."""

import asyncio
import socket

import pytest

import portable
from portable.equivalence.left_running import tasks_left


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_connection_that_is_being_accepted_is_no_task(backend: str) -> None:
    """asyncio's own task for it is none of the program's; one for a coroutine of asyncio's is."""
    pytest.importorskip(backend)

    async def main() -> tuple[int, int]:
        loop = asyncio.get_running_loop()
        sleeper = asyncio.create_task(asyncio.sleep(10))
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        with socket.create_connection(server.sockets[0].getsockname()):
            while len(asyncio.all_tasks()) == 2:
                await asyncio.sleep(0)
            found = len(asyncio.all_tasks()), len(tasks_left(loop))
        sleeper.cancel()
        server.close()
        return found

    assert portable.run(main, backend=backend) == (3, 2)
