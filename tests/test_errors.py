"""portable's exceptions, and what catches them."""

import asyncio
import pickle

import anyio
import pytest

import portable
from portable import CancelledError, DeadlockError, InvalidStateError, TaskCancelled


def test_code_for_asyncio_catches_invalid_state():
    """InvalidStateError is a kind of asyncio's."""
    assert issubclass(InvalidStateError, asyncio.InvalidStateError)


def test_code_for_anyio_catches_task_cancelled():
    """TaskCancelled is a kind of AnyIO's, an ordinary exception with its message as text."""
    error = TaskCancelled("why")
    assert isinstance(error, anyio.TaskCancelled)
    assert (str(error), error.message, error.args) == ("why", "why", ("why",))
    assert (str(TaskCancelled()), TaskCancelled().message) == ("", None)


@pytest.mark.parametrize(
    "error", [TaskCancelled("why"), TaskCancelled(), DeadlockError(("a",))]
)
def test_exceptions_survive_pickling(error):
    """A test runner in several processes can send them."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


def test_cancelled_error_catches_every_kind(run):
    """`except CancelledError` catches the backend's own class and TaskCancelled."""

    async def main():
        for kind in (anyio.get_cancelled_exc_class(), TaskCancelled, asyncio.CancelledError):
            assert issubclass(kind, CancelledError)
        assert not issubclass(ValueError, CancelledError)
        with anyio.CancelScope() as scope:
            scope.cancel()
            with pytest.raises(portable.CancelledError) as caught:
                await portable.sleep(1)
        assert isinstance(caught.value, anyio.get_cancelled_exc_class())

    run(main)
