"""I/O from outside of the program: which awaited file descriptors may get something from there?

Real I/O takes real time, which virtual time must not jump over. But if this very program holds
the other end of a connection, nothing arrives on it while no task is ready. The kernel knows
both ends, so the other end of a socket or pipe is looked for among the process's own
descriptors. A listening socket does not count either: its client is a thread or child process,
which count by themselves, or a stranger, for whom nobody can say how long to wait.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from typing import Any, TypeAlias

_Address: TypeAlias = Any

_OWN_DESCRIPTORS = "/dev/fd"


def number_of(descriptor: Any) -> int:
    """Return the number of a file descriptor, or of what has one."""
    return descriptor if isinstance(descriptor, int) else int(descriptor.fileno())


def from_outside(descriptors: Iterable[int], *, shared: bool) -> Iterator[str]:
    """Name the descriptors on which something may arrive from outside of the run.

    Args:
        descriptors: the descriptors that a task or a transport waits for.
        shared: whether threads run that may use the other end.
    """
    own = _OpenDescriptors()
    for descriptor in descriptors:
        with suppress(OSError):  # it was closed
            mode = os.fstat(descriptor).st_mode
            if stat.S_ISSOCK(mode):
                with socket.socket(fileno=os.dup(descriptor)) as one:
                    if _listens(one) or (not shared and own.has_other_end_of(one)):
                        continue
                    yield _name(one)
            elif not stat.S_ISFIFO(mode):
                yield f"file descriptor {descriptor}"
            elif shared or not own.has_both_ends_of(descriptor):
                yield "a pipe"


def connections() -> list[int]:
    """Return the process's connected sockets; none if the system cannot list them."""
    return [
        descriptor for descriptor, _, peer in _OpenDescriptors().sockets if peer is not None
    ]


class _OpenDescriptors:
    """The descriptors that this process has open."""

    @cached_property
    def _open(self) -> list[int]:
        try:
            return [int(name) for name in os.listdir(_OWN_DESCRIPTORS)]
        except OSError:  # Windows: then everything counts as from outside
            return []

    @cached_property
    def sockets(self) -> list[tuple[int, _Address, _Address | None]]:
        """The sockets: each descriptor, its address, and the address of its other end."""
        found = []
        for descriptor in self._open:
            with suppress(OSError):
                if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                    with socket.socket(fileno=os.dup(descriptor)) as one:
                        found.append((descriptor, _plain(one.getsockname()), _peer(one)))
        return found

    def has_other_end_of(self, one: socket.socket) -> bool:
        """Say whether this process has the other end of a connection, too."""
        peer = _peer(one)
        if peer is None:
            return False
        if one.family not in (socket.AF_INET, socket.AF_INET6):
            return _pid_of_peer(one) == os.getpid()
        return any(address == peer for _, address, _ in self.sockets)

    def has_both_ends_of(self, pipe: int) -> bool:
        """Say whether this process has both ends of a pipe."""
        its = os.fstat(pipe)
        ends = 0
        for descriptor in self._open:
            with suppress(OSError):
                ends += os.path.samestat(os.fstat(descriptor), its)
        return ends > 1


def _listens(one: socket.socket) -> bool:
    try:
        return bool(one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
    except (OSError, AttributeError):  # not every system tells
        return False


def _peer(one: socket.socket) -> _Address | None:
    try:
        return _plain(one.getpeername())
    except OSError:
        return None


def _plain(address: _Address) -> _Address:
    """Return an address in the form of the other end: IPv4 in IPv6 becomes plain IPv4."""
    if isinstance(address, tuple):
        return str(address[0]).removeprefix("::ffff:"), address[1]
    return address


def _pid_of_peer(one: socket.socket) -> int | None:
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    layout = "3i"
    try:
        told = one.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(layout))
    except OSError:
        return None
    pid: int = struct.unpack(layout, told)[0]
    return pid


def _name(one: socket.socket) -> str:
    peer = _peer(one)
    if isinstance(peer, tuple):
        return f"a connection to {peer[0]}:{peer[1]}"
    return "a socket"
