"""Sensors that report to a monitor until one of them fails."""

import portable


class SensorError(Exception):
    pass


async def sensor(name: str, period: float, fails_after: int | None) -> None:
    reading = 0
    try:
        while True:
            await portable.sleep(period)
            reading += 1
            if reading == fails_after:
                raise SensorError(name, reading)
            print(name, reading)
    finally:
        print(name, "is off")


async def main() -> None:
    try:
        async with portable.TaskGroup() as group:
            group.create_task(sensor("heat", 1.0, None))
            group.create_task(sensor("light", 1.5, 3))
            group.create_task(sensor("sound", 0.7, None))
    except* SensorError as errors:
        print([error.args for error in errors.exceptions])


if __name__ == "__main__":
    portable.run(main)
