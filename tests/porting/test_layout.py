"""Layout: whatever surrounds a name, and whatever it is called, the rest stays to the byte."""

import textwrap

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("libcst", reason="needs it: pip install 'portable-tasks[port]'")

from portable.porting import port

# An import, what `sleep` is called by it, and what the import becomes.
IMPORTS = st.sampled_from(
    [
        ("import asyncio", "asyncio.sleep", "import anyio"),
        ("import asyncio as aio  # noqa", "aio.sleep", "import anyio  # noqa"),
        ("from asyncio import sleep", "sleep", "import anyio"),
        (
            "from asyncio import sleep as nap, run",
            "nap",
            "from asyncio import run\nimport anyio",
        ),
        ("from asyncio.tasks import (\n    sleep,\n)", "sleep", "import anyio"),
        ("import os, asyncio", "asyncio.sleep", "import os\nimport anyio"),
        ("import os; import asyncio", "asyncio.sleep", "import os; import anyio"),
    ]
)
LINES = st.sampled_from(
    [
        "await SLEEP(1)",
        "await SLEEP(  # first\n    1,  # second\n)",
        "x = [await SLEEP(0), 2]; y = 1",
        "return await SLEEP(\\\n1)",
        "if await SLEEP(0) is None: pass",
        "print(f'{await SLEEP(0)}')",
        "await (\n    SLEEP\n)(1)",
        "pause = lambda: SLEEP(1)",
        "naps = [SLEEP(n)\n  for n in (1, 2)]",
        "# {} asyncio.sleep(1)",
        "print('asyncio.sleep(1)')",
        "",
        "x = '''\n  asyncio\n'''",
    ]
)
NESTS = st.sampled_from(
    [
        "BODY",
        "if True:  # why\nINNER",
        "try:\nINNER\nfinally:\n    pass",
        "while 1:\n\nINNER\n\n    break",
        "async def inner():\n    'What it does.'\nINNER",
        "class C:\n    async def m(self, n=1):\n    # odd\nDEEP",
        "async with c as d:\nINNER",
        "match x:\n    case 1:\nDEEP",
    ]
)


def nested(nest, body):
    if not body.strip() or body.startswith("#"):
        body += "\npass"
    for place, depth in (("BODY", 0), ("INNER", 4), ("DEEP", 8)):
        nest = nest.replace(place, textwrap.indent(body, " " * depth))
    return nest


@given(
    imports=IMPORTS,
    lines=st.lists(LINES, min_size=1, max_size=3),
    nests=st.lists(NESTS, max_size=3),
    local=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
)
@pytest.mark.slow
@settings(deadline=None, max_examples=25)
def test_the_rest_stays(imports, lines, nests, local, newline):
    """Only the name and its import change; the second time nothing does."""
    statement, name, becomes = imports
    if "SLEEP" not in "".join(lines):
        lines = [*lines, "await SLEEP(1)"]
    body = "\n".join(lines)
    for nest in nests:
        body = nested(nest, body)

    def program(head, sleep):
        text = body.replace("SLEEP", sleep)
        text, head = (f"{head}\n{text}", "pass") if local else (text, head)
        text = textwrap.indent(text, "    ")
        text = f"# Head.\n{head}\n\nasync def main(x, c):\n{text}\n    pass\n"
        return text.replace("\n", newline)

    before = program(statement, name).encode()
    after = program(becomes, "anyio.sleep").encode()
    compile(before, "before", "exec")
    done = port(before, rules=["sleep"])
    assert done.code.decode() == after.decode()
    assert port(done.code, rules=["sleep"]).code == done.code
    assert all(site.rewritten for site in done.sites if site.name == "asyncio.sleep")
