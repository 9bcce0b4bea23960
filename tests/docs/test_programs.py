"""Each program in the documentation runs, and prints what the page says."""

import asyncio
import re

import anyio
import pytest

import portable
from portable._backends import BACKENDS
from portable.clock import VirtualClock

from .pages import BLOCKS, PAGES, PROGRAMS

MISSING = [backend for backend in BACKENDS.values() if not backend.installed]
KINDS = {"python", "text", "console", "toml", "ini", "yaml", "{eval-rst}"}


def _params():
    for block in PROGRAMS:
        needed = [backend for backend in MISSING if re.search(backend.name, block.text)]
        reasons = ", ".join(backend.install_command for backend in needed)
        yield pytest.param(
            block, id=str(block), marks=pytest.mark.skipif(bool(needed), reason=reasons)
        )


@pytest.fixture
def _hurry(monkeypatch):
    """Let programs that would sleep in real time do so in virtual time."""
    run, asyncio_run, anyio_run = portable.run, asyncio.run, anyio.run

    def portable_run(*args, **options):
        return run(*args, **{"virtual_time": True} | options)

    def run_by_asyncio(main, **options):
        return asyncio_run(main, **options) if options else portable_run(main)

    def run_by_anyio(func, *args, backend="asyncio", backend_options=None):
        clock = VirtualClock(start=None)
        with clock:
            options = (
                clock.backend_options(backend) if backend_options is None else backend_options
            )
            return anyio_run(func, *args, backend=backend, backend_options=options)

    monkeypatch.setattr(portable, "run", portable_run)
    monkeypatch.setattr(asyncio, "run", run_by_asyncio)
    monkeypatch.setattr(anyio, "run", run_by_anyio)


@pytest.mark.usefixtures("_hurry")
@pytest.mark.parametrize("block", list(_params()))
def test_programs_print_what_the_page_says(block, capsys):
    """A program ends without an error; where its output stands below it, it prints that."""
    exec(compile("\n" * block.line + block.text, block.page, "exec"), {"__name__": "__main__"})
    if block.output is not None:
        assert capsys.readouterr().out == block.output


def test_every_kind_of_block_is_known():
    """Nothing in the documentation escapes the tests by being of another kind."""
    assert {block.kind for block in BLOCKS} <= KINDS
    directives = {
        name for page in PAGES for name in re.findall(r"```({.*)", page.read_text("utf-8"))
    }
    assert directives <= {"{eval-rst}"}
    assert len(PROGRAMS) > 10
