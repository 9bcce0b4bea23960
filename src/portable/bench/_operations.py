"""The catalogue: which operations are priced, by whom, on what, and how big.

An operation is one module in `workloads`, which holds every implementation of it side by
side. It gives each to the operation by a decorator that names the implementation, the
backends it works on, and the package it needs. `cases()` spreads this out into single
measurements.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from portable._backends import get_backend

from ._measure import NO_LOOP, Effort, Pairing, Program, Sample
from ._meters import WALL, Meter
from ._results import NATIVE, NATIVE_AGAIN, PORTABLE, Unmeasured

LOOPS = ("asyncio", "uvloop", "trio")

EFFORTS: Mapping[str, Effort] = {
    effort.name: effort
    for effort in (
        Effort("smoke", rounds=6, fewest=6, seconds=0.0, warm_up=1),
        Effort("small", rounds=16, fewest=4, seconds=0.1),
        Effort("full", rounds=16, fewest=4, seconds=0.25, patience=1.5),
    )
}

AnyProgram = TypeVar("AnyProgram", bound=Callable[..., Awaitable[None]])


@dataclass(frozen=True, slots=True)
class Way:
    """How an implementation does an operation.

    Attributes:
        program: does it; is called with a sample, and with what it needs, if anything.
        needs: a module, or `module:name`, which it gets handed, so that nothing is
            imported that is not used, nor while the meter runs.
        peer: whether another project than those compared throughout is at work.
        driven: whether it runs in a task of asyncio's on trio, too. What is trio's or AnyIO's
            runs in a plain task of trio's there, as it does in a program of theirs.
        check: returns why it cannot be used here, where that is not to be seen from `needs`.
    """

    program: Callable[..., Awaitable[None]]
    needs: str | None = None
    peer: bool = False
    driven: bool = False
    check: Callable[[], str | None] | None = None

    def ready(self, backend: str = NO_LOOP) -> Program:
        """Return the program as what needs a sample alone, in the task that it is to run in."""
        program: Program = self.program
        if self.needs is not None:
            program = partial(_handed, self.program, _load(self.needs))
        if backend == "trio" and not self.driven:
            return partial(_in_plain_task, program)
        return program

    @property
    def obstacle(self) -> str | None:
        """Why it cannot be used here, or `None`."""
        if self.check is not None:
            return self.check()
        module, _, name = (self.needs or "").partition(":")
        if module and find_spec(module) is None:
            return f"{module} is not installed: pip install 'portable-tasks[bench]'"
        if name and not hasattr(import_module(module), name):
            return f"this {module} has no {name}()"
        return None


def _handed(
    program: Callable[..., Awaitable[None]], needed: Any, sample: Sample
) -> Awaitable[None]:
    return program(sample, needed)


async def _in_plain_task(program: Program, sample: Sample) -> None:
    """Run a program in a nursery's child, and raise what it raises as it is."""
    errors: list[Exception] = []

    async def child() -> None:
        try:
            await program(sample)
        except Exception as error:
            errors.append(error)

    async with import_module("trio").open_nursery() as nursery:
        nursery.start_soon(child)
    if errors:
        raise errors.pop()


def _load(needed: str) -> Any:
    module, _, name = needed.partition(":")
    loaded = import_module(module)
    return getattr(loaded, name) if name else loaded


