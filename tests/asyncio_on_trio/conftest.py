"""What the tests of the loop on trio share. They run on trio alone."""

import asyncio

import pytest

import portable
from portable._backends import BACKENDS

if not BACKENDS["trio"].installed:
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def backend():
    """The one backend that these tests are about."""
    return "trio"


@pytest.fixture
def runner():
    """asyncio's own runner on a loop that brings its own run of trio's."""
    with asyncio.Runner(loop_factory=portable.trio_loop) as runner:
        yield runner


@pytest.fixture
def logged(caplog):
    """What asyncio's logger was told, as the first line of each message."""

    def lines():
        return [
            record.getMessage().partition("\n")[0]
            for record in caplog.records
            if record.name == "asyncio"
        ]

    return lines
