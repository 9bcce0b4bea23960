"""The fastest of several services answers, within a time limit, with AnyIO."""

import argparse
from typing import NamedTuple

import anyio


class Service(NamedTuple):
    name: str
    seconds: float
    address: str | None


SERVICES = (
    Service("ipify", 0.8, "10.0.0.1"),
    Service("ip-api", 0.3, "10.0.0.2"),
    Service("borken", 0.1, None),
)


async def fetch(service):
    print(f"fetching IP from {service.name}")
    await anyio.sleep(service.seconds)
    if service.address is None:
        return f"{service.name} is unresponsive"
    return f"{service.name} finished with result: {service.address}, took {service.seconds}"


async def main(limit):
    response = {"message": "result from asynchronous.", "ip": "not available"}
    results = {}

    async def keep(service):
        results[service] = await fetch(service)

    with anyio.move_on_after(limit):
        async with anyio.create_task_group() as tasks:
            for service in SERVICES:
                tasks.start_soon(keep, service)
    for service in SERVICES:
        if service in results:
            print(results[service])
            response["ip"] = results[service].rpartition(" ")[2]
    print(response, len(SERVICES) - len(results))


parser = argparse.ArgumentParser()
parser.add_argument("-t", "--timeout", default=0.5, type=float)
print("using a {timeout} timeout".format(**vars(parser.parse_args())))
anyio.run(main, parser.parse_args().timeout)
