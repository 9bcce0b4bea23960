"""Keep a heartbeat beside a job.

While a job works, a heartbeat shows that it is alive. When the job has succeeded or failed, the
heartbeat stops, before the outcome is printed. In the port the two share a group, and
cancelling the heartbeat lets the group end. The job's error is caught inside the group; out of
it the error would come in an `ExceptionGroup`.
"""


async def original() -> None:
    import asyncio

    async def heartbeat(seconds: float) -> None:
        beats = 0
        try:
            while True:
                await asyncio.sleep(seconds)
                beats += 1
                print("still alive")
        finally:
            print(f"the heart has stopped after {beats} beats")

    async def copy(files: dict[str, float]) -> str:
        for file, seconds in files.items():
            await asyncio.sleep(seconds)
            if file == "bad.txt":
                raise OSError(f"{file} cannot be read")
            print(f"{file} is copied")
        return f"{len(files)} files"

    async def guarded(files: dict[str, float]) -> None:
        beating = asyncio.create_task(heartbeat(1))
        try:
            outcome = f"done: {await copy(files)}"
        except OSError as error:
            outcome = f"failed: {error}"
        beating.cancel()
        await asyncio.wait([beating])
        print(f"{outcome}, heartbeat cancelled: {beating.cancelled()}")

    await guarded({"one.txt": 1.5, "two.txt": 2.25})
    await guarded({"three.txt": 1.25, "bad.txt": 1.5})


async def port() -> None:
    import anyio

    async def heartbeat(seconds: float) -> None:
        beats = 0
        try:
            while True:
                await anyio.sleep(seconds)
                beats += 1
                print("still alive")
        finally:
            print(f"the heart has stopped after {beats} beats")

    async def copy(files: dict[str, float]) -> str:
        for file, seconds in files.items():
            await anyio.sleep(seconds)
            if file == "bad.txt":
                raise OSError(f"{file} cannot be read")
            print(f"{file} is copied")
        return f"{len(files)} files"

    async def guarded(files: dict[str, float]) -> None:
        async with anyio.create_task_group() as group:
            beating = group.start_soon(heartbeat, 1)
            try:
                outcome = f"done: {await copy(files)}"
            except OSError as error:
                outcome = f"failed: {error}"
            beating.cancel()
        quiet = beating.status is beating.Status.CANCELLED
        print(f"{outcome}, heartbeat cancelled: {quiet}")

    await guarded({"one.txt": 1.5, "two.txt": 2.25})
    await guarded({"three.txt": 1.25, "bad.txt": 1.5})
