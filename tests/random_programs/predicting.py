"""What the contract says a random program does: asyncio's meaning and the declared differences.

The model is an interpreter too. It stands on raw asyncio's tasks and futures, but uses none
of asyncio's cancellation, time limits or groups: a cancellation here is a flag on a `Scope`,
and whoever waits looks at it. Where the contract departs from asyncio the model writes down
the number of that difference. So for each program, before portable runs it,

- the model tells what portable shall do, to the line and the instant;
- where that is not what raw asyncio does, the notes tell which differences it touches.

Run with a seed, the model lets each callback of the loop wait for a random number of turns.
If two seeds show different things, the program's outcome depends on the order in which tasks
that are ready at the same instant run; that order is free (D7), and no port can promise it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import Random
from typing import Any, NoReturn

from .gathering import Gathering
from .interpreting import RAW, Interpreter, TaskCancelled
from .modelling import MESSAGE, Future, Job, Notes, Owner, Scope, args, dawdle
from .steps import Block, Body, Gather, Group, RandomProgram


class Model(Interpreter):
    """Runs one program as the contract says."""

    def __init__(self, program: RandomProgram, notes: Notes, seed: int | None = None) -> None:
        super().__init__(program, RAW)
        self.random = None if seed is None else Random(seed)
        self.notes = notes.differences
        self.all_notes = notes
        self.live: list[Job] = []
        self.natives: list[asyncio.Task[None]] = []
        self.unretrieved: dict[Job, BaseException] = {}
        cancelled = (asyncio.CancelledError, TaskCancelled)
        self.catchable["CancelledError"] = cancelled

    async def main(self) -> int:
        if self.random is not None:
            dawdle(self.random)
        self.ambient = Owner(Scope(None))
        me = self.first = Job(0, Owner(Scope(None)))
        me.begun = True
        failures: list[BaseException] = []
        value = 0
        try:
            value = await self.life(me, self.program.main)
        except BaseException as error:
            failures.append(error)
        self.report(me)
        await self.shut_down()
        if self.unretrieved:
            self.notes.add("D6")
            failures += self.unretrieved.values()
            raise BaseExceptionGroup("unretrieved failures in a Supervisor", failures)
        if failures:
            raise failures[0]
        return value

    async def shut_down(self) -> None:
        if not all(job.begun for job in self.live):
            self.notes.add("D7")  # asyncio's loop takes one more turn after main's
        self.cancel_scope(self.ambient.scope)
        while self.live:
            await self.settled(self.live)

    def somebody(self, number: int) -> Job:
        raise NotImplementedError("the model's main makes its own")

    # -- cancelling and waiting ----------------------------------------------------------

    def cancel_scope(self, scope: Scope) -> None:
        scope.cancelled = True
        for job in (self.first, *self.live):
            poke = job.poke
            if poke is not None and not poke.done() and job.scope.effective():
                poke.set_result(any(future.done() for future in job.waits_for))

    async def pause(self, me: Job, futures: Iterable[Future]) -> None:
        """Wait until one of the futures is done, unless `me` is cancelled."""
        await self.check(me)
        me.waits_for = list(futures)
        poke = me.poke = asyncio.get_running_loop().create_future()
        await asyncio.wait([*me.waits_for, poke], return_when="FIRST_COMPLETED")
        me.poke = None
        if poke.done() and poke.result():
            self.notes.add("D10")  # what it waited for was there when the cancellation came
        elif poke.done():
            self.give_way(me)
        if me.scope.hurries():
            self.all_notes.free = True  # the limit may strike first, or what is waited for

    async def check(self, me: Job) -> None:
        """Give way if `me` is cancelled already; others may get a turn before."""
        if me.scope.effective():
            if me.told:
                self.notes.add("D1")
            if self.random is None or self.random.choice((True, False)):
                await asyncio.sleep(0)
            self.give_way(me)

    def give_way(self, me: Job) -> NoReturn:
        me.told = True
        raise asyncio.CancelledError

    async def settled(self, jobs: Iterable[Job]) -> None:
        """Wait for the end of all of them, whatever happens meanwhile."""
        ends = [job.ended for job in jobs]
        if ends:
            await asyncio.wait(ends)

    # -- tasks ---------------------------------------------------------------------------

    def spawn(self, me: Job, body: Body) -> Job:
        if self.ambient.scope.cancelled:
            self.notes.add("D5")  # the run is ending; asyncio may still let a task begin
        return self.start(body, self.ambient)

    def start(self, body: Body, owner: Owner) -> Job:
        job = Job(body.number, owner)
        self.live.append(job)
        self.natives.append(asyncio.create_task(self.run(job, body)))
        return job

    async def run(self, job: Job, body: Body) -> None:
        try:
            if job.root.cancelled or job.owner.ends_what_has_not_begun():
                job.cancel_args = args(job.request_message())
                if job.requested and job.owner.ends_what_has_not_begun():
                    # Cancelled by somebody, and then by its block, which has no message:
                    # asyncio tells the last one, portable the one there is.
                    self.notes.add(MESSAGE)
                return
            job.begun = True
            job.value = await self.life(job, body)
            if job.root.cancelled:
                self.notes.add("D10" if not job.told else "D1")
        except asyncio.CancelledError:
            job.cancel_args = args(job.request_message())
        except TaskCancelled as error:
            job.cancel_args = error.args
        except Exception as error:
            job.error = error
            if job.owner is self.ambient:
                self.unretrieved[job] = error
            job.owner.failed.append(job)
        finally:
            self.live.remove(job)
            if job.error is not None and job.owner.stands_and_falls:
                self.cancel_scope(job.owner.scope)  # first, as those who await it learn of it
            for watcher in job.watchers:
                watcher(job)
            job.ended.set_result(None)

    def cancel(self, me: Job, task: Job, message: str | None) -> bool:
        return self.request(task, message)

    def request(self, job: Job, message: str | None) -> bool:
        if job.done():
            return False
        if job.begun and job.requested:
            self.notes.add("D1")  # asyncio would cancel it once more
        else:
            job.message = message
        job.requested = True
        self.cancel_scope(job.root)
        return True

    async def wait(self, me: Job, task: Job) -> int:
        if not task.done():
            if me.requested and me.scope.effective():
                self.request(task, me.message)  # there and then
            if me.requested and not me.told and me.message is not None:
                # asyncio's task in Python hands the message down as well; the one in C drops
                # it if the task has cancelled itself.
                self.notes.add(MESSAGE)
            try:
                await self.pause(me, [task.ended])
            except asyncio.CancelledError:
                ready = task.done()
                if not ready:
                    self.request(task, me.request_message())
                    await self.settled([task])
                self.told_of(task)
                if task.cancelled() or (ready and task.error is not None):
                    raise
                if ready:
                    self.notes.add("D10")
                    self.all_notes.free = True  # it ended after the cancellation was sent
        return self.outcome(task)

    def told_of(self, task: Job) -> None:
        """Somebody who awaits a task is told how it was cancelled, if it was."""
        if task.cancel_args:
            self.notes.add(MESSAGE)  # asyncio tells the message once, portable each time

    def outcome(self, task: Job) -> int:
        if task.cancelled():
            self.notes.add("D4")
        self.unretrieved.pop(task, None)
        value: Any = task.result()
        return value  # type: ignore[no-any-return]

    async def shield(self, me: Job, task: Job) -> int:
        if not task.done():
            try:
                await self.pause(me, [task.ended])
            except asyncio.CancelledError:
                if not task.done() or task.cancelled() or task.error is not None:
                    raise
                self.notes.add("D10")
                self.all_notes.free = True  # it ended after the cancellation was sent
        return self.outcome(task)

    async def sleep(self, me: Job, delay: float) -> None:
        loop = asyncio.get_running_loop()
        future: Future = loop.create_future()
        timer = loop.call_later(delay, future.set_result, None)
        try:
            await self.pause(me, [future])
        finally:
            timer.cancel()

    # -- blocks --------------------------------------------------------------------------

    @asynccontextmanager
    async def limit(self, me: Job, delay: float) -> AsyncIterator[None]:
        scope = me.scope = Scope(me.scope)
        loop = asyncio.get_running_loop()
        scope.has_no_time = delay <= 0
        if scope.has_no_time and scope.effective():
            self.notes.add("D1")  # asyncio takes the request that is there for the limit's own
        timer = loop.call_later(max(delay, 0), self.cancel_scope, scope)
        try:
            yield
        except asyncio.CancelledError:
            assert scope.parent is not None
            if scope.cancelled and not scope.parent.effective():
                raise TimeoutError from None
            raise
        finally:
            assert scope.parent is not None
            timer.cancel()
            me.scope = scope.parent

    async def wait_for_task(self, me: Job, delay: float, task: Job) -> int:
        if delay > 0:
            async with self.limit(me, delay):
                return await self.wait(me, task)
        if task.done():
            return self.outcome(task)
        self.request(task, None)
        try:
            return await self.wait(me, task)
        except TaskCancelled:
            raise TimeoutError from None

    async def wait_for_block(self, me: Job, delay: float, block: Block) -> None:
        if delay <= 0:
            await self.sleep(me, 0)
            raise TimeoutError
        async with self.limit(me, delay):
            await self.block(me, block)

    async def group(self, me: Job, step: Group) -> None:
        owner = Owner(Scope(me.scope))
        owner.stands_and_falls = True
        if me.scope.effective():
            self.all_notes.free = True  # whether its tasks begin is for the backend to say
        me.scope = owner.scope
        raised: BaseException | None = None
        jobs = []
        try:
            for body in step.children:
                jobs.append(self.start(body, owner))
                self.tasks[body.number] = jobs[-1]
            await self.block(me, step.block)
        except BaseException as error:
            raised = error
            self.cancel_scope(owner.scope)
        ended = all(job.done() for job in jobs)
        await self.settled(jobs)
        assert owner.scope.parent is not None
        me.scope = owner.scope.parent
        failures = [job.error for job in owner.failed if job.error is not None]
        if raised is not None and not isinstance(raised, asyncio.CancelledError):
            failures.append(raised)
        if failures:
            raise BaseExceptionGroup("unhandled errors in a TaskGroup", failures)
        if raised is not None:
            raise raised
        if me.scope.effective() and ended:
            self.notes.add("D1")  # where there is no task to wait for, asyncio does not look
        await self.check(me)

    async def gather(self, me: Job, step: Gather) -> list[object]:
        if me.scope.effective() and not me.requested:
            self.notes.add("D1")  # asyncio's takes some turns through the groups around it
        await self.check(me)
        return await Gathering(self, me, step).outcome()

    @contextmanager
    def protected(self, me: Job) -> Iterator[None]:
        scope = me.scope = Scope(me.scope, shielded=True)
        try:
            yield
        finally:
            assert scope.parent is not None
            me.scope = scope.parent
            if me.scope.effective():
                self.notes.add("D1")  # asyncio would have interrupted it
