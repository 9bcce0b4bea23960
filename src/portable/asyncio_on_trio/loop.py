"""asyncio's event loop, with trio underneath.

The loop is a subclass of asyncio's selector loop. Transports, servers, executors, exception
handlers and debug mode are CPython's code. The queue of callbacks, the timers, and who runs
them are portable's.

**Order.** Callbacks run in asyncio's order and iterations: what is ready at the start of an
iteration runs in it, and what that makes ready runs in the next one. A step of a task is a
callback, too, but must run in the task's own trio task, if it has one (`worker.py`). So there
is one *turn*. Whoever has it runs callbacks (`conduct()`) until the next one is a step of
another worker's task. Then it wakes that worker and hands over the turn, which costs a turn of
trio. Trio also gets a turn, for its own tasks and I/O, after 32 callbacks, or after two
iterations while a task of asyncio's has something of trio's.

**Idle.** When nothing is ready, nobody has the turn. The *pump*, a trio task of the loop,
sleeps until the next timer is due or something is made ready from outside.

A loop lives inside a trio run (`opening.py`), or hosts a trio run of its own (`guest.py`).
"""

from __future__ import annotations

import asyncio
import collections
import inspect
import logging
import math
import sys
import threading
import time
import types
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Context, copy_context
from typing import Any, TypeVar, TypeVarTuple

import outcome
import trio
from trio.lowlevel import Abort, disable_ki_protection, reschedule

from .adoption import adopt, explain, is_making_a_task
from .asyncgens import install_hooks
from .futures import Future
from .guest import Host
from .plain_tasks import loop_closed, loop_opened
from .selector import NestedSelector
from .signals import SignalHandlers
from .steps import Step, is_step
from .task import Task, forget_frames, make_task
from .timers import Timers
from .traps import TURN, RaiseCancel, sleep_trap
from .worker import Worker
from .worker_pool import WorkerPool

T = TypeVar("T")
Args = TypeVarTuple("Args")
logger: logging.Logger = logging.getLogger("asyncio")

#: After so many callbacks trio gets a turn, at the end of the iteration. A turn takes as long
#: as two or three callbacks, so it takes a tenth of the time at most.
_CALLBACKS_A_TURN = 32
#: After so many iterations trio gets a turn while a task of asyncio's has something of trio's,
#: or waits there: then somebody depends on what goes on in trio.
_ITERATIONS_A_TURN = 2

#: The class of what `call_soon_threadsafe()` returns. From Python 3.14 on it is a class without
#: a public name, whose `cancel()` waits for the callback to end.
ThreadSafeHandle: type[asyncio.Handle] = getattr(
    asyncio.events, "_ThreadSafeHandle", asyncio.Handle
)


