"""Reminders at times of the day, printed with the time on the wall."""

import time

import portable

REMINDERS = {"tea": 3600 * 4, "lunch": 3600 * 12.5, "early": 60, "late": 3600 * 23}


async def remind(what: str, seconds: float) -> None:
    await portable.sleep(seconds)
    print(time.strftime("%H:%M", time.gmtime()), what)


async def main() -> None:
    async with portable.TaskGroup() as group:
        for what, seconds in REMINDERS.items():
            group.create_task(remind(what, seconds))
    print("the day is over")


if __name__ == "__main__":
    portable.run(main)
