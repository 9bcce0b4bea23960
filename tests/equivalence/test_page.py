"""The page: both programs on one time axis, by itself, and safe to open."""

import re
from html.parser import HTMLParser

import pytest

from portable.equivalence import Program, check

pytest.importorskip("htpy", reason="needs it: pip install 'portable-tasks[cli]'")
pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

import anyio
import anyio.lowlevel

from portable.equivalence.causes import Cause
from portable.equivalence.comparison import compare
from portable.equivalence.isolated import Run
from portable.equivalence.judging import Explored, Judged, Report
from portable.equivalence.page import page
from portable.equivalence.trace import Observation, Outcome, Trace
from portable.equivalence.worker import Failure


async def original() -> None:
    for number in range(20):
        print("line", number)
    print("<b>left</b> & 'so'")


async def port() -> None:
    for number in range(20):
        print("line", number)
    print("<script>alert(1)</script>")


async def ordered() -> None:
    print("a")
    print("b")


async def racing() -> None:
    seen = []

    async def job(name: str) -> None:
        seen.append(name)

    async with anyio.create_task_group() as group:
        group.start_soon(job, "a")
        group.start_soon(job, "b")
    print(*seen, sep="\n")


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def of(one: Program, other: Program, schedules: int = 0) -> str:
    report = check(one, other, backends=["asyncio"], seeds=range(schedules))
    return page(report, title="two programs")


def test_a_page_needs_nothing_else() -> None:
    """There is no script in it, and nothing is loaded from elsewhere."""
    text = of(Program("original", original), Program("port", port, "anyio"))
    tags = Tags(text).found
    assert text.startswith("<!doctype html>")
    assert not [tag for tag, _ in tags if tag in ("script", "link", "img", "iframe")]
    assert not re.search(r"https?://|url\(", text)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_first_difference_is_in_view() -> None:
    """What is the same before it is folded away but for a few rows."""
    text = of(Program("original", original), Program("port", port, "anyio"))
    folded, _, rest = text.partition("</details>")
    assert "rows before, the same on both sides" in folded
    assert "line 3" in folded
    assert rest.index("line 19") < rest.index('id="first"')
    assert text.count('id="first"') == 1
    assert "at 0 s &#39;&lt;script&gt;" in text


def test_a_failing_seed_stands_beside_the_plain_run() -> None:
    """Where only a schedule fails, its order is shown beside the port's own."""
    text = of(Program("original", ordered), Program("port", racing, "anyio"), 20)
    assert "port in its own order" in text
    assert re.search(r"port under seed \d+", text)


async def cancelled() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep, 5, name="sleeper")
        await anyio.sleep(1)
        group.cancel_scope.cancel()
    print("done")


def test_what_becomes_of_tasks_has_rows() -> None:
    """Start, wait, cancellation and end stand between the lines, in words and in the lanes."""
    text = of(Program("original", cancelled, "anyio"), Program("port", early, "anyio"))
    rows = re.findall(r'<tr class="[^"]*marks[^"]*">(.*?)</tr>', text)
    cells = [re.findall(r"<td[^>]*>([^<]*)</td>", row) for row in rows]
    left = [(time, signs.strip(), said) for _, time, signs, said, *_ in cells if said]
    assert ("0 s", "ss", "starts: #0 cancelled, sleeper") in left
    assert ("1 s", "cc", "is cancelled: sleeper, #0 cancelled") in left
    assert ("1 s", "|e", "ends: sleeper") in left
    assert any(said.startswith("waits: #0 cancelled (line ") for _, _, said in left)


async def early() -> None:
    print("a")
    await anyio.sleep(1)
    print("c")


async def late() -> None:
    print("b")
    await anyio.sleep(2)
    print("d")


def test_both_stand_on_one_axis_of_time() -> None:
    """What comes at another time has a row of its own, and rows are in the order of time."""
    text = of(Program("original", early, "anyio"), Program("port", late, "anyio"))
    times = [float(found) for found in re.findall(r"<td>([\d.]+) s</td>", text)]
    assert times == sorted(times)
    assert set(times) == {0.0, 1.0, 2.0}


def trace(text: str, backend: str = "asyncio") -> Trace:
    outcome = Outcome(1.0, "None")
    end = Observation(1.0, "outcome", str(outcome))
    return Trace("p", backend, (Observation(0.0, "stdout", text, writer=0), end), outcome)


def judged(backend: str, seed: int | None = None) -> Judged:
    found = compare(trace("left"), trace("right", backend))
    return Judged("port", Run(backend, seed, found.port), found, (Cause("it is so", "be so"),))


def crashed(backend: str, seed: int | None = None) -> Judged:
    return Judged("port", Run(backend, seed, failure=Failure("crash", "it died")))


def test_runs_that_died() -> None:
    """What failed is in the overview; there is no section where there is nothing to show."""
    explored = (
        Explored("asyncio", 2, 2, (judged("asyncio", 1),)),  # its own order died
        Explored("uvloop", 2, 2, (crashed("uvloop", 1),)),
        Explored("trio", 1, 1),
    )
    rows = (crashed("asyncio"), judged("uvloop"), judged("trio"))
    text = page(Report("original", "port", rows, explored), title="two programs")
    assert "port on asyncio: <strong>crash</strong>: it died" in text
    for backend, failing in (("asyncio", "1 of 2"), ("uvloop", "1 of 2"), ("trio", "0 of 1")):
        said = f"port on {backend}, in other orders: <strong>{failing} schedules fail"
        assert said in text
    sections = re.findall("<h2>(.*?)</h2>", text)
    assert [one for one in sections if one.startswith("port")] == ["port on uvloop: different"]


def test_a_cause_stands_with_its_remedy() -> None:
    """What is behind a difference is told, and what to write."""
    text = page(Report("original", "port", (judged("asyncio"),)), title="two programs")
    assert "<p>it is so<br>write: <code>be so</code></p>" in text