class EventLoop(asyncio.SelectorEventLoop):
    """asyncio's loop on trio.

    Attributes:
        inside: the driver whose coroutine runs now because trio has woken its worker; `None`:
            no such one. That worker conducts when the coroutine waits again.
        starts_eagerly: whether a `Task` is being made that starts eagerly. Its constructor is
            about to call `is_running()`.
        ending: whether the loop was told to end.
        queue: handles and steps that are ready.
        is_debugging: whether it is in debug mode; an attribute, as it is read at each step.
        halted: whether it stands still between two iterations, until `go_on()`.
        awaited: how many calls of `run_until_complete()` are under way.
        pool: the workers.
        plain_waits: the plain trio tasks that wait for a future of the loop.
        natives: the loop's own trio tasks, which are the workers and the pump.
        order: splits the ready callbacks into those to run now, in order, and those to keep for
            the next iteration; `None`: all run now, in asyncio's order.
        clock: trio's clock for a run that the loop hosts; `None`: `time.monotonic()`.
        instruments: trio's instruments for such a run.
        over: set when the loop inside a trio run has closed; `open_loop()` waits for it.
        is_finalizing: whether such a loop ends what is left, or has done so.
        call_at_end: called when such a loop has ended.
        on_stop: called after `stop()` if the loop lives inside a trio run, with the error that
            stopped it or `None`; returns whether the loop is to stand still.
    """

    inside: object = None
    is_debugging: bool = False
    starts_eagerly: bool = False
    halted: bool = False
    order: Callable[[list[Any]], tuple[list[Any], list[Any]]] | None = None
    clock: trio.abc.Clock | None = None
    instruments: tuple[trio.abc.Instrument, ...] = ()
    awaited: int = 0
    over: trio.Event | None = None
    is_finalizing: bool = False
    call_at_end: Callable[[], object] = bool
    on_stop: Callable[[BaseException | None], object] | None = None
    _host: Host | None = None

    def __init__(self) -> None:
        self.queue: collections.deque[asyncio.Handle | Step] = collections.deque()
        self._timers = Timers()
        self._now: Callable[[], float] = time.monotonic
        # How many entries of the queue are left for this iteration.
        self._todo = 0
        # Whether somebody has the turn. As long as the loop is in no trio run, nobody can wake
        # its pump, and the turn counts as taken.
        self._turn_taken = True
        # How many more callbacks run before trio gets a turn; whether it has just had one.
        self._spare = 0
        self._turned = False
        # Whether a `Task` is being made that starts eagerly, and shall be adopted.
        self._making_eagerly = False
        self._pump_task: trio.lowlevel.Task | None = None
        self._pump_sleeps = False
        self._pump_turn = False
        self._pump_waits_for_sockets = False
        self._pump_scope = trio.CancelScope()
        self.pool: WorkerPool = WorkerPool(self)
        self.natives: set[trio.lowlevel.Task] = set()
        self.plain_waits: set[trio.lowlevel.Task] = set()
        self._thread: int | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._stop_asked = False
        self.ending: bool = False
        self._failure: BaseException | None = None
        self._breakdown: BaseException | None = None
        self._halt: Callable[[], bool] = bool
        # With the first socket the pump has to wait for sockets, too.
        self._sockets = NestedSelector(self._wake)
        self._signals = SignalHandlers(self, self.queue.append)
        super().__init__(self._sockets)

    # Callbacks and timers ----------------------------------------------------------------

    def call_soon(
        self,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.Handle:
        handle: Any
        if is_step(callback):
            if self.is_closed():
                raise RuntimeError("Event loop is closed")
            task = callback.__self__  # type: ignore[attr-defined]
            if type(task) is not Task:
                if hasattr(task, "_driver"):
                    explain(task, callback)
                else:
                    eagerly, self._making_eagerly = self._making_eagerly, False
                    if adopt(self, task, context, eagerly=eagerly):
                        return None  # type: ignore[return-value]
            # An empty context is false.
            context = copy_context() if context is None else context
            handle = (task, callback, args, context)
        else:
            self._check("call_soon", callback)
            handle = asyncio.Handle(callback, args, self, context)
            if self.is_debugging:
                forget_frames(handle, 1)
        self.queue.append(handle)
        if not self._turn_taken and self.inside is None:
            self._wake()
        return handle  # type: ignore[no-any-return]

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.Handle:
        self._check("call_soon_threadsafe", callback, any_thread=True)
        handle = ThreadSafeHandle(callback, args, self, context)
        if self.is_debugging:
            forget_frames(handle, 1 if ThreadSafeHandle is asyncio.Handle else 2)
        self._deliver(handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if delay is None:
            raise TypeError("delay must not be None")
        handle = self.call_at(self.time() + delay, callback, *args, context=context)
        if self.is_debugging:
            forget_frames(handle, 1)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Args], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        if when is None:
            raise TypeError("when cannot be None")
        try:
            is_nan = not when <= math.inf
        except TypeError:
            raise TypeError(f"when must be a number of seconds, got {when!r}") from None
        if is_nan:
            raise ValueError("a timer cannot be set at NaN")
        self._check("call_at", callback)
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        if self.is_debugging:
            forget_frames(handle, 1)
        if self._timers.add(when, handle) and not self._turn_taken:
            self._set_alarm()
        return handle

    def time(self) -> float:
        return self._now()

    def _check(self, caller: str, callback: Any, any_thread: bool = False) -> None:
        """Refuse what cannot be called, with the messages of asyncio's own loop."""
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        if not self.is_debugging:
            return
        if not any_thread and self._thread not in (None, threading.get_ident()):
            raise RuntimeError(
                "Non-thread-safe operation invoked on an event loop other than the current one"
            )
        if asyncio.iscoroutine(callback) or inspect.iscoroutinefunction(callback):
            raise TypeError(f"coroutines cannot be used with {caller}()")
        if not callable(callback):
            raise TypeError(f"a callable object was expected by {caller}(), got {callback!r}")

    def set_debug(self, enabled: bool) -> None:
        super().set_debug(enabled)
        self.is_debugging = enabled

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._timers.note_cancelled()

    def next_timer(self) -> float:
        """Return when the next timer is due, or infinity."""
        return self._timers.earliest()

    def _collect_timers(self) -> None:
        self.queue.extend(self._timers.take_due(self.time()))

    # Sockets and signals -----------------------------------------------------------------

    def _collect_events(self) -> None:
        """Put the callbacks of what is ready into the queue.

        Only asyncio's own method knows the data in a selector's keys; it has no public name.
        """
        events = self._sockets.select(0)
        if events:
            self._process_events(events)  # type: ignore[attr-defined]
            ready = self._ready  # type: ignore[attr-defined]
            self.queue.extend(ready)
            ready.clear()

    def watched(self) -> list[int]:
        """Return the file descriptors that the program waits for, without the loop's own."""
        own = self._signals.fileno()
        return [key.fd for key in self._sockets.get_map().values() if key.fd != own]

    def waits_for_sockets(self) -> bool:
        """Say whether the pump waits in trio for the sockets."""
        return self._pump_waits_for_sockets

    def _deliver(self, handle: asyncio.Handle) -> None:
        """Put a handle into the queue from anywhere: another thread, a signal handler."""
        self.queue.append(handle)
        if self._turn_taken and self._thread == threading.get_ident():
            return  # whoever has the turn looks at the queue, once more after giving it up
        token = self._token  # another thread may detach the loop in this moment
        if token is not None:
            try:
                token.run_sync_soon(self._wake, idempotent=True)
            except trio.RunFinishedError:
                raise RuntimeError("Event loop is closed") from None

    def add_signal_handler(
        self, sig: int, callback: Callable[[*Args], object], *args: *Args
    ) -> None:
        self._signals.add(sig, callback, args)

    def remove_signal_handler(self, sig: int) -> bool:
        return self._signals.remove(sig)

    # Tasks and futures -------------------------------------------------------------------

    def create_future(self) -> asyncio.Future[Any]:
        return Future(loop=self)

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, T], **options: Any
    ) -> asyncio.Task[T]:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        factory = self.get_task_factory()
        if factory is None:
            return make_task(self, coro, **options)
        if factory is getattr(asyncio, "eager_task_factory", None):
            options.setdefault("eager_start", True)
            return make_task(self, coro, **options)
        return super().create_task(coro, **options)

    # Whose turn it is --------------------------------------------------------------------

    def conduct(self, worker: Worker | None) -> object:
        """Run what is ready, as the one who has the turn.

        Args:
            worker: the worker that calls; `None`: the pump.

        Returns:
            `TURN`: the caller has to yield that to trio and call again. Otherwise the turn was
            handed on, or the worker has a `step` of its own to take.
        """
        queue = self.queue
        while True:
            while self._todo > 0:
                self._todo -= 1
                if type(queue[0]) is not tuple:
                    # No name for the handle: its error has this frame in the traceback.
                    self._run_handle(queue.popleft())  # type: ignore[arg-type]
                    continue
                entry: Any = queue.popleft()
                other: Worker | None = entry[0]._worker
                if other is None:
                    if worker is not None and worker.free:
                        if self.is_debugging:
                            worker.step = entry
                        elif worker.take(entry):
                            del entry
                            continue
                    elif self.pool.free:
                        other = self.pool.free.pop()
                        other.step = entry
                        other.wake()
                    else:
                        self.pool.hire(entry)
                else:
                    other.step = entry
                    if other is not worker:
                        other.wake()
                # A callback's error may have this frame, which must not keep the task alive.
                del entry, other
                return None
            if self._stop_asked and self._halt():
                self.halted = True
                return None
            turned, self._turned = self._turned, False
            if self._sockets.held and not turned:  # else they are in the queue
                self._collect_events()
            if self._timers:
                self._collect_timers()
            if not queue:
                if (
                    self._pump_sleeps
                    and not self._pump_waits_for_sockets
                    and self._sockets.held
                ):
                    self._wake_pump()  # it has to wait for the sockets, too
                    return None
                self._turn_taken = False
                if queue:  # from a signal handler, in this moment
                    self._turn_taken = True
                    continue
                self._set_alarm()
                return None
            if self._spare <= 0:
                if not turned and not self._next_is_elsewhere(worker):
                    self._turned = True
                    return TURN
                self._spare = _CALLBACKS_A_TURN  # that one is woken by a turn, too
            self._todo = len(queue)
            pool = self.pool
            idle = len(pool.free) + (worker is not None and worker.free)
            if len(pool.workers) > idle:
                self._spare -= _CALLBACKS_A_TURN // _ITERATIONS_A_TURN
            else:
                self._spare -= self._todo
            if self.order is not None:
                now, later = self.order(list(queue))
                self._todo = len(now)
                queue.clear()
                queue.extend([*now, *later])
                del now, later

    def _next_is_elsewhere(self, worker: Worker | None) -> bool:
        """Say whether what is next is a step of a task that another worker has."""
        entry: Any = self.queue[0]
        if type(entry) is not tuple:
            return False
        other: Worker | None = entry[0]._worker
        return other is not None and other is not worker

    def pass_on(self) -> None:
        """Hand the turn on, as the one who has it is about to wait in trio."""
        if self.conduct(None) is TURN:
            self._wake_pump()

    def take_over(self) -> bool:
        """Take the turn after a step that trio caused, if it is needed and nobody has it."""
        if self._turn_taken or not self.queue:
            return False
        self._turn_taken = True
        return True

    @disable_ki_protection
    def _run_handle(self, handle: asyncio.Handle) -> None:
        try:
            if handle.cancelled():
                return
            if self.is_debugging:
                began = self.time()
                current: Any = self
                current._current_handle = handle  # asyncio's handler tells where it was made
                try:
                    handle._run()
                finally:
                    current._current_handle = None
                    del current
                self.complain_if_slow(handle, began)
            else:
                handle._run()
        except BaseException as error:
            self.fail(error, handle)
        finally:
            del handle

    def _wake(self) -> None:
        """Give the turn to the pump if nobody has it."""
        if self._turn_taken:
            return
        if self._thread != threading.get_ident() and self._token is not None:
            # asyncio forbids this, but notices it in debug mode alone; so it works here, too.
            self.call_in_run(self._wake)
            return
        self._turn_taken = True
        self._wake_pump()

    def _wake_pump(self) -> None:
        self._pump_turn = True
        if self._pump_sleeps:
            self._pump_sleeps = False
            if self._pump_waits_for_sockets:
                self._pump_scope.cancel()
            else:
                assert self._pump_task is not None
                reschedule(self._pump_task)

    def _set_alarm(self) -> None:
        if self._thread != threading.get_ident():
            self.call_in_run(self._set_alarm)
        elif self._pump_sleeps:
            when = self._timers.earliest()
            if self._pump_scope.deadline != when:
                self._pump_scope.deadline = when

    def call_in_run(self, call: Callable[..., object], *args: object) -> None:
        """Call something soon in the trio run; do nothing if that is over.

        It may be called at any time: by another thread, by a finalizer.
        """
        token = self._token
        if token is not None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(call, *args, idempotent=True)

    async def pump(self) -> None:
        """Keep the loop going, in this trio task, until it is told to end."""
        self._pump_task = trio.lowlevel.current_task()
        self.natives.add(self._pump_task)
        await self._pump()

    @types.coroutine
    def _pump(self) -> Generator[Any, Any, None]:
        def abort(_: RaiseCancel) -> Abort:
            self._pump_sleeps = False
            return Abort.SUCCEEDED

        sleep = sleep_trap(abort)
        while True:
            while self._pump_turn and not self.ending:
                if self._breakdown is not None:
                    raise self._breakdown
                if self.conduct(None) is TURN:
                    yield TURN
                else:
                    self._pump_turn = False
            if self.ending:
                return
            self._pump_sleeps = True
            with trio.CancelScope() as self._pump_scope:
                if not self._turn_taken:
                    self._set_alarm()
                if not self._turn_taken and self._sockets.held:
                    self._pump_waits_for_sockets = True
                    yield from trio.lowlevel.wait_readable(self._sockets.fileno()).__await__()
                else:
                    answer = yield sleep
                    answer.unwrap()
            self._pump_sleeps = self._pump_waits_for_sockets = False
            # A timer is due, or a socket ready.
            if not self._turn_taken:
                self._turn_taken = self._pump_turn = True
                self._spare = _CALLBACKS_A_TURN

    # Life --------------------------------------------------------------------------------

    def attach(self, halt: Callable[[], bool]) -> None:
        """Attach the loop to this trio run.

        Args:
            halt: called between two iterations after `stop()` or `fail()`; returns whether the
                loop is to stand still.
        """
        self._token = trio.lowlevel.current_trio_token()
        self._now = trio.lowlevel.current_clock().current_time
        self._thread = threading.get_ident()
        self._halt = halt
        loop_opened()
        if not self._pump_turn:
            self._turn_taken = False
            if self.queue:  # the pump looks at the timers before it sleeps
                self._wake()

    def end(self) -> None:
        """End the pump, the workers, and plain tasks' waits for futures."""
        self.ending = True
        self._pump_turn = False
        self._turn_taken = True
        if self._pump_sleeps:
            self._wake_pump()
        self.pool.end()
        waits = list(self.plain_waits)
        self.plain_waits.clear()
        for native in waits:
            reschedule(native, outcome.Error(RuntimeError("Event loop is closed")))

    def detach(self) -> None:
        """Detach the loop from its trio run, which is over."""
        if self._token is not None:
            loop_closed()
        self._token = None
        self._thread = None

    def fail(self, error: BaseException, source: object = None) -> None:
        """Handle the error of a callback or step: stop if it ends programs, else report it."""
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            self.stop_with(error)
            return
        self.report({"message": f"Exception in callback {source!r}", "exception": error})

    def report(self, context: dict[str, Any]) -> None:
        """Call the exception handler; stop if that raises an error that ends programs."""
        try:
            self.call_exception_handler(context)
        except BaseException as error:
            self.stop_with(error)

    def break_down(self, error: BaseException) -> None:
        """End with an error, as the one who had the turn has failed and cannot hand it on."""
        self._breakdown = error
        self._turn_taken = True
        self._wake_pump()

    def stop_with(self, error: BaseException) -> None:
        """Stop; whoever runs the loop raises the error."""
        if self._failure is None:
            self._failure = error
        self.stop()

    def take_failure(self) -> BaseException | None:
        """Return the error that stopped the loop, and forget it; `None`: there is none."""
        failure, self._failure = self._failure, None
        return failure

    def stop(self) -> None:
        self._stop_asked = True
        if not self._turn_taken:
            self._wake()

    def clear_stop(self) -> None:
        """Forget that it was stopped."""
        self._stop_asked = False

    def use_clock(self, clock: trio.abc.Clock) -> None:
        """Use a clock of trio's for time and timers, even before the first run."""
        self.clock = clock
        self._now = clock.current_time

    def is_running(self) -> bool:
        if self._thread is None:
            return False
        if self._thread == threading.get_ident():
            if self.starts_eagerly:
                self.starts_eagerly = False
            elif is_making_a_task(sys._getframe(1)):
                self._making_eagerly = True  # it asks for its first step next, and is adopted
                return False
        return True

    def run_until_complete(self, future: Any) -> Any:
        self.awaited += 1
        try:
            return super().run_until_complete(future)
        finally:
            self.awaited -= 1

    def run_forever(self) -> None:
        if self.is_closed():
            raise RuntimeError("Event loop is closed")
        if self.is_running():
            raise RuntimeError("This event loop is already running")
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("Cannot run the event loop while another loop is running")
        asyncio._set_running_loop(self)
        self._thread = threading.get_ident()
        try:
            self.track_origins(True)
            if self._host is None:
                self._host = Host(self)
            self._host.go_on()
        finally:
            self.track_origins(False)
            self._thread = None
            asyncio._set_running_loop(None)

    def call_when_running(self, call: Callable[[], object]) -> None:
        """Call something now; if the loop stands still, as soon as it goes on."""
        if self._thread is None and self._host is not None:
            self._host.call_when_running(call)
        else:
            call()

    def go_on(self) -> None:
        """Take the turn again after a halt, or at the start."""
        self.halted = False
        self._turn_taken = True
        if self._pump_task is not None:
            self._wake_pump()
        else:
            self._pump_turn = True

    def close(self) -> None:
        if self.is_running():
            raise RuntimeError("Cannot close a running event loop")
        if self.is_closed():
            return
        host, self._host = self._host, None
        running = asyncio._get_running_loop()
        try:
            if host is not None:
                asyncio._set_running_loop(self)
                host.close()
        finally:  # Ctrl-C may have come
            if host is not None:
                asyncio._set_running_loop(running)
                self.detach()
            self._signals.remove_all()
            self.queue.clear()
            self._timers.clear()
            super().close()

    def cancel_all(self) -> list[asyncio.Task[Any]]:
        """Cancel all tasks that are left, and return them."""
        left = list(asyncio.all_tasks(self))
        for task in left:
            task.cancel()
        return left

    def track_origins(self, running: bool) -> None:
        """Track where coroutines are made, in debug mode while the loop runs.

        The base class does that in its `run_forever()`, which this class replaces.
        """
        enabled = running and self.get_debug()
        self._set_coroutine_origin_tracking(enabled)  # type: ignore[attr-defined]

    def install_hooks(self) -> Callable[[], None]:
        """Set the hooks for async generators; return a function that undoes it.

        asyncio's own hooks are methods of the base class without public names.
        """
        return install_hooks(
            self,
            self._asyncgen_firstiter_hook,  # type: ignore[attr-defined]
            self._asyncgen_finalizer_hook,  # type: ignore[attr-defined]
        )

    # asyncio's loop has a pipe to itself, to wake its selector; trio needs none.

    def _make_self_pipe(self) -> None:
        self._ssock = self._csock = None

    def _close_self_pipe(self) -> None:
        pass

    def complain_if_slow(self, source: object, began: float) -> None:
        """Log a callback or step that took long, as asyncio does in debug mode."""
        seconds = self.time() - began
        if seconds >= self.slow_callback_duration:
            logger.warning("Executing %r took %.3f seconds", source, seconds)
