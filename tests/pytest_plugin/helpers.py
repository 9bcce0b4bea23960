"""What the tests of the plugin have in common."""

import pytest

from portable._backends import BACKENDS, installed_backends

#: For a module whose tests run pytest itself, on all the backends.
ON_ALL_BACKENDS = [
    pytest.mark.slow,
    pytest.mark.skipif(
        set(installed_backends()) != set(BACKENDS), reason="runs on all the backends"
    ),
]
