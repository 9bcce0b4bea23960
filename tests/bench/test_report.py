"""What is made of a run: the verdict in words, the report, the README's part of it."""

from __future__ import annotations

import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from portable import MissingDependencyError
from portable.bench import (
    ACROSS,
    LOOPS,
    NATIVE,
    NO_TIME,
    NoPlaceError,
    Prices,
    Ratio,
    Row,
    Run,
    Unmeasured,
    changes,
    html,
    markdown,
    verdict,
    write_readme,
    write_report,
)

from .helpers import plain

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
    spread: float = 0.02,
) -> Row:
    """Return a row; its quartiles lie so much off the median, as a part of it."""
    job = "noop" if operation == "spawn" else "sleeper"
    ratios = Ratio(ratio, ratio * (1 - spread), ratio * (1 + spread))
    amount = native * ratio
    return Row(operation, job, size, backend, by, ratios, amount * 3, amount, native, "s", 32)


def rows_of(
    *natives: float, anyio: float = 4.0, portable: float = 5.0, operation: str = "spawn"
) -> list[Row]:
    """Return what an operation costs, in microseconds by the native way on each loop."""
    return [
        row(by, backend, ratio, native=native * 1e-6, operation=operation)
        for backend, native in zip(LOOPS, natives, strict=False)
        for by, ratio in {NATIVE: 1.0, "anyio": anyio, "portable": portable}.items()
        if by != "portable" or backend == "trio"
    ]


def said(*rows: Row) -> str:
    return " ".join(verdict(Prices(rows)))


class TestVerdict:
    """The conclusion, in words."""

    def test_whole(self) -> None:
        """It says what a task costs on each loop, and which loop to take, for each question."""
        cancelled = rows_of(2, 2, 2, anyio=2.0, portable=1.0, operation="cancel_one")
        spawn, choice, cancel, tie = verdict(Prices([*rows_of(2, 1, 4), *cancelled]))
        assert spawn == (
            "Start a task and collect its result: 2.00 µs on asyncio, 1.00 µs on uvloop and "
            "4.00 µs on trio by the loop's own means; with AnyIO's names 4.0, 4.0 and 4.0 "
            "times that; with asyncio's names on trio 5.0 times."
        )
        assert choice == (
            "To spawn many, take uvloop: with asyncio's names asyncio takes 2.0 times as "
            "long (1.9 to 2.1) and trio 20.0 times (19.4 to 20.6); with AnyIO's names asyncio "
            "takes 2.0 times as long (1.9 to 2.1) and trio 4.0 times (3.9 to 4.1)."
        )
        assert cancel.startswith("Cancel a started task and await its end: 2.00 µs on asyncio")
        assert tie == (
            "To cancel many, take any: with asyncio's names asyncio, uvloop and trio are "
            "equally fast; with AnyIO's names asyncio, uvloop and trio are equally fast."
        )

    def test_tie(self) -> None:
        """Loops within ten per cent of each other are called equally fast."""
        assert (
            "take asyncio or uvloop (equally fast): with asyncio's names trio takes 15.0 times"
            in said(*rows_of(1.05, 1, 3))
        )

    def test_another_loop_for_each_library(self) -> None:
        """Where the choice depends on the names, it says so first."""
        _, asyncios, anyios = verdict(Prices(rows_of(2, 1, 4, portable=0.1)))
        assert asyncios.startswith(
            "To spawn many with asyncio's names, take trio: asyncio takes"
        )
        assert anyios.startswith("To spawn many with AnyIO's names, take uvloop: asyncio takes")

    def test_likely(self) -> None:
        """A choice that the noise could turn round is called probable."""
        rows = [
            row(NATIVE, "asyncio", 1),
            row(ACROSS, "uvloop", 0.9, spread=0.06),
            row("anyio", "asyncio", 4, spread=0.06),
            row("anyio", "uvloop", 4, spread=0.06),
        ]
        assert "probably take uvloop: with AnyIO's names asyncio takes 1.1 times" in said(*rows)

    def test_across(self) -> None:
        """Where two loops were measured in turn, that is what compares them."""
        across = row(ACROSS, "uvloop", 0.5, native=2e-6)
        assert "with AnyIO's names asyncio takes 2.0 times" in said(*rows_of(2, 9), across)

    def test_busy_moment(self) -> None:
        """Else a loop is judged by the least that its native way took, not by a busy moment."""
        rows = [*rows_of(1, 9, 3), row("anyio asyncio", "uvloop", 4, native=0.5e-6)]
        assert "with AnyIO's names asyncio takes 2.0 times" in said(*rows)

    def test_one_loop(self) -> None:
        """With one loop there is nothing to choose."""
        assert "take" not in said(*rows_of(2))

    @pytest.mark.parametrize("by", [NATIVE, "anyio"])
    def test_noise(self, by: str) -> None:
        """What is noisy takes no part, and is named; the native way's noise is everybody's."""
        ratio, spread = (1.2, 0.02) if by == NATIVE else (4.0, 0.255)
        text = said(*rows_of(2, 1, 4), row(by, "uvloop", ratio, spread=spread))
        assert "trio takes 2.0 times" in text
        assert f"by {by} on uvloop" in text[text.index("Too noisy to take part (up to ±20%)") :]

    def test_nothing(self) -> None:
        """Nothing follows from nothing."""
        assert verdict(Prices([])) == []


