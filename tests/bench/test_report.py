"""What is made of a run: the answer in words, the report, the README's part of it."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from portable import MissingDependencyError
from portable.bench import (
    LOOPS,
    NATIVE,
    NATIVE_AGAIN,
    NoPlaceError,
    Ratio,
    Row,
    Run,
    Unmeasured,
    answer,
    changes,
    html,
    markdown,
    write_readme,
    write_report,
)

ABOUT = {
    "date": "2030-01-01 12:00 UTC",
    "machine": "a quiet one",
    "python": "CPython 3.13",
    "packages": "anyio 4.16",
    "command": "pytest benchmarks/ -k '<spawn>'",
    "size": "small",
}


def row(
    by: str,
    backend: str,
    ratio: float,
    *,
    native: float = 1e-6,
    operation: str = "spawn",
    size: int = 1000,
    spread: float = 0.1,
) -> Row:
    job = "noop" if operation == "spawn" else "sleeper"
    ratios = Ratio(ratio, ratio - spread, ratio + spread)
    amount = native * ratio
    return Row(operation, job, size, backend, by, ratios, amount * 3, amount, native, "s", 16)


def spawned(*natives: float, anyio: float = 4.0, portable: float = 5.0) -> list[Row]:
    return [
        row(by, backend, ratio, native=native * 1e-6)
        for backend, native in zip(LOOPS, natives, strict=False)
        for by, ratio in {NATIVE: 1.0, "anyio": anyio, "portable": portable}.items()
    ]


class TestAnswer:
    """The conclusion, in words."""

    def test_whole(self) -> None:
        """It says what a task costs on each loop, which loop to take, what portable adds."""
        cancelled = [
            row(by, backend, ratio, native=2e-6, operation="cancel_group")
            for backend in LOOPS
            for by, ratio in {NATIVE: 1.0, "anyio": 2.0, "portable": 3.0}.items()
        ]
        assert answer([*spawned(2, 1, 4), *cancelled]) == [
            (
                "A task, started among 1,000 and its result collected, costs 2.00 µs on "
                "asyncio, 1.00 µs on uvloop and 4.00 µs on trio by the loop's own means."
            ),
            (
                "Written once for every loop, with AnyIO: 8.00 µs on asyncio, 4.00 µs on "
                "uvloop and 16.0 µs on trio."
            ),
            (
                "Written once for every loop, with portable: 10.0 µs on asyncio, 5.00 µs on "
                "uvloop and 20.0 µs on trio."
            ),
            (
                "For spawn-heavy work, with portable, take uvloop: asyncio takes 2.0 times as"
                " long and trio takes 4.0 times as long."
            ),
            "For cancel-heavy work, with portable, it does not matter which loop you take.",
            (
                "In spawn-heavy work portable costs, in times of AnyIO's price, 1.25 on "
                "asyncio, 1.25 on uvloop and 1.25 on trio."
            ),
            (
                "In cancel-heavy work portable costs, in times of AnyIO's price, 1.50 on "
                "asyncio, 1.50 on uvloop and 1.50 on trio."
            ),
        ]

    def test_tie(self) -> None:
        """Loops within ten per cent of each other are called equally fast."""
        said = " ".join(answer(spawned(1.05, 1, 3)))
        assert "take asyncio or uvloop (equally fast): trio takes 3.0 times as long." in said

    def test_busy_moment(self) -> None:
        """A loop is judged by the least that its native way took, not by a busy moment."""
        rows = [*spawned(1, 9, 3), row("anyio", "uvloop", 4, native=0.5e-6)]
        assert "take uvloop: asyncio takes 2.0 times" in " ".join(answer(rows))

    def test_natives_alone(self) -> None:
        """Where nothing portable was measured, the loops' own means decide."""
        rows = [
            each
            for each in spawned(1, 9, 2)
            if each.implementation == NATIVE and each.backend != "uvloop"
        ]
        assert (
            "For spawn-heavy work, with the loop's own means, take asyncio: "
            "trio takes 2.0 times as long."
        ) in answer(rows)

    def test_the_very_objects(self) -> None:
        """On asyncio and uvloop the native price of asyncio's names is portable's."""
        rows = [each for each in spawned(2, 1) if each.implementation != "portable"]
        assert answer(rows)[2:] == [
            (
                "Written once for every loop, with portable: 2.00 µs on asyncio and 1.00 µs on "
                "uvloop."
            ),
            (
                "For spawn-heavy work, with portable, take uvloop: asyncio takes 2.0 times as "
                "long."
            ),
            (
                "In spawn-heavy work portable costs, in times of AnyIO's price, 0.25 on "
                "asyncio and 0.25 on uvloop."
            ),
        ]

    def test_one_loop(self) -> None:
        """With one loop there is nothing to choose."""
        assert not any("take" in sentence for sentence in answer(spawned(2)))

    def test_noise(self) -> None:
        """A machine that was not quiet is told of."""
        *_, last = answer([*spawned(1), row(NATIVE_AGAIN, "asyncio", 1.2)])
        assert last.startswith("The machine was not quiet: on asyncio the same program")

    def test_nothing(self) -> None:
        """Nothing follows from nothing."""
        assert answer([]) == []


