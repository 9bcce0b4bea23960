"""The jobs of the network benchmarks do the work that they are counted for, on every loop."""

import pytest

import portable
from portable.bench._network import JOBS


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_jobs_are_done(backend: str, job: str) -> None:
    """A job is done as often as asked for; the seconds are those of this thread."""
    if job == "get":
        pytest.importorskip("aiohttp", reason="needs it: pip install 'portable-tasks[test]'")
    seconds, done = portable.run(JOBS[job], job, 3, backend=backend)
    assert done == 3
    assert seconds > 0
