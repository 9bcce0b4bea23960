"""What `gather()` and `race()` are made of: a block for the awaitables of one call.

Coroutines become the block's own tasks, its *children*; tasks that are given belong to
another block and are only watched. The block ends when all have ended, or as soon as one
ends that decides the outcome, as the helper defines it. Then, or when the caller is
cancelled, the children that are left are cancelled and awaited, so that nothing outlives
the call (D5).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, TypeVar

import anyio

from ._arguments import close_all, coroutine_of
from ._cancellation import holds_cancellation
from ._groups import _Block
from ._outcome import CANCELLED, FINISHED
from ._tasks import Task, current_task
from ._workers import begin_together

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Child(Task[T_co]):
    """A task of such a block, which tells it when it ends."""

    __slots__ = ()

    _owner: Children

    def _end(self) -> None:
        super()._end()
        self._owner.ended(self)

    def cancel_message(self) -> object:
        """Return the message it is cancelled with: its own, or the caller's."""
        if self._cancel_requested:
            return self._message
        return self._owner.caller_message()


class Children(_Block):
    """Runs and watches what a helper was given.

    Attributes:
        decisive: the task whose end ended the block, or `None`.
        cancellation: the cancellation of the caller, or `None`.
        gave_way: whether any has ended by being cancelled.
        interrupted: whether the caller was cancelled before the last of them had ended.

    Args:
        decides: whether the end of a task decides.
        cancels_given: whether given tasks are to end too then. They always are when the
            caller is cancelled, as whatever a task awaits.
    """

    def __init__(
        self, decides: Callable[[Task[Any]], bool], *, cancels_given: bool = False
    ) -> None:
        self._caller = current_task()
        super().__init__()
        self._decides = decides
        self._cancels_given = cancels_given
        self._caller_cancelled = False
        self._given_pending: set[Task[Any]] = set()
        self._given_ended: anyio.Event | None = None
        self._failed: list[Task[Any]] = []
        self.decisive: Task[Any] | None = None
        self.cancellation: BaseException | None = None
        self.gave_way = False
        self.interrupted = False

    async def run(self, aws: Iterable[Awaitable[Any]]) -> list[Task[Any]]:
        """Wait until all have ended, or one that decides; end the children.

        Args:
            aws: what to wait for; the same one twice is run once.

        Returns:
            The tasks, one for each of `aws`.
        """
        body: BaseException | None = None
        tasks: dict[Awaitable[Any], Task[Any]] = {}
        beginning: deque[Task[Any]] = deque()
        try:
            for aw in aws:
                if isinstance(aw, Task):
                    tasks[aw] = aw
                elif aw not in tasks:
                    tasks[aw] = child = Child(coroutine_of(aw), self)
                    beginning.append(child)
        except TypeError:  # it has no hash
            close_all([*aws, *(child.get_coro() for child in beginning)])
            raise
        await self.__aenter__()
        try:
            self._begin(beginning, False)
            self._watch([aw for aw in tasks if isinstance(aw, Task)])
            if self._given_ended is not None:
                await self._given_ended.wait()
        except BaseException as error:
            body = error
            if self.decisive is None:
                self._caller_cancelled = True
                self._cancel_given()
        for raised in await self._leave(body):
            if holds_cancellation(raised):
                self.cancellation = raised
            elif not any(raised is failure_of(task) for task in self._failed):
                # Not the `KeyboardInterrupt` or `SystemExit` of a child, which is kept with
                # its other failures; but trio raises Ctrl-C wherever the main task waits.
                raise raised
        if self._given_pending:
            await self._let_go(cancel=self._cancels_given or self.decisive is None)
        return [tasks[aw] for aw in aws]

    def start(self, coro: Coroutine[Any, Any, T]) -> Task[T]:
        """Start a child; children too may start further ones."""
        task = Child(coro, self)
        task._handle = self._group.create_task(task._run(), name=task._name)
        self.pending.add(task)
        return task

    def _begin(self, children: deque[Task[Any]], alone: bool) -> None:
        """Start children in tasks of their own, or in one together."""
        self.pending.update(children)
        if alone:
            for child in children:
                child._handle = self._group.create_task(child._run(), name=child._name)
            children.clear()
        elif children:
            handle = self._group.create_task(
                begin_together(children, self._begin), name=children[0]._name
            )
            for child in children:
                child._handle = handle

    # -- tasks of other blocks ---------------------------------------------------------

    def _watch(self, given: list[Task[Any]]) -> None:
        self._given_pending = {task for task in given if not task.done()}
        if self._given_pending:
            self._given_ended = anyio.Event()
        for task in given:
            if task.done():
                self.ended(task)
            else:
                task.add_done_callback(self._ended_elsewhere)

    def _ended_elsewhere(self, task: Task[Any]) -> None:
        self._given_pending.discard(task)
        if not self._given_pending and self._given_ended is not None:
            self._given_ended.set()
        self.ended(task)

    def _cancel_given(self) -> None:
        for task in list(self._given_pending):
            task.cancel(self.caller_message())

    async def _let_go(self, *, cancel: bool) -> None:
        if cancel:
            self._caller_cancelled = True  # what ends from now on ends because of this
            self._cancel_given()
            with anyio.CancelScope(shield=True):
                for task in list(self._given_pending):
                    while not task.done():
                        await task._handle.wait()
        for task in self._given_pending:
            task.remove_done_callback(self._ended_elsewhere)

    # -- what becomes of them ----------------------------------------------------------

    def ended(self, task: Task[Any]) -> None:
        """Take note: this one has ended. End the block if that decides."""
        if not self.pending and not self.interrupted:
            # A cancellation that is still on its way to the caller shows inside its children;
            # a task of another block is none of them.
            if task._owner is self:
                sent = anyio.current_effective_deadline() == -math.inf
            else:
                # Its failure may have cancelled a block that the caller is in, just now.
                sent = task._owner.cancelled or (
                    self._caller is not None and self._caller._cancel_requested
                )
            self.interrupted = sent or self._caller_cancelled
        if task._state is CANCELLED:
            self.gave_way = True
            if self._with_the_caller(task):
                return
        if self.decisive is not None or not self._decides(task):
            return
        self.decisive = task
        if self._cancels_given:
            self._cancel_given()
        if not self._finished:
            self.cancelled = True
            self._group.cancel_scope.cancel()

    def _with_the_caller(self, task: Task[Any]) -> bool:
        """Whether a task was cancelled only because the caller is."""
        if self._caller_cancelled or task._owner is not self:
            return self._caller_cancelled
        return not task._cancel_requested and anyio.current_effective_deadline() == -math.inf

    def task_failed(self, task: Task[Any]) -> None:
        """Keep a child that failed."""
        self._failed.append(task)

    def failure_retrieved(self, task: Task[Any]) -> None:
        """The helper sees every failure itself."""

    def settle(self, caller: str, *, cancelled: bool = True) -> None:
        """Raise what ended the block early, if anything did, and let go of the tasks.

        Args:
            caller: the helper's name, for the errors that are kept beside the one raised.
            cancelled: whether a cancellation of the caller is to be raised; not so where
                nobody has given way and all there was to do is done.
        """
        decisive, cancellation = self.decisive, self.cancellation
        try:
            if decisive is not None and (cancellation is None or not decisive.cancelled()):
                decisive.result()
            if cancellation is not None and cancelled:
                raise cancellation
        except BaseException as error:
            keep(self.other_errors(), error, f"other errors in {caller}()")
            raise
        else:
            if self._callback_errors:
                message = f"errors of done callbacks in {caller}()"
                raise BaseExceptionGroup(message, self._callback_errors)
        finally:
            self.forget()
            del self, decisive, cancellation  # see `Task._retrieve`

    def other_errors(self) -> list[BaseException]:
        """Return the errors of all children but the decisive one, and of their callbacks."""
        errors = [task._exception for task in self._failed if task is not self.decisive]
        return [*errors, *self._callback_errors]

    def forget(self) -> None:
        """Let go of the tasks: they hold this, and an exception among them would live on."""
        self.decisive = self.cancellation = self._caller = None
        self._failed.clear()

    def caller_message(self) -> object:
        """Return what the caller is cancelled with, for those that are cancelled with it."""
        return self._caller.cancel_message() if self._caller is not None else None

    @property
    def cancelled(self) -> bool:
        """Whether a child that has not begun never shall; asked inside the child.

        That is so from the moment in which somebody cancels the caller, not only when the
        caller learns of it.
        """
        if self._stopped:
            return True
        caller = self._caller
        if caller is None or not (caller._cancel_requested or caller._owner.cancelled):
            return False
        # It may be a clean-up under a shield, which runs on.
        return anyio.current_effective_deadline() == -math.inf

    @cancelled.setter
    def cancelled(self, value: bool) -> None:
        self._stopped = value


def caller_message() -> object:
    """Return what the running task is cancelled with, if it is, for what it waits for."""
    caller = current_task()
    return caller.cancel_message() if caller is not None else None


def spoils(task: Task[Any]) -> bool:
    """Whether this end is one that `gather()` raises."""
    return task._state is not FINISHED


def failure_of(task: Task[Any]) -> BaseException | None:
    """Return what a task has failed with, without counting that as retrieved."""
    return getattr(task, "_exception", None)  # unset where it has not failed


def keep(others: list[BaseException], error: BaseException, message: str) -> None:
    """Keep errors that cannot be raised in the history of the one that is."""
    others = [other for other in others if other is not error]
    if others:
        group = BaseExceptionGroup(message, others)
        group.__context__ = error.__context__
        error.__context__ = group