@pytest.fixture
def run() -> Run:
    missing = Unmeasured("spawn", "noop", 1000, "trio", "aio<meter", "aio<meter is not here")
    noisy = row(NATIVE_AGAIN, "trio", 1.2)
    return Run((*spawned(2, 1, 4), noisy, missing), ABOUT)


@pytest.fixture
def file(run: Run, tmp_path: Path) -> Path:
    file = tmp_path / "run.json"
    file.write_text(json.dumps(run.as_dict()), encoding="utf-8")
    return file


class Outline(HTMLParser):
    """Which elements a page has, what it loads, and whether they are closed in order."""

    void = ("meta", "br")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.loaded: list[str] = []
        self.labels: list[str | None] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag not in self.void:
            self.open.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and not (value or "").startswith("#"):
                self.loaded.append(value or "")
            if name == "aria-label":
                self.labels.append(value)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.void:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


class TestMarkdown:
    """The report as Markdown."""

    def test_table(self, run: Run) -> None:
        """It has what was measured on what, the answer, and a table for each operation."""
        text = markdown(run)
        assert "- machine: a quiet one\n" in text
        assert "take uvloop" in text
        assert "## Spawn, join, collect the result (noop, N=1,000)\n" in text
        assert "|  | asyncio | uvloop | trio ? |\n|---|---|---|---|\n" in text
        assert "| anyio | 4.00 (3.90 to 4.10), 24.0 µs | 4.00" in text
        assert "| aio<meter |  |  | not here |" in text
        assert "aio<meter is not here" in text

    def test_older(self, run: Run) -> None:
        """Beside an older run it tells what changed, but not what may be noise."""
        older = Run(
            (
                row("anyio", "uvloop", 4.15),  # the rounds touch
                row("anyio", "asyncio", 3.85),
                row("portable", "trio", 3.0),  # the native way strayed from itself
                row("portable", "asyncio", 4.8, spread=0.05),  # less than five per cent
                row("portable", "uvloop", 7.0),
                row("quattro", "uvloop", 1.0),  # not measured now
            ),
            {**ABOUT, "date": "2029"},
        )
        (dearer, *others) = changes(older, run)
        assert others == []
        assert dearer.startswith("dearer: spawn (noop, N=1,000) by portable on uvloop, 5.00")
        text = markdown(run, older)
        assert (
            "## Changed since 2029\n\n"
            "- cheaper: spawn (noop, N=1,000) by portable on uvloop, "
            "7.00 to 5.00 times native\n\n"
        ) in text
        assert "; was 4.15" in text

    def test_unchanged(self, run: Run) -> None:
        """Beside itself nothing has changed."""
        assert "- nothing by more than the noise" in markdown(run, run)


