"""CPython's own tests, with portable's names in asyncio's place, end as `verdicts.md` says."""

from importlib.util import find_spec

import pytest

from . import judging, loading, verdicts

MODULES = ("test_taskgroups", "test_timeouts", "test_waitfor", "test_tasks")

if find_spec("test") is None or find_spec("test.test_asyncio") is None:
    pytest.skip("this Python was installed without its own tests", allow_module_level=True)

LOADED = {name: loading.load(name) for name in MODULES}
TEXT = verdicts.TABLE.read_text("utf-8")
VERDICTS = verdicts.read_verdicts(TEXT)
NOT_RUN = verdicts.read_not_run(TEXT)
CASES = [case for name, module in LOADED.items() for case in judging.cases(name, module)]


@pytest.mark.parametrize(
    "case", [case for case in CASES if f"{case.module}.{case.cls}" not in NOT_RUN], ids=str
)
def test_cpythons_test(case, backend, record_property):
    """It passes, or ends as its line in the table says."""
    outcome = judging.judge(case, LOADED[case.module], backend)
    record_property("conformance", (backend, verdicts.rule(case, backend, outcome, VERDICTS)))


def test_every_line_is_about_a_test():
    """The table names no test or class that this Python has not."""
    named = {entry.test for entry in VERDICTS if entry.here()}
    named |= {f"{cls}.*" for cls in NOT_RUN}
    present = {str(case) for case in CASES}
    present |= {f"{case.module}.{case.cls}.*" for case in CASES}
    assert named <= present


@pytest.mark.parametrize("entry", VERDICTS, ids=lambda entry: entry.test)
def test_every_line_is_complete(entry):
    """It rules by a D-number or as not applicable, says what is seen, and gives a reason."""
    assert entry.ruling == "n/a" or entry.ruling in {f"D{n}" for n in range(1, 11)}
    assert entry.sign
    assert entry.why.endswith(".")
