"""Random programs do on trio what they do on asyncio; `judging` says what has to be equal.

`pytest --hypothesis-profile=long tests/random_programs` tries 20,000 programs.
"""

import gc
from dataclasses import replace

import pytest
from hypothesis import event, given, settings

pytest.importorskip("trio", reason="needs it: pip install 'portable-tasks[trio]'")

from . import anyio_statements as a
from . import statements as s
from .judging import judge
from .running import NotComparable, trace
from .writing import alone, mixed


def chosen(share):
    """The settings of `random-programs` or of a longer profile, for a share of them."""
    profile = settings.get_profile("random-programs")
    if settings().max_examples > profile.max_examples:
        profile = settings()
    return settings(profile, max_examples=round(profile.max_examples * share))


@chosen(0.5)
@given(alone)
def test_alone(program):
    """A program in asyncio's names alone runs on trio as on asyncio, line by line."""
    judge(program.block, mixed=False)


@chosen(0.5)
@given(mixed)
def test_mixed(program):
    """In a program of both languages each task does on trio what it does on asyncio."""
    event(judge(program.block, mixed=True))


def test_the_long_run_writes_new_programs():
    """By default a build writes the same ones as the build before it."""
    long, default = map(settings.get_profile, ["long", "random-programs"])
    assert (long.derandomize, default.derandomize) == (False, True)


#: It waits for ever, and once more when it is cancelled.
CLEANS_UP = s.Finally((s.WaitEvent(0),), (s.Get(0),))
#: Its race waits for a clean-up, whoever cancels it; its own is broken off by a deadlock.
IMMORTAL = s.Finally((s.Race(((s.Sleep(0),), (CLEANS_UP,))),), (s.Get(0),))
#: Cancelled by asyncio, then by AnyIO's scope: such a program is not judged.
TWICE = a.Scope(0, 2, False, False, (s.Finally((s.WaitEvent(0),), (s.WaitEvent(1),)),))
REFUSED = (
    s.Spawn(0, (CLEANS_UP,)),
    s.Spawn(1, (TWICE,)),
    s.Sleep(1),
    s.Cancel(1, None),
    s.Sleep(2),
)


@pytest.mark.parametrize(
    ("program", "backend"),
    [
        pytest.param((IMMORTAL,), "asyncio", id="deadlock-asyncio"),
        pytest.param((IMMORTAL,), "trio", id="deadlock-trio"),
        pytest.param(REFUSED, "asyncio", id="refused-asyncio"),
    ],
)
def test_what_a_run_leaves_is_collected_in_it(program, backend, monkeypatch):
    """No other run, and no other test, hears of tasks that a run has left."""
    said = []
    monkeypatch.setattr("sys.unraisablehook", lambda args: said.append(repr(args.exc_value)))
    refused = False
    try:
        trace(program, backend, mixed=True)
    except NotComparable:
        refused = True
    gc.collect()
    assert (refused, said) == (program is REFUSED, [])


def test_what_follows_the_end_of_a_run_that_is_broken_off():
    """asyncio leaves clean-ups that wait for ever; trio cancels who waits there, and ends."""
    program = replace(IMMORTAL, cleanup=(a.WaitAnyioEvent(0),))
    assert judge((program,), mixed=True) == "equal"


def test_a_lock_that_its_holder_takes_again_in_a_cancelled_scope():
    """On asyncio AnyIO refuses it at once; programs look for the cancellation first."""
    again = a.Scope(0, 0, False, False, (s.Locked("anyio", ()),))
    assert judge((s.Locked("anyio", (again,)),), mixed=True) == "equal"