@dataclass(frozen=True, slots=True)
class Workload:
    """One kind of job and how many of them.

    Attributes:
        job: the kind of job.
        size: how many.
        peers: whether peers do it too; some would take minutes over the largest.
    """

    job: str
    size: int
    peers: bool = True


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that programs do with tasks, which has a price.

    Attributes:
        name: a short name, which `-k` finds.
        title: what is priced, in words.
        workloads: by the name of an effort, the workloads that it measures.
        meter: what is read.
        loops: whether it is priced on each backend, or but once.
        elsewhere: whether others than the loop's own thread do a part of the work, so that
            no clock but one on the wall tells how long it takes.
        ways: by implementation and backend, how that does it.
    """

    name: str
    title: str
    workloads: Mapping[str, tuple[Workload, ...]]
    meter: Meter = WALL
    loops: bool = True
    elsewhere: bool = False
    ways: dict[tuple[str, str], Way] = field(default_factory=dict)

    def by(
        self, implementation: str, *backends: str, **way: Any
    ) -> Callable[[AnyProgram], AnyProgram]:
        """Enter a program as an implementation's way to do this on these backends.

        Args:
            implementation: whose way it is.
            backends: where; none named: everywhere.
            way: the other attributes of the `Way`.
        """

        def enter(program: AnyProgram) -> AnyProgram:
            entered = Way(program, **way)
            for backend in backends or (LOOPS if self.loops else (NO_LOOP,)):
                self.ways[implementation, backend] = entered
                if implementation == NATIVE:
                    self.ways[NATIVE_AGAIN, backend] = entered
            return program

        return enter

    def by_asyncio(self, program: AnyProgram) -> AnyProgram:
        """Enter a program in asyncio's names.

        On asyncio and uvloop it is the native way, and portable's, whose names are the very
        same objects; so portable has no row of its own there. On trio it is portable's.
        """
        self.by(NATIVE, "asyncio", "uvloop")(program)
        return self.by(PORTABLE, "trio", driven=True)(program)


@dataclass(frozen=True, slots=True)
class Case:
    """One measurement: an operation, a workload, a backend and an implementation."""

    operation: Operation
    workload: Workload
    backend: str
    implementation: str

    @property
    def way(self) -> Way:
        """How its implementation does the operation on its backend."""
        return self.operation.ways[self.implementation, self.backend]

    @property
    def control(self) -> Way:
        """What it is compared with."""
        return self.operation.ways[NATIVE, self.backend]

    @property
    def name(self) -> str:
        """What tells it from the other cases of its operation."""
        implementation = self.implementation.replace(" ", "-")
        return f"{self.workload.job}-{self.workload.size}-{self.backend}-{implementation}"

    @property
    def group(self) -> str:
        """What it has in common with the cases that it is to be compared with."""
        job, size = self.workload.job, self.workload.size
        return f"{self.operation.name}: {job}, N={size:,}, {self.backend}"

    @property
    def place(self) -> dict[str, str | int]:
        """Where its result stands, in the words of `Row`."""
        return {
            "operation": self.operation.name,
            "job": self.workload.job,
            "size": self.workload.size,
            "backend": self.backend,
            "implementation": self.implementation,
            "unit": self.operation.meter.unit,
        }

    @property
    def obstacle(self) -> str | None:
        """Why it cannot be measured here, with the command that helps; `None` if it can."""
        if self.backend != NO_LOOP:
            backend = get_backend(self.backend)
            if not backend.installed:
                return f"{self.backend} is not installed: {backend.install_command}"
        return self.way.obstacle or self.control.obstacle

    def unmeasured(self, reason: str, *, failed: bool = False) -> Unmeasured:
        """Return what stands in place of its row, and why."""
        return Unmeasured(
            self.operation.name,
            self.workload.job,
            self.workload.size,
            self.backend,
            self.implementation,
            reason,
            failed,
        )

    def pairing(self, clock: Meter = WALL) -> Pairing:
        """Return its program and the native one, ready to be measured side by side.

        Args:
            clock: what to take the time by, where it is the time that is priced.
        """
        meter = self.operation.meter
        if meter is WALL and not self.operation.elsewhere:
            meter = clock
        return Pairing(
            self.way.ready(self.backend),
            self.control.ready(self.backend),
            backend=self.backend,
            size=self.workload.size,
            job=self.workload.job,
            meter=meter,
        )


def cases(operation: Operation, effort: str, backends: Iterable[str]) -> Iterator[Case]:
    """Yield what is to be measured of an operation, natives before the others."""
    chosen = (*backends, NO_LOOP)
    for workload in operation.workloads[effort]:
        for backend in chosen:
            for (implementation, on), way in operation.ways.items():
                if on == backend and (workload.peers or not way.peer):
                    yield Case(operation, workload, backend, implementation)
