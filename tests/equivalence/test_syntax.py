"""What the syntax trees of programs promise: `portable.equivalence.syntax`."""

from __future__ import annotations

import ast
import gc
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from portable.equivalence.syntax import parsed

SOURCE = "\n".join(
    f"def f{number}(a, b):\n    if a:\n        return [x for x in b if x + {number}]\n"
    for number in range(40)
)


@pytest.fixture
def letting_others_in() -> Iterator[None]:
    """Collections are frequent, and let other threads in, as Hypothesis's own hook may do."""

    def hook(*_: object) -> None:
        time.sleep(0)

    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(hook)
    gc.set_threshold(50)
    sys.setswitchinterval(1e-6)
    yield
    gc.callbacks.remove(hook)
    gc.set_threshold(*threshold)
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("letting_others_in")
def test_threads_that_parse_at_once() -> None:
    """Programs may be looked at in several threads, on Python 3.11 as well."""
    whole = ast.dump(ast.parse(SOURCE))
    with ThreadPoolExecutor(3) as pool:
        trees = list(pool.map(lambda _: parsed(SOURCE), range(90)))
    assert {ast.dump(tree) for tree in trees[:3]} == {whole}
