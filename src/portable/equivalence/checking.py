"""All five steps for one original and its ports, on every backend, like with like.

An original on asyncio is right by definition. What runs on uvloop is compared with the
original on uvloop, which is compared with the one on asyncio itself: where the two loops
disagree, that is said once, and is not held against the ports. What runs on trio is compared
with the original on asyncio; the original itself has to come in asyncio's order there, as long
as trio has no say in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from portable._backends import BACKENDS, get_backend

from .comparison import Comparison, DeclaredDifference, compare
from .program import Program
from .recording import record
from .trace import Trace


@dataclass(frozen=True, slots=True)
class Checked:
    """One program on one backend, and what it came to.

    Attributes:
        program: the name of the program.
        backend: the name of the backend.
        trace: what was recorded; `None` if the backend is not installed.
        comparison: with what it was compared and how; `None` also for the original on
            asyncio, which is what the others are compared with.
        install_command: what installs the backend, if it is not.
    """

    program: str
    backend: str
    trace: Trace | None = None
    comparison: Comparison | None = None
    install_command: str | None = None

    @property
    def verdict(self) -> str:
        """The verdict in a word: that of the comparison, or `reference` or `skipped`."""
        if self.comparison is not None:
            return self.comparison.verdict.value
        return "skipped" if self.trace is None else "reference"

    @property
    def equivalent(self) -> bool:
        """Whether nothing was found that speaks against the program."""
        return self.comparison is None or self.comparison.verdict.equivalent


def check(
    original: Program,
    *ports: Program,
    backends: Iterable[str] = tuple(BACKENDS),
    declared: Iterable[DeclaredDifference] = (),
) -> list[Checked]:
    """Run an original and its ports on every backend, and compare them.

    Args:
        original: the raw asyncio program that is right by definition.
        ports: the programs to judge.
        backends: the backends to judge them on. One that is not installed is told of in
            the results. The original runs on asyncio in any case.
        declared: the differences that are meant; each holds for the programs and
            backends it names.

    Returns:
        An entry for each program and each of the backends.

    Raises:
        UnknownBackendError: there is no backend of one of the names.

    Example:
        >>> import asyncio, anyio
        >>> async def original():
        ...     await asyncio.sleep(3)
        >>> async def port():
        ...     await anyio.sleep(3)
        >>> for found in check(
        ...     Program("original", original, starter="asyncio"),
        ...     Program("port", port, starter="anyio"),
        ...     backends=["asyncio"],
        ... ):
        ...     print(found.program, found.verdict)
        original reference
        port same
    """
    chosen = [get_backend(name) for name in dict.fromkeys(backends)]
    declared = tuple(declared)
    reference = record(original, "asyncio")
    originals = {"asyncio": reference}
    results = []
    for program in (original, *ports):
        for backend in chosen:
            if not backend.installed:
                command = backend.install_command
                results.append(Checked(program.name, backend.name, install_command=command))
            elif program is original and backend.name == "asyncio":
                results.append(Checked(program.name, backend.name, reference))
            else:
                trace = record(program, backend.name)
                beside = originals.get(backend.name, reference)
                if program is original and backend.name == "uvloop":
                    originals[backend.name] = trace
                meant = [one for one in declared if one.holds_for(program.name, backend.name)]
                # On uvloop the order within an instant is uvloop's own.
                same_order = program is original and backend.name == "trio"
                until = trace.ordered_until if same_order else 0.0
                comparison = compare(beside, trace, meant, ordered_until=until)
                results.append(Checked(program.name, backend.name, trace, comparison))
    return results
