"""The working directory that each run has to itself: what is in it, what a run left there."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from portable.equivalence.isolated import Isolated
from portable.equivalence.run_folder import RunFolder
from portable.equivalence.target import Target


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "data" / "deep").mkdir(parents=True)
    (folder / "data" / "deep" / "a.txt").write_text("a\n")
    (folder / "b.txt").write_text("b\n")
    return folder


def test_what_a_run_left_is_told_by_name(source: Path, tmp_path: Path) -> None:
    """Files that are new, changed or gone are named, text with how it begins."""
    folder = RunFolder(source, tmp_path / "run")
    assert not list(folder.changes())
    (folder.place / "b.txt").unlink()
    (folder.place / "data" / "deep" / "a.txt").write_text("A\nat 0x7fe4b76c19b0\n")
    (folder.place / "picture").write_bytes(b"\xff\xfe")
    (folder.place / "empty").mkdir()
    names, lines = zip(*folder.changes(), strict=True)
    assert [name.partition(",")[0] for name in names] == [
        "b.txt: deleted",
        "data/deep/a.txt: 11 bytes",
        "picture: 2 bytes",
    ]
    assert lines == ((), ("A", "at 0x..."), ())
    assert (source / "b.txt").read_text() == "b\n"


def test_a_run_that_removes_its_folder(source: Path, tmp_path: Path) -> None:
    """Its files are told as deleted; the next run has a new copy, also of an empty folder."""
    folder = RunFolder(source, tmp_path / "run")
    shutil.rmtree(folder.place)
    assert [name for name, _ in folder.changes()] == [
        "b.txt: deleted",
        "data/deep/a.txt: deleted",
    ]
    empty = RunFolder(source / "data" / "deep", tmp_path / "other")
    shutil.rmtree(empty.place)
    empty.renew()
    assert empty.place.is_dir()


@pytest.mark.slow
def test_a_program_in_the_folder_for_temporary_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program beside the folders of runs finds what was there before, and not those."""
    pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")
    program = tmp_path / "program.py"
    program.write_text(
        "import asyncio, os\n"
        "asyncio.run(asyncio.sleep(1))\n"
        "print([name for name in os.listdir() if os.path.isdir(name)])\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    [run] = Isolated().run(Target.find("program.py"), "original", "asyncio")
    assert run.trace is not None
    assert run.trace.lines("stdout") == ["[]"]


@pytest.mark.parametrize("harm", ["write", "mkdir", "unlink", "rmtree"])
def test_the_next_run_finds_it_as_it_was(source: Path, tmp_path: Path, harm: str) -> None:
    """Whatever a run did to its files, the next one has them as they are in the source."""
    folder = RunFolder(source, tmp_path / "run")
    place = folder.place / "data"
    if harm == "write":
        (place / "deep" / "a.txt").write_text("b\n")
    elif harm == "mkdir":
        (place / "new").mkdir()
    elif harm == "unlink":
        (place / "deep" / "a.txt").unlink()
    else:
        shutil.rmtree(folder.place)
    folder.renew()
    found = sorted(str(one.relative_to(folder.place)) for one in folder.place.rglob("*"))
    assert found == ["b.txt", "data", "data/deep", "data/deep/a.txt"]
    assert (folder.place / "data" / "deep" / "a.txt").read_text() == "a\n"
    assert not list(folder.changes())


def test_a_run_that_left_nothing_keeps_its_copy(source: Path, tmp_path: Path) -> None:
    """Where nothing has changed nothing is copied again."""
    folder = RunFolder(source, tmp_path / "run")
    before = (folder.place / "b.txt").stat().st_ino
    folder.renew()
    assert (folder.place / "b.txt").stat().st_ino == before


def test_what_would_be_too_much_is_linked(source: Path, tmp_path: Path) -> None:
    """Large files, environments and links are linked, so that a program finds them."""
    with (source / "large").open("wb") as large:
        large.truncate(17 * 2**20)
    (source / ".venv").mkdir()
    (source / "to_b").symlink_to("b.txt")
    (source / "to_data").symlink_to("data")
    (source / "to_nothing").symlink_to("nothing")
    folder = RunFolder(source, tmp_path / "run")
    links = {one.name: one.readlink() for one in folder.place.iterdir() if one.is_symlink()}
    assert links == {name: source / name for name in ("large", ".venv", "to_b", "to_data")}


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="this user may read everything"
)
def test_what_may_not_be_read_is_left_out(source: Path, tmp_path: Path) -> None:
    """What may not be read is not copied, and told by its name where a run leaves it."""
    for name in ("data", "b.txt"):
        (source / name).chmod(0)
    folder = RunFolder(source, tmp_path / "run")
    assert [one.name for one in folder.place.rglob("*")] == ["data"]
    (folder.place / "left").touch(0)
    assert list(folder.changes()) == [("left: PermissionError", ())]


@pytest.mark.skipif(
    sys.platform == "win32" or os.geteuid() == 0, reason="this user may remove everything"
)
def test_what_may_not_be_removed_stays_behind(source: Path, tmp_path: Path) -> None:
    """A run's folder that cannot be removed is given up; the next run has another one."""
    folder = RunFolder(source, tmp_path / "run")
    before = folder.place
    (before / "data" / "deep" / "a.txt").write_text("b\n")
    (before / "data" / "deep").chmod(0o500)
    folder.renew()
    (before / "data" / "deep").chmod(0o700)
    assert folder.place != before
    assert (folder.place / "data" / "deep" / "a.txt").read_text() == "a\n"


@pytest.mark.skipif(sys.platform == "win32", reason="it has no named pipes")
def test_a_named_pipe_is_left_out(source: Path, tmp_path: Path) -> None:
    """What is neither file nor folder is not opened, which could wait for ever."""
    os.mkfifo(source / "pipe")
    assert not (RunFolder(source, tmp_path / "run").place / "pipe").exists()
