"""Downloads reported as they complete; some fail, one is too slow."""

import portable

FILES = {"a.iso": 4.0, "b.txt": 0.5, "c.png": 1.25, "d.zip": 30.0, "e.broken": 2.0}


async def download(name: str) -> str:
    async with portable.timeout(10):
        await portable.sleep(FILES[name])
    if name.endswith(".broken"):
        raise OSError(f"{name}: checksum")
    return name


async def main() -> None:
    tasks = {name: portable.create_task(download(name)) for name in FILES}
    names = {task: name for name, task in tasks.items()}
    pending = set(names)
    while pending:
        done, pending = await portable.wait(pending, return_when=portable.FIRST_COMPLETED)
        for task in done:
            error = task.exception()
            print(names[task], "failed" if error else "is there", type(error).__name__)
    print(len(tasks), "downloads")


if __name__ == "__main__":
    portable.run(main)