@pytest.fixture
def run() -> Run:
    missing = Unmeasured("spawn", "noop", 1000, "trio", "aio<meter", "aio<meter is not here")
    late = Unmeasured("race", "sleeper", 200, "trio", "native", NO_TIME)
    noisy = row(NATIVE, "trio", 1.2, native=4e-6)
    return Run((*rows_of(2, 1, 4), noisy, missing, late), ABOUT)


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

    def test_first(self, run: Run) -> None:
        """The verdict comes first, then what a task costs on each loop."""
        text = plain(markdown(run))
        assert text.startswith("# What a task costs, and which loop to take\n\n- Start a task")
        at = text.index("## Start a task and collect its result (noop, one of 1,000)\n")
        assert at < text.index("## All prices")
        assert "|  | asyncio | uvloop | trio |\n| --- | --: | --: | --: |\n" in text[at:]
        assert "| native | 2.00 µs | 1.00 µs | 4.00 µs ? |" in text[at:]
        assert "| anyio | 8.00 µs, x4.00 | 4.00 µs, x4.00 | 16.0 µs, x4.00 ? |" in text[at:]
        assert "| portable | = native | = native | 20.0 µs, x5.00 ? |" in text[at:]

    def test_rest(self, run: Run) -> None:
        """The rest follows by theme, and what it was measured on."""
        text = plain(markdown(run))
        assert "- machine: `a quiet one`\n" in text
        assert "### Tasks: start and cancel them\n" in text
        assert "#### Spawn, join, collect the result (noop, N=1,000)\n" in text
        assert "| anyio | x4.00 (3.92-4.08) 24.0µs | x4.00" in text
        assert "| aio<meter |  |  | not here |" in text
        assert "aio<meter is not here" in text
        assert "first of many" not in text

    def test_older(self, run: Run) -> None:
        """Beside an older run it tells what changed, and what a price was."""
        older = Run((row("anyio", "uvloop", 3.0),), {**ABOUT, "date": "2029"})
        text = markdown(run, older)
        assert (
            "## Changed since 2029\n\n"
            "- slower by 33% (noise: 5%): Spawn, join, collect the result (noop, N=1,000), "
            "anyio on uvloop, 3.00 to 4.00 times native\n"
            "- 1 of 1 prices changed beyond the noise\n"
        ) in text
        assert "; was 3.00" in text


