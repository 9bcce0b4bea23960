"""The examples in the docstrings print what they say."""

import doctest
import importlib
import linecache
import pkgutil

import pytest

import portable
from portable._backends import BACKENDS

# Modules that need a backend, or whose examples run on it.
NEEDED = {
    "portable._running": BACKENDS["trio"],
    "portable.asyncio_on_trio": BACKENDS["trio"],
    "portable.clock._virtual": BACKENDS["trio"],
    "portable.clock._trio": BACKENDS["trio"],
    "portable.clock._uvloop": BACKENDS["uvloop"],
}


def _module(name):
    missing = [
        backend.install_command
        for start, backend in NEEDED.items()
        if name.startswith(start) and not backend.installed
    ]
    return pytest.param(name, marks=pytest.mark.skipif(bool(missing), reason=str(missing)))


def _has_examples(module):
    spec = module.module_finder.find_spec(module.name)
    return ">>> " in spec.loader.get_source(module.name)


MODULES = [
    _module(module.name)
    for module in pkgutil.walk_packages(portable.__path__, "portable.")
    if _has_examples(module)
]


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_true(module):
    """Each example of each docstring in the module prints what it says."""
    linecache.clearcache()  # else doctest asks the disk after every file known to it
    failed, tried = doctest.testmod(
        importlib.import_module(module), optionflags=doctest.ELLIPSIS
    )
    assert tried
    assert failed == 0
