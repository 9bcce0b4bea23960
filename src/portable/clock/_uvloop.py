"""Virtual time on uvloop, which has no selector to replace.

A *probe* finds out when the loop is idle. It is a callback in the loop's queue that puts itself
at the end of the queue again if anything was scheduled since its last turn. If one whole
iteration, including the loop's look at its I/O, has scheduled nothing, the loop is idle, and
the probe moves the time. If it must wait in real time instead, it leaves the queue, so that the
loop sleeps in the kernel; a real timer or the next scheduled call brings it back.

uvloop's transports are written in C and show little. I/O counts as awaited while

- a coroutine method of the loop that does I/O is under way,
- a file descriptor is watched,
- a transport that such a method returned reads or writes,
- a process that it returned runs, or
- a server that it returned serves.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable
from contextvars import Context
from math import inf
from typing import Any, TypeVarTuple
from weakref import WeakSet

import uvloop

from portable._errors import DeadlockError

from ._loop import VirtualLoop
from ._outside import connections, from_outside, number_of
from ._schedule import Schedule
from ._scheduled_loop import ScheduledLoop
from ._steering import Steering
from ._timeline import Timeline
from ._work import starts_pool_process

Args = TypeVarTuple("Args")


class _OpenIO:
    """The open I/O of a loop; called, it says whether any of it is awaited."""

    def __init__(self) -> None:
        self.calls: dict[object, tuple[str, Any]] = {}
        self.watched: set[tuple[str, int]] = set()
        self._results: set[Any] = set()
        self._accepted: WeakSet[Any] = WeakSet()
        self._immortal = False
        self._pooled: set[Any] = set()  # processes that wait for work

    def __call__(self) -> bool:
        """Say whether any I/O is awaited."""
        self._results = {thing for thing in self._results if not _ended(thing)}
        self._pooled &= self._results
        return bool(
            self.calls
            or self.watched
            or self._accepted
            or self._immortal
            or any(_active(thing) for thing in self._results)
        )

    def outside(self, shared: bool) -> list[str]:
        """Name the I/O that may come from outside of the run."""
        numbers = {number for _, number in self.watched}
        found = []
        for name, of in self.calls.values():
            if of is None:
                found.append(f"{name}()")
            else:
                numbers.add(of)
        for thing in filter(_active, self._results):
            if hasattr(thing, "get_returncode"):
                found += [] if thing in self._pooled else ["a child process"]
            elif hasattr(thing, "get_extra_info"):
                ends = map(thing.get_extra_info, ("socket", "pipe"))
                numbers.update(number_of(end) for end in ends if hasattr(end, "fileno"))
        if self._accepted or self._immortal:
            numbers.update(connections())
        return [*found, *from_outside(numbers, shared=shared)]

    def opened(self, result: Any, *, for_a_pool: bool) -> None:
        """Note the transports and servers that a method of the loop has returned.

        Args:
            result: what the method returned.
            for_a_pool: whether it is a process of AnyIO's pool, which later waits for work.
        """
        for thing in result if isinstance(result, tuple) else (result,):
            if hasattr(thing, "is_closing") or hasattr(thing, "is_serving"):
                self._results.add(thing)
                if for_a_pool:
                    self._pooled.add(thing)

    def accepting(self, factory: Callable[[], Any]) -> Callable[[], Any]:
        """Wrap a server's protocol factory: a connection counts while its protocol lives."""

        @functools.wraps(factory)
        def accept() -> Any:
            protocol = factory()
            try:
                self._accepted.add(protocol)
            except TypeError:  # it allows no weak reference, so it counts for ever
                self._immortal = True
            return protocol

        return accept


def _ended(thing: Any) -> bool:
    if hasattr(thing, "is_serving"):
        return not thing.is_serving()
    if hasattr(thing, "get_returncode"):
        return bool(thing.get_returncode() is not None)
    return bool(thing.is_closing())


def _active(thing: Any) -> bool:
    if not (hasattr(thing, "is_reading") and hasattr(thing, "get_write_buffer_size")):
        return True
    if thing.is_reading():
        return True
    try:
        return bool(thing.get_write_buffer_size())
    except NotImplementedError:  # a pipe that is read from
        return False


