"""Counts how CPython's tests ended, and says so in a line for each backend."""

import platform
from collections import Counter

PROPERTY = "conformance"


def pytest_terminal_summary(terminalreporter):
    counts = {}
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == PROPERTY:
                backend, verdict = value
                counts.setdefault(backend, Counter())[verdict] += 1
    if not counts:
        return
    terminalreporter.section(f"CPython {platform.python_version()}'s own tests of asyncio")
    for backend, count in counts.items():
        applicable = count["passed"] + count["declared"]
        terminalreporter.line(
            f"{backend}: {count['passed']} passed, {count['declared']} declared, "
            f"{count['not applicable']} not applicable; "
            f"passed {count['passed'] / applicable:.0%} of the {applicable} that apply"
        )
