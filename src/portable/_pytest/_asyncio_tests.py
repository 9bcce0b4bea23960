"""Loop factories for the tests of pytest-asyncio and unittest (`--asyncio-backends`).

pytest-asyncio calls the hook `pytest_asyncio_loop_factories` and makes a variant of each test
for each loop factory that the hook returns; fixtures and loop scopes follow. `LoopFactories`
implements that hook. unittest's tests are collected by `_isolated_cases.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ._isolated_cases import IsolatedCases
from ._loop_factories import LoopFactory
from ._selection import Selection

OPTION = "--asyncio-backends"
_HOOK = "pytest_asyncio_loop_factories"


class LoopFactories:
    """A plugin that implements pytest-asyncio's hook."""

    def __init__(self, selection: Selection) -> None:
        self._factories = {name: LoopFactory(name) for name in selection.names}

    def pytest_asyncio_loop_factories(self) -> Mapping[str, LoopFactory]:
        """Return the loop factories by the names of their backends."""
        return self._factories


def join(config: pytest.Config, selection: Selection) -> None:
    """Run the tests of pytest-asyncio and unittest on the chosen backends.

    Raises:
        pytest.UsageError: the pytest-asyncio that is loaded does not have the hook.
    """
    config.pluginmanager.register(IsolatedCases(selection), "portable-isolated-cases")
    if hasattr(config.hook, _HOOK):
        config.pluginmanager.register(LoopFactories(selection), "portable-loop-factories")
    elif config.pluginmanager.hasplugin("asyncio"):
        raise pytest.UsageError(
            f"{OPTION}: this pytest-asyncio does not have the hook {_HOOK}, so its tests have "
            "one loop; upgrade it: pip install -U pytest-asyncio"
        )
