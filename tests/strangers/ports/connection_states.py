"""A connection changes its state under a condition, with AnyIO."""

from enum import Enum

import anyio


class State(Enum):
    WAIT_INIT = 0
    INITIALIZING = 1
    INITIALIZED = 2


class Connection:
    def __init__(self):
        self._state = State.WAIT_INIT
        self._condition = anyio.Condition()

    async def initialize(self):
        await self._change(State.INITIALIZING)
        print("initialize: initializing connection...")
        await anyio.sleep(3)
        print("initialize: finished initializing connection")
        await self._change(State.INITIALIZED)

    async def execute(self, query: str):
        async with self._condition:
            print("execute: waiting for connection to initialize")
            while self._state is not State.INITIALIZED:
                await self._condition.wait()
            print(f"execute: running {query}!!!")
            await anyio.sleep(3)

    async def _change(self, state: State):
        async with self._condition:
            print(f"change: state changing from {self._state} to {state}")
            self._state = state
            self._condition.notify_all()


async def main():
    connection = Connection()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(connection.execute, "select * from table")
        tasks.start_soon(connection.execute, "select * from other_table")
        tasks.start_soon(connection.initialize)


anyio.run(main)