@pytest.mark.slow
class TestPage:
    """The report as a page."""

    @pytest.fixture(autouse=True)
    def _drawn(self) -> None:
        pytest.importorskip("matplotlib", reason="pip install 'portable-tasks[bench]'")

    def test_alone(self, run: Run) -> None:
        """The page is well formed, and loads nothing from anywhere."""
        page = html(run)
        outline = Outline(page)
        assert outline.loaded == []
        assert not {"script", "link", "img", "iframe"} & set(outline.seen)
        assert "@import" not in page
        assert "url(http" not in page

    def test_content(self, run: Run) -> None:
        """It has the answer, where that comes from, the pictures with words, the tables."""
        outline = Outline(html(run))
        assert "take uvloop" in outline.text
        assert "pytest benchmarks/ -k '<spawn>'" in outline.text
        assert "aio<meter is not here" in outline.text
        assert outline.labels == ["Spawn, join, collect the result (noop, N=1,000)"]
        assert outline.seen.count("svg") == outline.seen.count("table") == 1

    def test_growth(self, run: Run) -> None:
        """Three sizes of the same make a curve."""
        more = [
            row(by, "trio", 2, size=size) for by in (NATIVE, "anyio") for size in (10, 100_000)
        ]
        outline = Outline(html(Run((*run.rows, *more), ABOUT)))
        assert outline.labels[0] == (
            "Spawn, join, collect the result (noop): what one costs, the more there are"
        )
        assert outline.seen.count("svg") == 1 + 3

    def test_far_apart(self, run: Run) -> None:
        """Ratios of very different sizes are drawn too."""
        rows = (*run.rows, row("anyioutils", "trio", 130), row("map", "trio", 0.3))
        assert "130" in Outline(html(Run(rows, ABOUT))).text

    def test_same_bytes(self, run: Run) -> None:
        """The same run makes the same page, so that a change in it is one in the run."""
        assert html(run) == html(run)

    def test_write(self, file: Path, run: Run, tmp_path: Path) -> None:
        """Both are written, named after the file of results."""
        text, page = write_report(file, file, directory=tmp_path / "out")
        assert (text.name, page.name) == ("run.md", "run.html")
        assert text.read_text(encoding="utf-8") == markdown(run, run)
        assert page.read_text(encoding="utf-8") == html(run, run)

    def test_readme(self, file: Path, tmp_path: Path) -> None:
        """A README keeps all but what stands between the marks; twice makes no difference."""
        readme = tmp_path / "README.md"
        readme.write_text(
            "# Before\n<!-- benchmarks -->\nold\n<!-- end of benchmarks -->\nAfter\n",
            encoding="utf-8",
        )
        written = write_readme(file, readme, tmp_path / "docs" / "prices")
        assert written == [readme, tmp_path / "docs" / "prices" / "spawn.svg"]
        text = readme.read_text(encoding="utf-8")
        assert text.startswith(
            "# Before\n<!-- benchmarks -->\n\n| Times native | anyio on asyn"
        )
        assert text.endswith(
            ", CPython 3.13, anyio 4.16, 2030-01-01 12:00 UTC. Measured by "
            "`pytest benchmarks/ -k '<spawn>'`, and put here by\n"
            "`portable bench-report run.json --readme README.md`.\n\n"
            "<!-- end of benchmarks -->\nAfter\n"
        )
        assert "old" not in text
        assert "(noop, N=1,000) | 4.00 | 5.00 | 4.00 | 5.00 | ? | ? |" in text
        assert "](docs/prices/spawn.svg)" in text
        assert "a quiet one, CPython 3.13" in text
        assert "currentColor" not in written[1].read_text(encoding="utf-8")
        write_readme(file, readme, tmp_path / "docs" / "prices")
        assert readme.read_text(encoding="utf-8") == text

    def test_no_place(self, file: Path, tmp_path: Path) -> None:
        """A README without the marks is refused, and left as it is."""
        readme = tmp_path / "README.md"
        readme.write_text("<!-- benchmarks -->\n", encoding="utf-8")
        with pytest.raises(NoPlaceError, match="between <!-- benchmarks --> and <!-- end"):
            write_readme(file, readme, tmp_path)
        assert readme.read_text(encoding="utf-8") == "<!-- benchmarks -->\n"


def test_no_matplotlib(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without matplotlib there are no pictures, but the command that installs it."""
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'portable-tasks\[bench\]'"):
        html(run)
    assert markdown(run)
