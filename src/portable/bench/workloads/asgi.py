"""A Starlette application that answers requests of httpx, without a server in between.

For each request the application asks two services at once, under a time limit. Ten clients ask
the application at the same time. The implementations differ in whose names application and
clients use for that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from importlib import import_module
from typing import Any, TypeAlias

import anyio

from portable.bench._measurement import Sample
from portable.bench._meters import PER_SECOND
from portable.bench._operations import PROGRAMS, Operation, Workload, not_installed

from ._jobs import LONG, Sleeping

CLIENTS = 10
_obstacle = partial(not_installed, "starlette", "httpx")

ASGI = Operation(
    "asgi",
    f"A Starlette application, {CLIENTS} clients of httpx, no server; requests",
    {
        "smoke": (Workload("requests", 20),),
        "small": (Workload("requests", 50, peers=False),),
        "full": (Workload("requests", 500),),
    },
    theme=PROGRAMS,
    unit=PER_SECOND,
)

#: Calls a function with each number below a count, all at once, and returns the results.
Together: TypeAlias = Callable[[Callable[[int], Awaitable[int]], int], Awaitable[list[int]]]


async def requests(sample: Sample, library: Sleeping, together: Together) -> None:
    """Let clients share the requests."""
    starlette = import_module("starlette.applications")
    routing = import_module("starlette.routing")
    responses = import_module("starlette.responses")
    httpx = import_module("httpx")

    async def service(number: int) -> int:
        await library.sleep(0)
        return number

    async def endpoint(request: Any) -> Any:
        zero, one = await together(service, 2)
        number = int(request.path_params["number"])
        return responses.JSONResponse({"number": number + zero + one - 1})

    app = starlette.Starlette(routes=[routing.Route("/{number}", endpoint)])
    results: list[int] = []
    numbers = iter(range(sample.size))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as client:

        async def ask(_: int) -> int:
            for number in numbers:
                response = await client.get(f"/{number}")
                results.append(response.json()["number"])
            return 0

        sample.start()
        await together(ask, CLIENTS)
        sample.results = results
        sample.stop()


async def _in_task_group(work: Callable[[int], Any], count: int) -> list[int]:
    async with asyncio.timeout(LONG), asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(number)) for number in range(count)]
    return [task.result() for task in tasks]


@ASGI.by("native", "asyncio", "uvloop", check=_obstacle)
@ASGI.by("portable", "trio", driven=True, check=_obstacle)
async def with_asyncio(sample: Sample) -> None:
    """Use asyncio's group and limit."""
    await requests(sample, asyncio, _in_task_group)


async def _in_scope(
    library: Any, make_group: Any, work: Callable[[int], Awaitable[int]], count: int
) -> list[int]:
    results = [0] * count

    async def note(number: int) -> None:
        results[number] = await work(number)

    with library.fail_after(LONG):
        async with make_group() as group:
            for number in range(count):
                group.start_soon(note, number)
    return results


@ASGI.by("native", "trio", check=_obstacle)
async def with_trio(sample: Sample) -> None:
    """Use a nursery and trio's limit."""
    trio: Any = import_module("trio")
    await requests(sample, trio, partial(_in_scope, trio, trio.open_nursery))


@ASGI.by("anyio", check=_obstacle)
async def with_anyio(sample: Sample) -> None:
    """Use AnyIO's group and limit."""
    await requests(sample, anyio, partial(_in_scope, anyio, anyio.create_task_group))
