"""Read a task's result and check completion.

A fetch takes three seconds. At first its task is not done, and asking for the result raises an
error; four seconds later it is done and has a result. AnyIO's handle has `status` and
`return_value` for these questions, and its error is `TaskNotFinished`.
"""


async def original() -> None:
    import asyncio

    async def fetch(url: str, seconds: float) -> str:
        print(f"fetching {url}")
        await asyncio.sleep(seconds)
        return f"the page of {url}"

    task = asyncio.create_task(fetch("example.org", 3))
    print(f"done: {task.done()}")
    try:
        print(f"result: {task.result()}")
    except asyncio.InvalidStateError:
        print("there is no result yet")
    await asyncio.sleep(4)
    print(f"done: {task.done()}")
    print(f"result: {task.result()}")


async def port() -> None:
    import anyio

    async def fetch(url: str, seconds: float) -> str:
        print(f"fetching {url}")
        await anyio.sleep(seconds)
        return f"the page of {url}"

    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        print(f"done: {task.status is task.Status.FINISHED}")
        try:
            print(f"result: {task.return_value}")
        except anyio.TaskNotFinished:
            print("there is no result yet")
        await anyio.sleep(4)
        print(f"done: {task.status is task.Status.FINISHED}")
        print(f"result: {task.return_value}")
