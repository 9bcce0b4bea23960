"""`without_options()`: what is left of a command line."""

import pytest

from portable._command_line import without_options


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--seed", "7", "a.py"], ["a.py"]),
        (["--seed=7", "a.py"], ["a.py"]),
        (["a.py", "--json", "-", "--seed"], ["a.py"]),
        (["--seeds", "7", "--other=--seed"], ["--seeds", "7", "--other=--seed"]),
        (["--seed", "--json", "a.py"], ["a.py"]),
    ],
)
def test_options_go_with_their_values(words, left):
    """An option goes with its value, the next word or what is behind `=`; others stay."""
    assert without_options(words, {"--seed", "--json"}) == left
