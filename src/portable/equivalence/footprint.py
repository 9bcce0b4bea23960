"""The footprint of a run: what it used that a recording does not look at.

An audit hook of Python's sees sockets, processes, threads and files as they are opened. A run
that opens a port, or a socket with a name, first waits until no other run has one, in this
comparison or another: two servers cannot listen at one port.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import Any

from portable._audit import STARTS, loaded_file

# Where there is no such module runs may meet.
fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None

CHILDREN = "what child processes do beside their output, and when; codes nobody waits for"
"""Stands in a footprint that has child processes."""

_NAMES_SHOWN = 3
_THREAD_MADE = "_thread.start_new_thread"
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class AddressLock:
    """A lock for the one run of this user, on this machine, that may have fixed addresses.

    It is made before the process of a run. The parent releases it when that process has ended,
    so the sockets of the run are closed by then.
    """

    def __init__(self) -> None:
        user = os.getuid() if hasattr(os, "getuid") else 0
        path = Path(tempfile.gettempdir(), f"portable-addresses-{user}.lock")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def acquire(self) -> None:
        """Wait until no other run has the lock, and take it."""
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def release(self) -> None:
        """Let other runs take the lock."""
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)


class Footprint:
    """Records what this process uses.

    Args:
        folder: files below it are not recorded here, as they are compared.
        lock: taken by a process that has a fixed address.
        while_waiting: entered while the process waits for the lock.

    Attributes:
        loaded: the files whose code was run.
    """

    def __init__(
        self,
        folder: Path,
        lock: AddressLock,
        while_waiting: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._folder = str(folder)
        self._while_waiting = while_waiting
        self._process = os.getpid()
        self._kinds: dict[str, list[str]] = {}
        self.loaded: set[str] = set()
        self._lock = lock
        self._fixed = False
        self._on = False
        sys.addaudithook(self._heard)
        if sys.version_info < (3, 12):
            self._audit_threads()

    def _audit_threads(self) -> None:
        """Raise the audit event of a new thread, which Python 3.11 does not."""
        start = threading.Thread.start

        def audited(thread: threading.Thread) -> None:
            sys.audit(_THREAD_MADE)
            start(thread)

        threading.Thread.start = audited  # type: ignore[assignment,method-assign]

    @property
    def has_children(self) -> bool:
        """Whether a child process was made."""
        return CHILDREN in self._kinds

    def child_made(self) -> None:
        """Record a child process."""
        self._note(CHILDREN)

    def listen(self) -> None:
        """Record from now on."""
        self._on = True

    def used(self) -> tuple[str, ...]:
        """Return what was used and is not compared, one thing each."""
        self._on = False
        told = []
        for kind, names in sorted(self._kinds.items()):
            shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if names[_NAMES_SHOWN:] else "")
            told.append(f"{kind} ({shown})" if shown else kind)
        return tuple(told)

    def reserve(self, address: object) -> None:
        """Record an address that the run listens at; wait until no other run has one."""
        name = _name(address)
        if name is None:
            return
        self._note("what goes over sockets", name)
        if not self._fixed and not name.endswith(":0"):
            self._fixed = True
            with self._while_waiting():
                self._lock.acquire()

    def _note(self, kind: str, name: str = "") -> None:
        names = self._kinds.setdefault(kind, [])
        if name and name not in names:
            names.append(name)

    def _heard(self, event: str, args: tuple[Any, ...]) -> None:
        hear = _EVENTS.get(event)
        if hear is not None and self._on and os.getpid() == self._process:
            hear(self, args)

    # Python hides what a hook does from debuggers and from coverage unless it says so.
    _heard.__cantrace__ = True  # type: ignore[attr-defined]

    def _bound(self, args: tuple[Any, ...]) -> None:
        self.reserve(args[1])

    def _connected(self, args: tuple[Any, ...]) -> None:
        name = _name(args[1])
        if name is not None:
            self._note("what goes over sockets", name)

    def _process_made(self, args: tuple[Any, ...]) -> None:
        self.child_made()

    def _executed(self, args: tuple[Any, ...]) -> None:
        if (file := loaded_file("exec", args)) is not None:
            self.loaded.add(file)

    def _thread_made(self, args: tuple[Any, ...]) -> None:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            if frame.f_code.co_name == "guest_tick":  # trio's own, to wait for sockets
                return
            frame = frame.f_back
        self._note("the order in which threads run")

    def _opened(self, args: tuple[Any, ...]) -> None:
        path, _, flags = args
        if not isinstance(path, str) or not isinstance(flags, int) or not flags & _WRITES:
            return
        full = os.path.abspath(path)
        if not full.startswith((self._folder, "/dev/", "/proc/")) and "__pycache__" not in full:
            self._note("files outside of the working directory", full)


_EVENTS: dict[str, Callable[[Footprint, tuple[Any, ...]], object]] = {
    "socket.bind": Footprint._bound,
    "socket.connect": Footprint._connected,
    **dict.fromkeys(STARTS, Footprint._process_made),
    "exec": Footprint._executed,
    _THREAD_MADE: Footprint._thread_made,
    "_thread.start_joinable_thread": Footprint._thread_made,
    "open": Footprint._opened,
}


def _name(address: object) -> str | None:
    if isinstance(address, tuple) and len(address) > 1:
        return f"{address[0]}:{address[1]}"
    if isinstance(address, bytes):
        address = os.fsdecode(address)
    if not isinstance(address, str) or not address:
        return None
    return address.replace("\0", "@")  # an abstract name, as other tools show it


def reserve_addresses_of(loop: Any, reserve: Callable[[object], object]) -> None:
    """Reserve the addresses that a loop of uvloop's listens at: it raises no audit event.

    Args:
        loop: the loop.
        reserve: called with each address, before the loop listens there.
    """

    def reserving(method: Callable[..., Any], address: Callable[..., object]) -> Any:
        def reserved(*args: Any, **options: Any) -> Any:
            reserve(address(*args, **options))
            return method(*args, **options)

        return reserved

    def of_server(_: Any, host: Any = None, port: Any = None, **__: Any) -> object:
        return (host, port) if port else None

    def of_datagrams(_: Any, local_addr: Any = None, *__: Any, **___: Any) -> object:
        return local_addr

    def of_unix(_: Any, path: Any = None, **__: Any) -> object:
        return None if path is None else str(path)

    loop.create_server = reserving(loop.create_server, of_server)
    loop.create_datagram_endpoint = reserving(loop.create_datagram_endpoint, of_datagrams)
    loop.create_unix_server = reserving(loop.create_unix_server, of_unix)