class TestChanges:
    """What became slower."""

    @staticmethod
    def changed(old: Row, new: Row, *others: Row) -> list[str]:
        found = changes(Prices([new, *others]), Prices([old, *others]))
        return [str(change).partition(":")[0].partition(" (")[0] for change in found.changed]

    @pytest.mark.parametrize(
        ("factor", "told"),
        [
            (1.3, ["slower by 30%"]),
            (0.7, ["faster by 30%"]),
            (1.04, []),
            (1.0, []),
        ],
    )
    def test_factor(self, factor: float, told: list[str]) -> None:
        """A change of 30 % is one, a change within 5 % is none."""
        old, new = row("anyio", "trio", 2.0), row("anyio", "trio", 2.0 * factor)
        assert self.changed(old, new) == told

    @pytest.mark.parametrize(("stray", "told"), [(1.1, ["slower by 30%"]), (1.24, [])])
    def test_noise(self, stray: float, told: list[str]) -> None:
        """It has to be more than the noise of both runs together."""
        noise = row(NATIVE, "trio", stray)
        assert self.changed(row("anyio", "trio", 2.0), row("anyio", "trio", 2.6), noise) == told

    def test_unclear(self) -> None:
        """What is too noisy in one of them is counted as such."""
        old, new = row("anyio", "trio", 2.0), row("anyio", "trio", 2.6, spread=0.9)
        found = changes(Prices([new]), Prices([old]))
        assert found.lines == [
            "0 of 1 prices changed beyond the noise; 1 are too noisy to tell"
        ]

    def test_not_compared(self) -> None:
        """The native way, and what one of the runs lacks, is not compared."""
        new = Prices([row(NATIVE, "trio", 1.3), row("quattro", "uvloop", 1.0)])
        assert changes(new, Prices([row(NATIVE, "trio", 1.0)])).compared == 0


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
        assert outline.labels == [
            "Start a task and collect its result (noop, one of 1,000)",
            "Spawn, join, collect the result (noop, N=1,000)",
        ]
        assert outline.seen.count("svg") == outline.seen.count("table") == 2

    def test_growth(self, run: Run) -> None:
        """Three sizes of the same make a curve."""
        more = [
            row(by, "trio", 2, size=size) for by in (NATIVE, "anyio") for size in (10, 100_000)
        ]
        outline = Outline(html(Run((*run.rows, *more), ABOUT)))
        assert outline.labels[1] == "Spawn, join, collect the result (noop), the more there are"
        assert outline.seen.count("svg") == 2 + 3

    def test_far_apart(self, run: Run) -> None:
        """Ratios of very different sizes are drawn too."""
        rows = (*run.rows, row("anyioutils", "trio", 130), row("map", "trio", 0.3))
        assert "130" in Outline(html(Run(rows, ABOUT))).text

    def test_noisy_bars(self, run: Run) -> None:
        """A bar that is noisy is hatched, and has the mark at its figure."""
        text = Outline(html(run)).text
        assert "16.0 µs ?" in text
        assert "8.00 µs ?" not in text
        assert "fill: url(#" in html(run)

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
        assert text.startswith("# Before\n<!-- benchmarks -->\n\n- Start a task and collect")
        assert text.endswith(
            "a quiet one, CPython 3.13, anyio 4.16, 2030-01-01 12:00 UTC. Measured by "
            "`pytest benchmarks/ -k '<spawn>'`.\n\n<!-- end of benchmarks -->\nAfter\n"
        )
        assert "old" not in text
        assert "| anyio | 8.00 µs, x4.00 | 4.00 µs, x4.00 | 16.0 µs, x4.00 ? |" in plain(text)
        assert "](docs/prices/spawn.svg)" in text
        assert "prefers-color-scheme:dark" in written[1].read_text(encoding="utf-8")
        write_readme(file, readme, tmp_path / "docs" / "prices")
        assert readme.read_text(encoding="utf-8") == text

    def test_pictures_elsewhere(self, file: Path, tmp_path: Path) -> None:
        """Pictures outside of the page's folder are linked by the way to them."""
        readme = tmp_path / "pages" / "README.md"
        readme.parent.mkdir()
        readme.write_text("<!-- benchmarks -->\n<!-- end of benchmarks -->\n", encoding="utf-8")
        write_readme(file, readme, tmp_path / "pictures")
        assert "(../pictures/spawn.svg)" in readme.read_text(encoding="utf-8")

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
