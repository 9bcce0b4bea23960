"""What counts as a task that a program left running."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

import portable
from portable.equivalence.left_running import tasks_left


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_connection_that_is_being_accepted_is_no_task(backend: str) -> None:
    """asyncio's own task for it is none of the program's; what the program starts is."""
    pytest.importorskip(backend)
    counted: dict[str, bool] = {}

    def noting(loop: Any, coro: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=loop, **options)
        counted[coro.__name__] = task in tasks_left(loop)
        return task

    def close(_: object, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def _private() -> None:
        await asyncio.sleep(0)

    async def main() -> None:
        asyncio.get_running_loop().set_task_factory(noting)
        await asyncio.create_task(asyncio.sleep(0))
        await asyncio.create_task(_private())
        server = await asyncio.start_server(close, "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        server.close()

    portable.run(main, backend=backend)
    names = ("sleep", "_private", "_accept_connection2")
    assert [counted[name] for name in names] == [True, True, False]
