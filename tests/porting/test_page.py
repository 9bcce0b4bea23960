"""The page "What becomes of what" is made from the rules."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("libcst", reason="needs it: pip install 'portable-tasks[port]'")

from portable.porting.page import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "what-becomes-of-what.md"


def test_the_page_is_what_the_rules_say():
    """`python -m portable.porting.page` prints the page, word for word."""
    assert PAGE.read_text("utf-8") == page()


@pytest.mark.slow
def test_the_command_prints_the_page():
    """`python -m portable.porting.page > ...` is all it takes to renew the page."""
    command = [sys.executable, "-m", "portable.porting.page"]
    assert subprocess.run(command, capture_output=True, check=True).stdout.decode() == page()
