"""The list of differences, and whoever quotes it."""

import inspect
import re

import pytest

import portable
from portable._differences import DIFFERENCES, difference


def test_the_list_is_closed():
    """There are five, in order, each with a text, a reason and a section."""
    assert list(DIFFERENCES) == ["T1", "T2", "T3", "T4", "T5"]
    with pytest.raises(TypeError):
        DIFFERENCES["T6"] = DIFFERENCES["T1"]
    for number, entry in DIFFERENCES.items():
        assert entry.number == number
        assert entry.text.endswith(".")
        assert entry.reason.endswith(".")
        assert entry.section.startswith(f"{number}: ")
        assert str(entry) == f"{number}: {entry.text}"


def test_one_is_found_by_its_number():
    """An unknown number is refused with those there are."""
    assert difference("T3") is DIFFERENCES["T3"]
    with pytest.raises(LookupError, match="unknown difference 'D1'; known are: T1, T2, T3"):
        difference("D1")


@pytest.mark.parametrize("name", ["run", "race", "amap", "amap_unordered", "Supervisor"])
def test_docstrings_quote_numbers_of_the_list(name):
    """What runs tasks says which differences it has, and names none that does not exist."""
    text = " ".join(inspect.getdoc(getattr(portable, name)).split())
    _, found, told = text.partition("Differences from asyncio: on trio ")
    assert found
    numbers = re.findall(r"\b[TD]\d+\b", told)
    assert numbers
    assert set(numbers) <= set(DIFFERENCES)
