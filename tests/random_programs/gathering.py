"""What the contract says of `gather()`: the part of the model with most cases."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .interpreting import TaskCancelled
from .modelling import Job, Owner, Scope
from .steps import Gather

if TYPE_CHECKING:
    from .predicting import Model


class Gathering:
    """One call of `gather()`.

    Its coroutines are tasks of a scope of their own. The first of all that spoils it cancels
    that scope (D5); a cancellation of the caller reaches the scope by itself, and the tasks
    of other owners by request.
    """

    def __init__(self, model: Model, me: Job, step: Gather) -> None:
        self.model = model
        self.me = me
        self.return_exceptions = step.return_exceptions
        self.owner = Owner(Scope(me.scope))
        self.owner.caller = me
        self.decisive: Job | None = None
        self.cancelled = False
        self.children = [model.start(body, self.owner) for body in step.children]
        self.given = [model.tasks[step.task]] if step.task in model.tasks else []
        self.jobs: list[Job] = self.children + self.given
        for job in self.jobs:
            if job.done():
                self.ended(job)
            else:
                job.watchers.append(self.ended)

    def ended(self, job: Job) -> None:
        """Look at the outcome of one of them."""
        with_caller = self.cancelled or (job in self.children and self.me.scope.effective())
        spoilt = job.error is not None or (job.cancelled() and not with_caller)
        if self.return_exceptions or self.decisive is not None or not spoilt:
            return
        self.decisive = job
        if any(not other.done() for other in self.jobs if other is not job):
            self.model.notes.add("D5")  # asyncio lets the others go on
        self.model.cancel_scope(self.owner.scope)

    async def outcome(self) -> list[object]:
        await self.wait()
        if self.cancelled and self.decisive is not None and self.decisive.cancelled():
            self.decisive = None
        if self.decisive is not None:
            self.model.outcome(self.decisive)
        if self.cancelled:
            self.model.give_way(self.me)
        return [self.collected(job) for job in self.jobs]

    async def wait(self) -> None:
        try:
            while self.decisive is None and (left := self.left()):
                await self.model.pause(self.me, [job.ended for job in left])
        except asyncio.CancelledError:
            self.cancelled = True
            if not (self.left() or self.children or self.me.requested):
                self.model.all_notes.free = True  # the tasks ended after the limit had struck
            if self.decisive is None:
                for job in self.given:
                    self.model.request(job, self.me.request_message())
                await self.model.settled(self.given)
                for job in self.given:
                    self.model.told_of(job)
        await self.model.settled(self.children)
        if self.decisive is not None:
            self.cancelled = self.me.scope.effective()
            if self.cancelled and self.decisive.error is not None:
                self.model.notes.add("D10")  # asyncio would lose the failure

    def left(self) -> list[Job]:
        return [job for job in self.jobs if not job.done()]

    def collected(self, job: Job) -> object:
        self.model.unretrieved.pop(job, None)
        if job.cancelled():
            return TaskCancelled(*(job.cancel_args or ()))
        return job.value if job.error is None else job.error
