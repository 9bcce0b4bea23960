"""What a run used that a recording does not look at, and what two runs must not use at once.

An audit hook of Python's sees sockets, processes, threads and files at the moment they are
opened. A run that opens a port or a socket of a fixed name waits until no other run has one,
also in another comparison: two servers of one port cannot be there at the same time.
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

# Where there is no such module runs may meet.
fcntl: Any = importlib.import_module("fcntl") if os.name == "posix" else None

CHILDREN = "what child processes do beside their output, and when; codes nobody waits for"
"""What is said of a run that has made processes."""

_NAMES_SHOWN = 3
_THREAD_MADE = "_thread.start_new_thread"
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT


class Lock:
    """Held by the one run of this user, on this machine, that may have fixed addresses.

    It is made before a run's process is, and released by the parent when that has ended: when
    it is free, the sockets of the one who had it are closed.
    """

    def __init__(self) -> None:
        user = os.getuid() if hasattr(os, "getuid") else 0
        path = Path(tempfile.gettempdir(), f"portable-addresses-{user}.lock")
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def acquire(self) -> None:
        """Wait until nobody else has it, and take it."""
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)

    def release(self) -> None:
        """Let others have it."""
        if fcntl is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)


class Footprint:
    """Takes note of what the process uses.

    Args:
        folder: what is below it is looked at by others.
        lock: held while the process has a fixed address.
        while_waiting: entered while the process has to wait for another.
    """

    def __init__(
        self,
        folder: Path,
        lock: Lock,
        while_waiting: Callable[[], AbstractContextManager[object]],
    ) -> None:
        self._folder = str(folder)
        self._while_waiting = while_waiting
        self._process = os.getpid()
        self._kinds: dict[str, list[str]] = {}
        self._lock = lock
        self._fixed = False
        self._on = False
        sys.addaudithook(self._heard)
        if sys.version_info < (3, 12):
            self._tell_of_threads()

    def _tell_of_threads(self) -> None:
        """Raise the audit event of a new thread, which Python 3.11 does not."""
        start = threading.Thread.start

        def told(thread: threading.Thread) -> None:
            sys.audit(_THREAD_MADE)
            start(thread)

        threading.Thread.start = told  # type: ignore[assignment,method-assign]

    @property
    def has_children(self) -> bool:
        """Whether a child process was made."""
        return CHILDREN in self._kinds

    def child_made(self) -> None:
        """Take note of a child process."""
        self._note(CHILDREN)

    def listen(self) -> None:
        """Take note from now on."""
        self._on = True

    def used(self) -> tuple[str, ...]:
        """Return what was used and is not compared, one thing each."""
        self._on = False
        told = []
        for kind, names in sorted(self._kinds.items()):
            shown = ", ".join(names[:_NAMES_SHOWN]) + (", ..." if names[_NAMES_SHOWN:] else "")
            told.append(f"{kind} ({shown})" if shown else kind)
        return tuple(told)

    def fix(self, address: object) -> None:
        """Take note of an address that the run listens at; wait until nobody else has one."""
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
        self.fix(args[1])

    def _connected(self, args: tuple[Any, ...]) -> None:
        name = _name(args[1])
        if name is not None:
            self._note("what goes over sockets", name)

    def _process_made(self, args: tuple[Any, ...]) -> None:
        self.child_made()

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
    "subprocess.Popen": Footprint._process_made,
    "os.system": Footprint._process_made,
    "os.fork": Footprint._process_made,
    "os.forkpty": Footprint._process_made,
    "os.posix_spawn": Footprint._process_made,
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


def tell_addresses(loop: Any, fix: Callable[[object], object]) -> None:
    """Let a loop of uvloop's tell where it is going to listen; no audit event does.

    Args:
        loop: the loop.
        fix: called with each address.
    """

    def telling(method: Callable[..., Any], address: Callable[..., object]) -> Any:
        def told(*args: Any, **options: Any) -> Any:
            fix(address(*args, **options))
            return method(*args, **options)

        return told

    def of_server(_: Any, host: Any = None, port: Any = None, **__: Any) -> object:
        return (host, port) if port else None

    def of_datagrams(_: Any, local_addr: Any = None, *__: Any, **___: Any) -> object:
        return local_addr

    def of_unix(_: Any, path: Any = None, **__: Any) -> object:
        return None if path is None else str(path)

    loop.create_server = telling(loop.create_server, of_server)
    loop.create_datagram_endpoint = telling(loop.create_datagram_endpoint, of_datagrams)
    loop.create_unix_server = telling(loop.create_unix_server, of_unix)
