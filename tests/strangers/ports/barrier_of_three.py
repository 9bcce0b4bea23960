"""Two tasks and the main one meet at a barrier, with AnyIO."""

import anyio


class BrokenBarrierError(RuntimeError):
    pass


class Barrier:
    """So many tasks wait for each other; AnyIO has none."""

    def __init__(self, parties):
        self._parties = parties
        self._open = anyio.Event()
        self.n_waiting = 0
        self.broken = False

    async def wait(self):
        if self.broken:
            raise BrokenBarrierError
        place = self.n_waiting
        self.n_waiting += 1
        if self.n_waiting < self._parties:
            await self._open.wait()
        else:
            self._open.set()
            self._open = anyio.Event()
            self.n_waiting = 0
        return place

    def abort(self):
        self.broken = True


async def main():
    barrier = Barrier(3)
    places = []

    async def meet():
        places.append(await barrier.wait())

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(meet)
        tasks.start_soon(meet)
        await anyio.sleep(0.5)
        print(barrier.n_waiting)
        await barrier.wait()
        print(barrier.broken, barrier.n_waiting)
    print(sorted(places))
    barrier.abort()
    try:
        await barrier.wait()
    except BrokenBarrierError:
        print("broken")


anyio.run(main)
