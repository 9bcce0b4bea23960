"""What the tests of the network share. They run in real time: sockets know no other."""

import asyncio

import pytest

import portable

#: Seconds after which a test that hangs has failed.
LIMIT = 60


@pytest.fixture
def run(backend):
    """Run a program on the test's backend."""

    async def limited(main):
        async with asyncio.timeout(LIMIT):
            return await main()

    return lambda main: portable.run(limited, main, backend=backend)
