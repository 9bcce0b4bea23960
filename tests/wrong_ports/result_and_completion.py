"""Ports of `result_and_completion` as people write them: wrong ones, why, and good ones."""

import anyio


async def fetch(url: str, seconds: float) -> str:
    print(f"fetching {url}")
    await anyio.sleep(seconds)
    return f"the page of {url}"


async def wrong_port_that_waits_for_the_result() -> None:
    """Awaiting is not asking: there is a result when the answer comes."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        print(f"done: {task.status is task.Status.FINISHED}")
        print(f"result: {await task}")
        await anyio.sleep(4)
        print(f"done: {task.status is task.Status.FINISHED}")
        print(f"result: {task.return_value}")


async def wrong_port_with_a_box() -> None:
    """A box for the result has an answer at any time: an early one is None."""
    box: dict[str, str] = {}

    async def fetch_into_the_box() -> None:
        box["page"] = await fetch("example.org", 3)

    async with anyio.create_task_group() as group:
        group.start_soon(fetch_into_the_box)
        print(f"done: {'page' in box}")
        print(f"result: {box.get('page')}")
        await anyio.sleep(4)
        print(f"done: {'page' in box}")
        print(f"result: {box.get('page')}")


async def wrong_port_that_leaves_the_group() -> None:
    """Leaving the group waits for the fetch, and no longer than that."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        print(f"done: {task.status is task.Status.FINISHED}")
        try:
            print(f"result: {task.return_value}")
        except anyio.TaskNotFinished:
            print("there is no result yet")
    print(f"done: {task.status is task.Status.FINISHED}")
    print(f"result: {task.return_value}")


async def wrong_port_that_hides_the_early_answer() -> None:
    """The line that tells the user is missing."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        print(f"done: {task.status is task.Status.FINISHED}")
        try:
            print(f"result: {task.return_value}")
        except anyio.TaskNotFinished:
            pass
        await anyio.sleep(4)
        print(f"done: {task.status is task.Status.FINISHED}")
        print(f"result: {task.return_value}")


async def wrong_port_that_mistakes_started_for_done() -> None:
    """Every state but one counts as done."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        print(f"done: {task.status is not task.Status.CANCELLED}")
        try:
            print(f"result: {task.return_value}")
        except anyio.TaskNotFinished:
            print("there is no result yet")
        await anyio.sleep(4)
        print(f"done: {task.status is not task.Status.CANCELLED}")
        print(f"result: {task.return_value}")


async def harmless_port_with_an_event() -> None:
    """Completion kept by hand, told the same way at the same times."""
    results: list[str] = []

    async def fetch_into_the_list() -> None:
        results.append(await fetch("example.org", 3))

    async with anyio.create_task_group() as group:
        group.start_soon(fetch_into_the_list)
        print(f"done: {bool(results)}")
        try:
            print(f"result: {results[0]}")
        except IndexError:
            print("there is no result yet")
        await anyio.sleep(4)
        print(f"done: {bool(results)}")
        print(f"result: {results[0]}")


async def harmless_port_that_yields_first() -> None:
    """The fetch gets its first turn before the others tell: another order at one instant."""
    async with anyio.create_task_group() as group:
        task = group.start_soon(fetch, "example.org", 3)
        await anyio.wait_all_tasks_blocked()
        print(f"done: {task.status is task.Status.FINISHED}")
        print("there is no result yet")
        await anyio.sleep(4)
        print(f"done: {task.status is task.Status.FINISHED}")
        print(f"result: {task.return_value}")
