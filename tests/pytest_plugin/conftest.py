"""A project of one module, whose tests know about time."""

import textwrap

import pytest

HEAD = """
import time
from datetime import UTC, datetime

import anyio
import pytest

START = datetime(2000, 1, 1, tzinfo=UTC)

def is_virtual():
    return datetime.now(UTC).year < 2020
"""


@pytest.fixture
def suite(pytester):
    """Make a project of one module; return a function that runs it on all the backends."""

    def run(code, *args, option="--anyio-backends"):
        pytester.makepyfile(test_it=HEAD + textwrap.dedent(code))
        return pytester.runpytest(*filter(None, [option]), *args)

    return run
