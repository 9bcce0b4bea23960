"""Random programs do on trio what they do on asyncio; `judging` says what has to be equal.

`pytest --hypothesis-profile=long tests/random_programs` tries 20,000 programs.
"""

import pytest
from hypothesis import event, given, settings

pytest.importorskip("trio", reason="needs it: pip install 'portable-tasks[trio]'")

from .judging import judge
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
