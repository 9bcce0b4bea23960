"""The fastest of several services answers, within a time limit.

After Yeray Diaz, *AsyncIO for the Working Python Developer*.
"""

import argparse
import asyncio
from typing import NamedTuple


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
    await asyncio.sleep(service.seconds)
    if service.address is None:
        return f"{service.name} is unresponsive"
    return f"{service.name} finished with result: {service.address}, took {service.seconds}"


async def main(limit):
    response = {"message": "result from asynchronous.", "ip": "not available"}
    tasks = [asyncio.create_task(fetch(service)) for service in SERVICES]
    done, pending = await asyncio.wait(tasks, timeout=limit)
    for task in pending:
        task.cancel()
    for task in tasks:
        if task in done:
            print(task.result())
            response["ip"] = task.result().rpartition(" ")[2]
    print(response, len(pending))


parser = argparse.ArgumentParser()
parser.add_argument("-t", "--timeout", default=0.5, type=float)
print("using a {timeout} timeout".format(**vars(parser.parse_args())))
asyncio.run(main(parser.parse_args().timeout))
