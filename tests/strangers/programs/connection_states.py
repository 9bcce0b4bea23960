"""A connection changes its state under a condition.

After Matthew Fowler, *Python Concurrency with asyncio*.
"""

import asyncio
from enum import Enum


class State(Enum):
    WAIT_INIT = 0
    INITIALIZING = 1
    INITIALIZED = 2


class Connection:
    def __init__(self):
        self._state = State.WAIT_INIT
        self._condition = asyncio.Condition()

    async def initialize(self):
        await self._change(State.INITIALIZING)
        print("initialize: initializing connection...")
        await asyncio.sleep(3)
        print("initialize: finished initializing connection")
        await self._change(State.INITIALIZED)

    async def execute(self, query: str):
        async with self._condition:
            print("execute: waiting for connection to initialize")
            await self._condition.wait_for(lambda: self._state is State.INITIALIZED)
            print(f"execute: running {query}!!!")
            await asyncio.sleep(3)

    async def _change(self, state: State):
        async with self._condition:
            print(f"change: state changing from {self._state} to {state}")
            self._state = state
            self._condition.notify_all()


async def main():
    connection = Connection()
    first = asyncio.create_task(connection.execute("select * from table"))
    second = asyncio.create_task(connection.execute("select * from other_table"))
    asyncio.create_task(connection.initialize())
    await first
    await second


asyncio.run(main())
