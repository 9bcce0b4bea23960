"""portable's exceptions."""

import pickle

import pytest

import portable
from portable import DeadlockError


def test_a_deadlock_names_who_waits():
    """The message lists the tasks, or says that there is no name for them."""
    error = DeadlockError(("reader", "writer"))
    assert error.tasks == ("reader", "writer")
    assert str(error).endswith("waiting: reader, writer")
    assert str(DeadlockError()).endswith("waiting: none that portable can name")


@pytest.mark.parametrize(
    "error",
    [
        DeadlockError(("a", "b")),
        portable.UnknownBackendError("which"),
        portable.BackendNotInstalledError("missing"),
        portable.MissingDependencyError("missing"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_exceptions_survive_pickling(error):
    """A test runner in several processes can send them."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("kind", "base"),
    [
        ("DeadlockError", RuntimeError),
        ("UnknownBackendError", LookupError),
        ("BackendNotInstalledError", LookupError),
        ("MissingDependencyError", ImportError),
    ],
)
def test_exceptions_are_caught_by_pythons_own_names(kind, base):
    """Each is a kind of the builtin that says the same."""
    assert issubclass(getattr(portable, kind), base)
    assert getattr(portable, kind).__doc__
