"""Virtual time on uvloop, which has no selector to replace.

The loop notices by itself that it is idle. A probe stands in the queue of ready calls; it
puts itself at the end again as long as anything was scheduled since its last turn. When a
whole iteration, with its look at the I/O, scheduled nothing, the loop is idle, and the
probe moves the time. When it has to wait in real time instead it leaves the queue, so that
the loop sleeps in the kernel: a real timer or the next scheduled call brings it back.

What uvloop's transports do is hidden in C. I/O counts as awaited while a coroutine method
of the loop that does I/O is under way, a file descriptor is watched, a transport that such
a method returned reads or writes, a process it returned runs, or a server serves.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from contextvars import Context
from math import inf
from typing import Any, TypeVarTuple
from weakref import WeakSet

import uvloop

from portable._errors import DeadlockError

from ._loop import VirtualLoop
from ._schedule import ShuffledLoop
from ._steering import Steering
from ._timeline import Timeline

Args = TypeVarTuple("Args")


class _OpenIO:
    """What of the loop's I/O is open."""

    def __init__(self) -> None:
        self.calls = 0
        self.watched: set[tuple[str, int]] = set()
        self._results: set[Any] = set()
        self._accepted: WeakSet[Any] = WeakSet()

    def __call__(self) -> bool:
        """Say whether any I/O is awaited."""
        self._results = {thing for thing in self._results if not _ended(thing)}
        return bool(
            self.calls
            or self.watched
            or self._accepted
            or any(_active(thing) for thing in self._results)
        )

    def opened(self, result: Any) -> None:
        """Take note of what a method of the loop returned: transports and servers."""
        for thing in result if isinstance(result, tuple) else (result,):
            if hasattr(thing, "is_closing") or hasattr(thing, "is_serving"):
                self._results.add(thing)

    def accepting(self, factory: Callable[[], Any]) -> Callable[[], Any]:
        """Wrap a server's protocol factory: its connections live while the protocols do."""

        @functools.wraps(factory)
        def accept() -> Any:
            protocol = factory()
            try:
                self._accepted.add(protocol)
            except TypeError:  # it allows no weak reference: taken to live on
                self.calls += 1
            return protocol

        return accept


def _number(fd: Any) -> int:
    return fd if isinstance(fd, int) else int(fd.fileno())


def _ended(thing: Any) -> bool:
    if hasattr(thing, "is_serving"):
        return not thing.is_serving()
    if hasattr(thing, "get_returncode"):
        return bool(thing.get_returncode() is not None)
    return bool(thing.is_closing())


def _active(thing: Any) -> bool:
    if hasattr(thing, "is_reading") and hasattr(thing, "get_write_buffer_size"):
        return bool(thing.is_reading() or thing.get_write_buffer_size())
    return True


class VirtualUvloop(VirtualLoop, uvloop.Loop):  # type: ignore[misc]
    """uvloop under virtual time."""

    due_is_ready = True

    def __init__(self, timeline: Timeline) -> None:
        self._scheduled = False  # was anything, since the probe's last turn?
        self._stopping = False
        self._probing = False
        self._probe_number = 0  # of the probe that is valid; an older one does nothing
        self._waker: asyncio.TimerHandle | None = None
        self._failure: DeadlockError | None = None
        super().__init__()
        self.open_io = _OpenIO()
        self.steering = Steering(self, timeline, self.open_io)

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
        # Not before it: a probe that takes the mark away must find the call in the queue.
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
            self._scheduled = False
            self.steering.stillness.busy()
        else:
            seconds = self.steering.wait()
            # A thread that has just ended has scheduled its result before it said so.
            if seconds > 0.0 and not self._scheduled:
                self._probing = False
                if seconds < inf:
                    self._waker = uvloop.Loop.call_later(self, seconds, self._wake)
                return
            if not self._scheduled:
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
        self.open_io.watched.add(("read", _number(fd)))
        self.touched()

    def remove_reader(self, fd: Any) -> bool:  # type: ignore[override]
        self.open_io.watched.discard(("read", _number(fd)))
        return bool(super().remove_reader(fd))

    def add_writer(self, fd: Any, callback: Callable[[*Args], Any], *args: *Args) -> None:
        super().add_writer(fd, callback, *args)
        self.open_io.watched.add(("write", _number(fd)))
        self.touched()

    def remove_writer(self, fd: Any) -> bool:  # type: ignore[override]
        self.open_io.watched.discard(("write", _number(fd)))
        return bool(super().remove_writer(fd))


def _counted(name: str, *, accepts: bool = False) -> Callable[..., Any]:
    method = getattr(uvloop.Loop, name)

    @functools.wraps(method)
    async def counted(self: VirtualUvloop, *args: Any, **kwargs: Any) -> Any:
        io = self.open_io
        if accepts:
            factory, *rest = args
            args = (io.accepting(factory), *rest)
        io.calls += 1
        try:
            result = await method(self, *args, **kwargs)
        finally:
            io.calls -= 1
        io.opened(result)
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


class ShuffledUvloop(ShuffledLoop, VirtualUvloop):  # type: ignore[misc]
    """The same, with the turns of tasks in an order that a seed decides."""

    def __init__(self, timeline: Timeline, seed: int) -> None:
        self.set_schedule(seed)
        super().__init__(timeline)
