"""Operations: what is priced, the implementations, backends and workloads of each.

An operation is defined in a module of `workloads`, with all its implementations side by side.
A decorator enters each with its name, the backends that it works on, and the package that it
needs. `cases()` yields the single measurements of an operation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from portable._backends import get_backend

from ._measurement import NO_LOOP, Effort, Pairing, Program, Sample
from ._meters import WALL, Meter
from ._results import ACROSS, NATIVE, PORTABLE, Unmeasured

ASYNCIO = "asyncio"
LOOPS = (ASYNCIO, "uvloop", "trio")

#: The themes by which a report groups operations.
TASKS = "Tasks: start and cancel them"
WAITING = "Waiting and time limits"
MANY = "Many at once"
PROGRAMS = "Whole programs"
FOOTPRINT = "Memory, imports, idling"
OTHER = "Other"

EFFORTS: Mapping[str, Effort] = {
    effort.name: effort
    for effort in (
        Effort("smoke", rounds=6, fewest=6, seconds=0.0, warm_up=1, most=6),
        Effort("small", rounds=12, fewest=4, seconds=0.05),
        Effort("full", rounds=16, fewest=4, seconds=0.25, patience=1.5),
    )
}

AnyProgram = TypeVar("AnyProgram", bound=Callable[..., Awaitable[None]])


@dataclass(frozen=True, slots=True)
class Way:
    """The way in which an implementation does an operation.

    Attributes:
        program: called with a sample, and with the object that it needs, if any.
        needs: a module, or `module:name`: that object. It is imported only if the way is used,
            and before the meter runs.
        peer: whether it belongs to a library that is compared only with `--peers`.
        driven: whether it runs in an asyncio task on trio. Otherwise it runs in a plain trio
            task there, as in a program written for trio or AnyIO.
        check: returns why the way cannot be used here, if `needs` does not show that.
    """

    program: Callable[..., Awaitable[None]]
    needs: str | None = None
    peer: bool = False
    driven: bool = False
    check: Callable[[], str | None] | None = None

    def ready(self, backend: str = NO_LOOP) -> Program:
        """Return a program that takes a sample alone, and runs in the right kind of task."""
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
        if module and (missing := not_installed(module)):
            return missing
        if name and not hasattr(import_module(module), name):
            return f"this {module} has no {name}()"
        return None


def not_installed(*modules: str) -> str | None:
    """Return which of these are not installed, and the command that helps; `None`: none."""
    missing = [name for name in modules if find_spec(name) is None]
    if not missing:
        return None
    are = "are" if len(missing) > 1 else "is"
    return f"{' and '.join(missing)} {are} not installed: pip install 'portable-tasks[bench]'"


def _handed(
    program: Callable[..., Awaitable[None]], needed: Any, sample: Sample
) -> Awaitable[None]:
    return program(sample, needed)


async def _in_plain_task(program: Program, sample: Sample) -> None:
    """Run a program in a child of a nursery; raise its error without a group."""
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
    """A kind of job, and how many of them a sample runs.

    Attributes:
        job: the kind of job.
        size: how many.
        peers: whether peers run it, too; some would take minutes for the largest.
    """

    job: str
    size: int
    peers: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """Something that programs do with tasks, which has a price.

    Attributes:
        name: a short name, which `-k` finds.
        title: what is priced, in words.
        workloads: the workloads by the name of the effort that measures them.
        theme: the heading that it stands under in a report.
        question: the question that it answers, if it is one of those at the top of a report.
            Then loops are compared, too: their native ways with that of asyncio's own loop.
        meter: what is read before and after the work.
        loops: whether it is priced on each backend; otherwise it is priced once.
        elsewhere: whether threads or processes besides the loop's own thread do a part of the
            work, so that only a wall clock measures it all.
        unit: the unit of its prices, if it is not the meter's.
        ways: the ways by implementation and backend.
    """

    name: str
    title: str
    workloads: Mapping[str, tuple[Workload, ...]]
    theme: str = OTHER
    question: str | None = None
    meter: Meter = WALL
    loops: bool = True
    elsewhere: bool = False
    unit: str | None = None
    ways: dict[tuple[str, str], Way] = field(default_factory=dict)

    def by(
        self, implementation: str, *backends: str, **way: Any
    ) -> Callable[[AnyProgram], AnyProgram]:
        """Return a decorator that enters a program as an implementation's way.

        Args:
            implementation: the name of the implementation.
            backends: the backends that it works on; none: all.
            way: the other attributes of the `Way`.
        """

        def enter(program: AnyProgram) -> AnyProgram:
            entered = Way(program, **way)
            for backend in backends or (LOOPS if self.loops else (NO_LOOP,)):
                self.ways[implementation, backend] = entered
                if implementation == NATIVE and self.question and backend != ASYNCIO:
                    self.ways[ACROSS, backend] = entered
            return program

        return enter

    def by_asyncio(self, program: AnyProgram) -> AnyProgram:
        """Enter a program in asyncio's names.

        On trio it is portable's way. On asyncio and uvloop it is the native way; portable's
        names are the same objects there, so portable has no row of its own.
        """
        self.by(NATIVE, "asyncio", "uvloop")(program)
        return self.by(PORTABLE, "trio", driven=True)(program)

    def headline(self, effort: str) -> Workload:
        """Return the workload that represents it: its first job, in the size nearest 1,000."""
        first, *others = self.workloads[effort]
        same = [first, *(each for each in others if each.job == first.job)]
        return min(same, key=lambda each: abs(each.size - 1_000))


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
        """The way that it is compared with."""
        return self.operation.ways[NATIVE, self.control_backend]

    @property
    def control_backend(self) -> str:
        """The backend of the control: the case's own, or asyncio if loops are compared."""
        return ASYNCIO if self.implementation == ACROSS else self.backend

    @property
    def name(self) -> str:
        """A name that is unique among the cases of its operation."""
        implementation = self.implementation.replace(" ", "-")
        return f"{self.workload.job}-{self.workload.size}-{self.backend}-{implementation}"

    @property
    def group(self) -> str:
        """A name that is the same for all cases that are compared with each other."""
        job, size = self.workload.job, self.workload.size
        return f"{self.operation.name}: {job}, N={size:,}, {self.backend}"

    @property
    def place(self) -> dict[str, Any]:
        """The attributes of its row, except what is measured."""
        return {
            "operation": self.operation.name,
            "job": self.workload.job,
            "size": self.workload.size,
            "backend": self.backend,
            "implementation": self.implementation,
            "unit": self.operation.unit or self.operation.meter.unit,
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
        """Return what stands in place of its row if it was not measured."""
        place = {name: value for name, value in self.place.items() if name != "unit"}
        return Unmeasured(**place, reason=reason, failed=failed)

    def pairing(self, clock: Meter = WALL) -> Pairing:
        """Return its program and the native one, ready to be measured side by side.

        Args:
            clock: the clock to use if time is priced, and the loop's thread does all the work.
        """
        meter = self.operation.meter
        if meter is WALL and not self.operation.elsewhere:
            meter = clock
        return Pairing(
            self.way.ready(self.backend),
            self.control.ready(self.control_backend),
            backend=self.backend,
            control_backend=self.control_backend,
            size=self.workload.size,
            job=self.workload.job,
            meter=meter,
        )


def cases(operation: Operation, effort: str, backends: Iterable[str]) -> Iterator[Case]:
    """Yield the cases of an operation, the native ones before the others."""
    chosen = (*backends, NO_LOOP)
    for workload in operation.workloads[effort]:
        across = ASYNCIO in chosen and workload == operation.headline(effort)
        for backend in chosen:
            for (implementation, on), way in operation.ways.items():
                left_out = (way.peer and not workload.peers) or (
                    implementation == ACROSS and not across
                )
                if on == backend and not left_out:
                    yield Case(operation, workload, backend, implementation)
