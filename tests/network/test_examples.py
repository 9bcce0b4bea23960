"""The programs in `examples/` do what they say."""

import importlib.util
from pathlib import Path

import pytest

import portable

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name):
    """Import an example, which is in no package."""
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_mixed_http():
    """aiohttp's server and client run on trio, beside trio's and AnyIO's names."""
    pytest.importorskip("aiohttp")
    pytest.importorskip("trio")
    program = load("mixed_http")
    assert portable.run(program.main, backend="trio") == [
        {"apples": 3},
        {"pears": 5, "plums": 0},
    ]
