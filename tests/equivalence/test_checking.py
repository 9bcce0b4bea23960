"""Checks: an original and its ports on every backend, like with like."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from functools import partial

import anyio
import pytest

import portable
from portable._backends import BACKENDS
from portable.equivalence import DeclaredDifference, Observation, Program, Report, check


async def _original() -> None:
    await asyncio.sleep(1)
    print("done")


async def _port() -> None:
    await anyio.sleep(1)
    print("done")


async def _wrong() -> None:
    await anyio.sleep(1)
    print("Done")


original = Program("original", _original, "asyncio")
port = Program("port", _port, "anyio")
wrong = Program("port", _wrong, "anyio")
installed = [name for name, backend in BACKENDS.items() if backend.installed]


def verdicts(report: Report) -> dict[tuple[str, str], str]:
    return {(row.program, row.run.backend): row.verdict for row in report.rows}


def test_every_program_on_every_backend() -> None:
    """Original and port run on every backend; those missing are told."""
    report = check(original, port)
    expected = {
        (program, backend): "same" if backend in installed else "skipped"
        for program in ("original", "port")
        for backend in BACKENDS
    }
    assert verdicts(report) == expected | {("original", "asyncio"): "reference"}
    assert report.equivalent
    assert report.faithful


def test_like_is_compared_with_like() -> None:
    """uvloop is compared with uvloop, its original with asyncio, and trio with asyncio."""
    if installed != list(BACKENDS):
        pytest.skip(f"needs all backends: {BACKENDS['uvloop'].install_command}")
    beside = {
        (row.program, row.run.backend): row.comparison.original.backend
        for row in check(original, port).rows
        if row.comparison
    }
    assert beside == {
        ("original", "uvloop"): "asyncio",
        ("original", "trio"): "asyncio",
        ("port", "asyncio"): "asyncio",
        ("port", "uvloop"): "uvloop",
        ("port", "trio"): "asyncio",
    }


def test_a_wrong_port_is_not_equivalent() -> None:
    """A port that differs is told so."""
    report = check(original, wrong, backends=["asyncio"])
    assert report.row("port", "asyncio").verdict == "different"
    assert not report.equivalent
    assert report.faithful


def test_a_backend_that_is_missing_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that is not installed is in the report."""
    monkeypatch.setitem(sys.modules, "uvloop", None)
    report = check(original, port, backends=["uvloop", "asyncio"])
    assert verdicts(report) == {
        ("original", "uvloop"): "skipped",
        ("original", "asyncio"): "reference",
        ("port", "uvloop"): "skipped",
        ("port", "asyncio"): "same",
    }
    skipped = report.row("port", "uvloop")
    assert skipped.run.trace is skipped.comparison is None
    with pytest.raises(LookupError, match="no row of 'port' on 'trio'"):
        report.row("port", "trio")


def test_only_the_backends_named() -> None:
    """The original on asyncio is run as the reference, and the port where it is asked for."""
    if "trio" not in installed:
        pytest.skip(f"needs trio: {BACKENDS['trio'].install_command}")
    assert verdicts(check(original, port, backends=["trio"])) == {
        ("original", "asyncio"): "reference",
        ("original", "trio"): "same",
        ("port", "trio"): "same",
    }


def test_declared_differences_hold_where_they_say() -> None:
    """A declared difference counts for the backends it names, and only there."""

    def meant(**where: tuple[str, ...]) -> DeclaredDifference:
        return DeclaredDifference(
            "own",
            "it is louder",
            (Observation(1.0, "stdout", "done"),),
            (Observation(1.0, "stdout", "Done"),),
            **where,
        )

    def verdict(*declared: DeclaredDifference) -> str:
        report = check(original, wrong, backends=["asyncio"], declared=declared)
        return report.row("port", "asyncio").verdict

    assert verdict(meant()) == "declared"
    assert verdict(meant(backends=("asyncio",))) == "declared"
    assert verdict(meant(backends=("trio",))) == "different"


async def racing(sleep: Callable[[float], Awaitable[object]]) -> None:
    async def job(name: str) -> None:
        await sleep(1)
        print(name)

    names = "abcdefgh"
    if portable.current_backend() == "trio":  # as if trio's lots had fallen so
        names = names[::-1]
    await asyncio.gather(*map(job, names))


@pytest.mark.parametrize(
    ("sleep", "faithful"),
    [(asyncio.sleep, False), (anyio.sleep, True)],
    ids=["asyncio", "anyio"],
)
def test_the_order_of_an_original_on_trio(
    sleep: Callable[[float], Awaitable[object]], faithful: bool
) -> None:
    """What asyncio's names wake comes in its order on trio, what trio's wake in any."""
    if "trio" not in installed:
        pytest.skip(f"needs trio: {BACKENDS['trio'].install_command}")
    program = Program("original", partial(racing, sleep))
    report = check(program, program, backends=["trio"])
    assert report.row("original", "trio").verdict == "reordered"
    assert report.faithful is faithful


def test_unknown_backend() -> None:
    """A backend that does not exist is refused before anything runs."""
    with pytest.raises(portable.UnknownBackendError, match="known are"):
        check(original, port, backends=["asyncio", "curio"])
