"""Pages that scripts make from results are those that the results give."""

import json
import runpy

import pytest

from .pages import ROOT

STRANGERS = ROOT / "tests" / "strangers"


@pytest.mark.parametrize("script", ["plugin_page", "port_packages_page"])
def test_a_made_page_is_current(script, monkeypatch):
    """Neither the page nor the results were changed by hand, nor one without the other."""
    pytest.importorskip("libcst", reason="needs it: pip install 'portable-tasks[port]'")
    monkeypatch.syspath_prepend(STRANGERS)
    names = runpy.run_path(str(STRANGERS / f"{script}.py"))
    results = json.loads(names["RESULTS"].read_text("utf-8"))
    assert names["PAGE"].read_text("utf-8") == names["render"](results)
