"""A child process that runs jobs in asyncio's names on one loop.

`Child` is the parent's side. The child's side is this module, run as a program. It reads a kind
of job and a number from each line of its input. It answers with the CPU seconds that the loop's
thread took for so many jobs, and how many results there were.
"""

from __future__ import annotations

import asyncio
import atexit
import gc
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from importlib import import_module
from typing import Any


class Child:
    """A child process with a loop: `asyncio`, `uvloop`, `portable` (on trio), `trio-asyncio`.

    It ends when its standard input is closed, so at the latest with this process.
    """

    def __init__(self, name: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", __name__, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # Ctrl-C goes to the parent alone, which ends the child by closing its input.
            start_new_session=True,
        )
        atexit.register(self.close)

    def run(self, job: str, size: int) -> tuple[float, int]:
        """Run jobs; return the seconds that they took, and how many results there are.

        Raises:
            RuntimeError: the process failed; the message is what it wrote.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            print(job, size, file=stdin, flush=True)
            seconds, done = stdout.readline().split()
        except (OSError, ValueError):
            _, errors = self._process.communicate()
            raise RuntimeError(errors.strip() or "the process ended") from None
        return float(seconds), int(done)

    def close(self) -> None:
        """Let the process end."""
        atexit.unregister(self.close)
        self._process.communicate()


async def _noop(index: int) -> int:
    return index


async def _sleep_once(index: int) -> int:
    await asyncio.sleep(0)
    return index


async def _sleep_five_times(index: int) -> int:
    for _ in range(5):
        await asyncio.sleep(0)
    return index


async def _call_soon(index: int) -> int:
    loop = asyncio.get_running_loop()
    future = loop.create_future()
    loop.call_soon(future.set_result, index)
    result: int = await future
    return result


_JOBS: dict[str, Callable[[int], Coroutine[Any, Any, int]]] = {
    "noop": _noop,
    "sleep_once": _sleep_once,
    "sleep_five_times": _sleep_five_times,
    "call_soon": _call_soon,
}


async def _work(job: str, size: int) -> tuple[float, int]:
    if job not in _JOBS:
        from portable.bench._network import JOBS

        return await JOBS[job](job, size)
    work = _JOBS[job]
    gc.collect()
    before = time.thread_time()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work(index)) for index in range(size)]
    results = [task.result() for task in tasks]
    seconds = time.thread_time() - before
    return seconds, len(set(results))


def _on(backend: Any) -> Callable[[str, int], tuple[float, int]]:
    from portable._running import run

    return lambda job, size: run(_work, job, size, backend=backend)


def _on_trio_asyncio() -> Callable[[str, int], tuple[float, int]]:
    trio_asyncio = import_module("trio_asyncio")

    async def main(job: str, size: int) -> tuple[float, int]:
        done: Awaitable[tuple[float, int]] = trio_asyncio.aio_as_trio(_work)(job, size)
        return await done

    def run(job: str, size: int) -> tuple[float, int]:
        result: tuple[float, int] = trio_asyncio.run(main, job, size)
        return result

    return run


def _serve(name: str) -> None:
    if name == "trio-asyncio":
        run = _on_trio_asyncio()
    else:
        run = _on({"portable": "trio"}.get(name, name))
    gc.freeze()
    for line in sys.stdin:
        job, size = line.split()
        sys.stdout.write("{} {}\n".format(*run(job, int(size))))
        sys.stdout.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
