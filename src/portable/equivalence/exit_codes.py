"""The exit codes of the child processes that a program waits for.

A program learns a code by a call: `wait()` or `poll()` of a `subprocess.Popen`, which trio's
processes are, too; `wait()` of asyncio's process, which AnyIO uses; `process_exited()` of a
protocol; `join()` of a `multiprocessing.Process`; `os.waitpid()` and its kin. Each of them is
wrapped, and its code recorded. Libraries call some of them for themselves, by chance at one
moment or another: those calls do not count, nor do the workers of process pools.

A child that the program does not wait for has no code here, as it may or may not end in time.
It may have ended with any code that the other program has and this one has not.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import shlex
import subprocess
import sys
from asyncio.subprocess import Process, SubprocessStreamProtocol
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from typing import Any

from portable._backends import BACKENDS
from portable.clock._stacks import module

from .noise import normalised
from .trace import ChildExit, Observation, Trace

# Modules whose own calls do not count.
_TRANSPORTS = ("asyncio.base_subprocess",)
_LIBRARIES = (
    "asyncio.unix_events",
    "concurrent.futures.process",
    "multiprocessing",
    "subprocess",
)
_OF_A_POOL = "-m anyio.to_process"
_NAME_SHOWN = 60


class ExitCodes:
    """Records exit codes, from now on until the process ends.

    Args:
        child_made: called for each child for which there is no audit event.
    """

    def __init__(self, child_made: Callable[[], object]) -> None:
        self._child_made = child_made
        self._started: dict[object, str] = {}
        self._ended: dict[object, ChildExit] = {}
        self._pool: set[object] = set()
        self._hear_popen()
        self._hear_asyncio()
        self._hear_loops()
        self._hear_multiprocessing()
        self._hear_os()

    def ended(self) -> tuple[ChildExit, ...]:
        """Return the children that ended, sorted by code and name."""
        return tuple(sorted(self._ended.values(), key=lambda one: (one.code, one.name or "")))

    def ids(self) -> Iterator[int]:
        """Yield the process ids of children that are known."""
        for child in {**self._started, **self._ended}:
            if isinstance(child, int):
                yield child

    @property
    def unknown(self) -> int:
        """How many children there were whose code the program did not wait for."""
        return len(self._started.keys() - self._ended.keys() - self._pool)

    def _start(self, child: object, name: str) -> None:
        """Record a child.

        Args:
            child: its process id, or what stands for it.
            name: what reports call it.
        """
        self._started[child] = name
        if _OF_A_POOL in name:
            self._pool.add(child)

    def _end(self, child: object, code: int | None) -> None:
        """Record a child's code; `None`: it runs."""
        if code is not None and child not in self._pool:
            self._ended.setdefault(child, ChildExit(self._started.get(child), code))

    def _hear_popen(self) -> None:
        def starting(init: Callable[..., None]) -> Callable[..., None]:
            @wraps(init)
            def heard(popen: subprocess.Popen[Any], *args: Any, **options: Any) -> None:
                init(popen, *args, **options)
                self._start(popen.pid, _named(popen.args))

            return heard

        def hearing(method: Callable[..., int | None]) -> Callable[..., int | None]:
            @wraps(method)
            def heard(popen: subprocess.Popen[Any], *args: Any, **options: Any) -> int | None:
                code = method(popen, *args, **options)
                if not _called_by(_TRANSPORTS):
                    self._end(popen.pid, code)
                return code

            return heard

        _replace(subprocess.Popen, starting, "__init__")
        _replace(subprocess.Popen, hearing, "wait", "poll")

    def _hear_asyncio(self) -> None:
        def waiting(wait: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(wait)
            async def heard(process: Process) -> int:
                code: int = await wait(process)
                self._end(process.pid, code)
                return code

            return heard

        def reading(returncode: Any) -> property:
            def heard(process: Process) -> int | None:
                code: int | None = returncode.__get__(process)
                self._end(process.pid, code)
                return code

            return property(heard)

        _replace(Process, waiting, "wait")
        _replace(Process, reading, "returncode")

    def _hear_loops(self) -> None:
        def starting(start: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(start)
            async def heard(
                loop: object, factory: object, *args: Any, **options: Any
            ) -> tuple[Any, Any]:
                transport, protocol = await start(loop, factory, *args, **options)
                self._child_made()
                self._start(transport.get_pid(), _named(args if args[1:] else args[0]))
                if not isinstance(protocol, SubprocessStreamProtocol):  # that of a `Process`
                    self._hear_protocol(transport, protocol)
                return transport, protocol

            return heard

        loops: list[Any] = [asyncio.BaseEventLoop]
        if BACKENDS["uvloop"].installed:
            loops.append(importlib.import_module("uvloop").Loop)
        for loop in loops:
            _replace(loop, starting, "subprocess_exec", "subprocess_shell")

    def _hear_protocol(self, transport: Any, protocol: Any) -> None:
        pid, exited = transport.get_pid(), protocol.process_exited

        def heard() -> None:
            self._end(pid, transport.get_returncode())
            exited()

        with suppress(AttributeError):  # a class with slots
            protocol.process_exited = heard
            self._end(pid, transport.get_returncode())  # it may have ended meanwhile

    def _hear_multiprocessing(self) -> None:
        def joining(join: Callable[..., None]) -> Callable[..., None]:
            @wraps(join)
            def heard(process: Any, timeout: float | None = None) -> None:
                join(process, timeout)
                if not _called_by(_LIBRARIES):
                    self._end(process.pid, exitcode.__get__(process))

            return heard

        def reading(exitcode: Any) -> property:
            def heard(process: Any) -> int | None:
                code: int | None = exitcode.__get__(process)
                if not _called_by(_LIBRARIES):
                    self._end(process.pid, code)
                return code

            return property(heard)

        def starting(start: Callable[..., None]) -> Callable[..., None]:
            @wraps(start)
            def heard(process: Any) -> None:
                start(process)
                self._child_made()
                if not _called_by(_LIBRARIES):
                    self._start(process.pid, process.name)

            return heard

        base = importlib.import_module("multiprocessing.process").BaseProcess
        exitcode = base.exitcode
        _replace(base, joining, "join")
        _replace(base, reading, "exitcode")
        _replace(base, starting, "start")

    def _hear_os(self) -> None:
        def waiting(wait: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(wait)
            def heard(*args: Any, **options: Any) -> Any:
                found = wait(*args, **options)
                if not _called_by(_LIBRARIES):
                    self._end(*_pid_and_code(found))
                return found

            return heard

        def system(run: Callable[[Any], int]) -> Callable[[Any], int]:
            @wraps(run)
            def heard(command: Any) -> int:
                status, child = run(command), object()
                self._start(child, _named(command))
                self._end(child, os.waitstatus_to_exitcode(status))
                return status

            return heard

        if os.name == "posix":
            _replace(os, waiting, "wait", "wait3", "wait4", "waitpid", "waitid")
            _replace(os, system, "system")


def with_unknown_codes(original: Trace, port: Trace) -> Trace:
    """Return a port's trace in which unknown exit codes make no difference.

    Each unknown code of the port's is taken to be one that only the original shows. A code that
    only the port shows does not count, if it may be an unknown one of the original's.
    """
    left, right = (
        Counter(one.text for one in trace.exits if one.code) for trace in (original, port)
    )
    missing = list((left - right).elements())[: port.unknown_exits]
    spare = Counter(list((right - left).elements())[: original.unknown_exits])
    if not missing and not spare:
        return port
    seen = []
    for one in port.observations:
        if one.stream == "children" and spare[one.text]:
            spare[one.text] -= 1
        else:
            seen.append(one)
    time = port.outcome.time
    seen[-1:-1] = [Observation(time, "children", text) for text in missing]
    return replace(port, observations=tuple(seen))


def _replace(owner: Any, made_of: Callable[[Any], Any], *names: str) -> None:
    """Replace attributes by what is made of them, for good: the process ends with the run."""
    for name in names:
        if hasattr(owner, name):
            setattr(owner, name, made_of(getattr(owner, name)))


def _called_by(modules: tuple[str, ...]) -> bool:
    """Say whether one of these modules calls the function that asks."""
    caller = f"{module(sys._getframe(2))}."
    return caller.startswith(tuple(f"{name}." for name in modules))


def _pid_and_code(found: Any) -> tuple[int, int | None]:
    """Return the child in a result of `os.wait()` or its kin, and its code if it has ended."""
    if found is None:
        return 0, None
    if hasattr(found, "si_pid"):
        ended = found.si_code in (os.CLD_EXITED, os.CLD_KILLED, os.CLD_DUMPED)
        code = found.si_status if found.si_code == os.CLD_EXITED else -found.si_status
        return found.si_pid, code if ended else None
    pid, status = found[:2]
    if pid and (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
        return pid, os.waitstatus_to_exitcode(status)
    return pid, None


def _named(command: Any) -> str:
    """Return what a report calls a child: the name of the program, and its arguments."""
    if isinstance(command, str | bytes | os.PathLike):
        text = os.fsdecode(command)
    else:
        first, *args = map(os.fsdecode, command)
        text = shlex.join([os.path.basename(first), *args])
    text = normalised(" ".join(text.split()))
    return text if len(text) <= _NAME_SHOWN else f"{text[:_NAME_SHOWN]}..."
