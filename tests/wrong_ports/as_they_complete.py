"""Ports of `as_they_complete` as people write them: wrong ones, why, and good ones."""

from collections.abc import Awaitable, Callable

import anyio

import portable

URLS = {"slow.example": 3, "fast.example": 1, "broken.example": 2, "stuck.example": 60}


async def fetch(url: str, seconds: float) -> str:
    try:
        await anyio.sleep(seconds)
        if url == "broken.example":
            raise ConnectionError(f"{url} does not answer")
        return f"the page of {url}"
    finally:
        print(f"the connection to {url} is closed")


async def report(url: str, seconds: float) -> str:
    try:
        return f"here is {await fetch(url, seconds)}"
    except ConnectionError as error:
        return f"failed: {error}"


async def read(
    limit: float = 5,
    report: Callable[[str, float], Awaitable[str]] = report,
    cancel: bool = True,
) -> None:
    send, receive = anyio.create_memory_object_stream[str](len(URLS))

    async def put(url: str, seconds: float) -> None:
        outcome = await report(url, seconds)
        send.send_nowait(outcome)

    with send, receive:
        async with anyio.create_task_group() as group:
            tasks = [group.start_soon(put, *url) for url in URLS.items()]
            try:
                with anyio.fail_after(limit):
                    for _ in URLS:
                        print(await receive.receive())
            except TimeoutError:
                print("the rest takes too long")
            if cancel:
                group.cancel_scope.cancel()
    cancelled = [task.status is task.Status.CANCELLED for task in tasks]
    print(f"cancelled: {sum(cancelled)}")


async def end(tasks: "list[portable.Task[str]]") -> None:
    cancelled = [task.cancel() for task in tasks]
    await portable.wait(tasks)
    print(f"cancelled: {sum(cancelled)}")


async def wrong_port_with_another_limit() -> None:
    """The limit is reached before the slow page is there."""
    await read(limit=3)


async def wrong_port_that_loses_one() -> None:
    """The outcome of the failed one is not put into the stream."""

    async def report(url: str, seconds: float) -> str:
        try:
            return f"here is {await fetch(url, seconds)}"
        except ConnectionError:
            await anyio.sleep_forever()
            raise

    await read(report=report)


async def wrong_port_that_cancels_nobody() -> None:
    """The time limit ends the reading, and the group waits for what is stuck."""
    await read(cancel=False)


async def wrong_port_without_a_buffer() -> None:
    """Nobody may be waiting when a page is there, and then there is nowhere to put it."""
    send, receive = anyio.create_memory_object_stream[str](0)

    async def put(url: str, seconds: float) -> None:
        send.send_nowait(await report(url, seconds))

    with send, receive:
        async with anyio.create_task_group() as group:
            for url in URLS.items():
                group.start_soon(put, *url)
            await anyio.sleep(1.5)
            async for outcome in receive:
                print(outcome)


async def wrong_port_with_the_error_in_the_group() -> None:
    """The failed one ends the group, and the slow page never comes."""

    async def report(url: str, seconds: float) -> str:
        return f"here is {await fetch(url, seconds)}"

    await read(report=report)


async def wrong_port_with_a_limit_for_each() -> None:
    """Five seconds for each page are more than five seconds for all."""
    send, receive = anyio.create_memory_object_stream[str](len(URLS))

    async def put(url: str, seconds: float) -> None:
        send.send_nowait(await report(url, seconds))

    with send, receive:
        async with anyio.create_task_group() as group:
            for url in URLS.items():
                group.start_soon(put, *url)
            for _ in URLS:
                with anyio.move_on_after(5) as scope:
                    print(await receive.receive())
                if scope.cancelled_caught:
                    print("the rest takes too long")
            group.cancel_scope.cancel()
    print("cancelled: 1")


async def wrong_drop_in_in_their_own_order() -> None:
    """Awaiting the tasks in turn gives the slow page first."""
    tasks = [portable.create_task(fetch(*url)) for url in URLS.items()]
    for task in tasks:
        try:
            print(f"here is {await portable.wait_for(task, timeout=5)}")
        except ConnectionError as error:
            print(f"failed: {error}")
        except TimeoutError:
            print("the rest takes too long")
    await end(tasks)


async def wrong_drop_in_that_stops_at_an_error() -> None:
    """The first error leaves the loop, and the slow page is cancelled."""
    tasks = [portable.create_task(fetch(*url)) for url in URLS.items()]
    try:
        for earliest in portable.as_completed(tasks, timeout=5):
            print(f"here is {await earliest}")
    except ConnectionError as error:
        print(f"failed: {error}")
    except TimeoutError:
        print("the rest takes too long")
    await end(tasks)


async def wrong_drop_in_without_a_limit() -> None:
    """The stuck one is waited for."""
    tasks = [portable.create_task(fetch(*url)) for url in URLS.items()]
    for earliest in portable.as_completed(tasks):
        try:
            print(f"here is {await earliest}")
        except ConnectionError as error:
            print(f"failed: {error}")
    await end(tasks)


async def wrong_drop_in_that_goes_on_after_the_limit() -> None:
    """The stuck one is not cancelled, and left running when main ends."""
    tasks = [portable.create_task(fetch(*url)) for url in URLS.items()]
    for earliest in portable.as_completed(tasks, timeout=5):
        try:
            print(f"here is {await earliest}")
        except ConnectionError as error:
            print(f"failed: {error}")
        except TimeoutError:
            print("the rest takes too long")
    print("cancelled: 1")


async def wrong_drop_in_with_one_clause() -> None:
    """ConnectionError and TimeoutError are both OSErrors, and the first clause is taken."""
    tasks = [portable.create_task(fetch(*url)) for url in URLS.items()]
    for earliest in portable.as_completed(tasks, timeout=5):
        try:
            print(f"here is {await earliest}")
        except OSError as error:
            print(f"failed: {error}")
    await end(tasks)


async def wrong_drop_in_that_waits_for_all() -> None:
    """All that is there after five seconds is shown at once."""
    tasks = [portable.create_task(fetch(*url)) for url in URLS.items()]
    await portable.wait(tasks, timeout=5)
    for task in tasks:
        if not task.done():
            print("the rest takes too long")
        elif task.exception() is not None:
            print(f"failed: {task.exception()}")
        else:
            print(f"here is {task.result()}")
    await end(tasks)


async def harmless_port_that_prints_by_itself() -> None:
    """Each task prints its outcome, so that no stream is needed."""

    async def show(url: str, seconds: float) -> None:
        print(await report(url, seconds))

    async with anyio.create_task_group() as group:
        for url in URLS.items():
            group.start_soon(show, *url)
        await anyio.sleep(5)
        print("the rest takes too long")
        group.cancel_scope.cancel()
    print("cancelled: 1")


async def harmless_drop_in_with_a_block() -> None:
    """The form with `async for`, within a time limit of its own."""
    tasks = [portable.create_task(fetch(*url)) for url in URLS.items()]
    try:
        async with portable.timeout(5):
            async for task in portable.as_completed(tasks):
                try:
                    print(f"here is {await task}")
                except ConnectionError as error:
                    print(f"failed: {error}")
    except TimeoutError:
        print("the rest takes too long")
    await end(tasks)
