"""Random programs do under portable, on every backend, what they do under raw asyncio.

Where a program touches a declared difference, it does what the declaration says. Which
those are and what is then to be expected is settled before portable runs the program: see
`predicting`. `pytest --hypothesis-profile=long tests/random_programs` tries 20,000 programs.
"""

from hypothesis import event, given, settings

from portable._backends import installed_backends

from .judging import misses, predict
from .writing import programs


def chosen(share):
    """The settings of `random-programs` or of a longer profile, for a share of them."""
    profile = settings.get_profile("random-programs")
    if settings().max_examples > profile.max_examples:
        profile = settings()
    return settings(profile, max_examples=round(profile.max_examples * share))


def keeps_its_promise(program):
    prediction = predict(program)
    event("order is free" if prediction.free else "order is given")
    for difference in sorted(prediction.differences) or ["none"]:
        event(f"touches {difference}")
    event(f"steps: up to {-(-program.size // 10) * 10}")
    for backend in installed_backends():
        missed = misses(program, prediction, backend)
        assert missed is None, missed


@chosen(5 / 6)
@given(programs())
def test_programs(program):
    """What happens in one instant has one cause: the outcome is asyncio's, line by line."""
    keeps_its_promise(program)


@chosen(1 / 6)
@given(programs(clashing=True))
def test_programs_with_clashes(program):
    """Where things happen at the same instant, what no order can change is asyncio's."""
    keeps_its_promise(program)