class VirtualUvloop(VirtualLoop, uvloop.Loop):  # type: ignore[misc]
    """uvloop under virtual time."""

    due_is_ready = True

    def __init__(self, timeline: Timeline) -> None:
        self._scheduled = False  # whether anything was since the probe's last turn
        self._stopping = False
        self._looked_twice = False
        self._probing = False
        self._probe_number = 0  # the number of the valid probe; older ones do nothing
        self._waker: asyncio.TimerHandle | None = None
        self._failure: DeadlockError | None = None
        super().__init__()
        self.open_io = _OpenIO()
        self.steering = Steering(self, timeline, self.open_io, self.open_io.outside)

    # What was scheduled ----------------------------------------------------------------

    def call_soon(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        self.touched()
        return uvloop.Loop.call_soon(self, callback, *args, context=context)

    def call_soon_threadsafe(
        self, callback: Callable[[*Args], object], *args: *Args, context: Context | None = None
    ) -> asyncio.Handle:
        handle = uvloop.Loop.call_soon_threadsafe(self, callback, *args, context=context)
        # Only now: if a probe clears the mark, the call must be in the queue already.
        self._scheduled = True
        return handle

    def stop(self) -> None:
        self._stopping = True
        super().stop()

    def touched(self) -> None:
        self._scheduled = True
        if not self._probing:
            self._start_probe()

    # The probe -------------------------------------------------------------------------

    def run_forever(self) -> None:
        __tracebackhide__ = True
        self._failure = None
        self._start_probe()  # Ctrl-C may have hit the last one in its turn
        try:
            super().run_forever()
        finally:
            self._stopping = False
        if self._failure is not None:
            raise self._failure

    def _start_probe(self) -> None:
        self._probing = True
        self._probe_number += 1
        if self._waker is not None:
            self._waker.cancel()
            self._waker = None
        uvloop.Loop.call_soon(self, self._probe, self._probe_number)

    def _probe(self, number: int) -> None:
        if number != self._probe_number:
            return
        if self._scheduled or self._stopping:
            self._scheduled = self._looked_twice = False
            failure = self.steering.busy()
            if failure is not None:
                self._failure = failure
                self.stop()
        else:
            seconds = self.steering.wait()
            # A thread schedules its result before it counts as ended: look at the mark again.
            if seconds > 0.0 and not self._scheduled:
                self._probing = False
                if seconds < inf:
                    self._waker = uvloop.Loop.call_later(self, seconds, self._wake)
                return
            if self.steering.signals and not self._looked_twice:
                # uvloop itself puts signal handlers into the queue, behind this probe.
                self._looked_twice = True
            elif not self._scheduled:
                self._looked_twice = False
                self._failure = self.steering.go()
                if self._failure is not None:
                    self.stop()
        uvloop.Loop.call_soon(self, self._probe, number)

    def _wake(self) -> None:
        if not self._probing:
            self._start_probe()

    # I/O -------------------------------------------------------------------------------

    def add_reader(self, fd: Any, callback: Callable[[*Args], Any], *args: *Args) -> None:
        super().add_reader(fd, callback, *args)
        self.open_io.watched.add(("read", number_of(fd)))
        self.touched()

    def remove_reader(self, fd: Any) -> bool:  # type: ignore[override]
        self.open_io.watched.discard(("read", number_of(fd)))
        return bool(super().remove_reader(fd))

    def add_writer(self, fd: Any, callback: Callable[[*Args], Any], *args: *Args) -> None:
        super().add_writer(fd, callback, *args)
        self.open_io.watched.add(("write", number_of(fd)))
        self.touched()

    def remove_writer(self, fd: Any) -> bool:  # type: ignore[override]
        self.open_io.watched.discard(("write", number_of(fd)))
        return bool(super().remove_writer(fd))


def _counted(name: str, *, accepts: bool = False) -> Callable[..., Any]:
    @functools.wraps(getattr(uvloop.Loop, name))
    async def counted(self: VirtualUvloop, *args: Any, **kwargs: Any) -> Any:
        io = self.open_io
        if accepts and args:
            factory, *rest = args
            args = (io.accepting(factory), *rest)
        elif accepts and "protocol_factory" in kwargs:
            kwargs["protocol_factory"] = io.accepting(kwargs["protocol_factory"])
        call = object()
        used = args[0] if args else kwargs.get("sock")
        on_socket = name.startswith("sock_") and used is not None
        io.calls[call] = name, number_of(used) if on_socket else None
        try:
            # Looked up here: a recording replaces some of them.
            result = await getattr(uvloop.Loop, name)(self, *args, **kwargs)
        finally:
            del io.calls[call]
        # sys._getframe() is the documented way to find the caller.
        io.opened(result, for_a_pool=starts_pool_process(sys._getframe(1)))
        return result

    return counted


_CALLS = (
    "connect_accepted_socket connect_read_pipe connect_write_pipe create_connection "
    "create_datagram_endpoint create_unix_connection getaddrinfo getnameinfo sock_accept "
    "sock_connect sock_recv sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall "
    "sock_sendto start_tls subprocess_exec subprocess_shell"
)
for _name in _CALLS.split():
    setattr(VirtualUvloop, _name, _counted(_name))
for _name in ("create_server", "create_unix_server"):
    setattr(VirtualUvloop, _name, _counted(_name, accepts=True))


class ScheduledUvloop(ScheduledLoop, VirtualUvloop):  # type: ignore[misc]
    """uvloop under virtual time, with the order of ready tasks from a schedule."""

    def __init__(self, timeline: Timeline, schedule: Schedule) -> None:
        self.set_schedule(schedule)
        super().__init__(timeline)
