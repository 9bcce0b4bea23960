"""The files: what is found, written and told, from the command line on."""

import subprocess
import sys

import pytest

pytest.importorskip("libcst", reason="needs it: pip install 'portable-tasks[port]'")
pytest.importorskip("typer", reason="needs it: pip install 'portable-tasks[cli]'")

from portable.cli import main
from portable.porting import files, port
from portable.porting.files import find_targets, port_files
from portable.porting.source import Unreadable

BEFORE = "import asyncio\n\nasync def f():\n    await asyncio.sleep(1)\n"
AFTER = "import anyio\n\nasync def f():\n    await anyio.sleep(1)\n"
LEFT = "import asyncio\n\n\nasync def f():\n    await asyncio.sleep(1, 2)\n"
BROKEN = "import asyncio\nx = = 2\n"


@pytest.fixture
def command(capsys, monkeypatch, tmp_path):
    """Runs `portable port` in this process, in a folder of its own."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["portable", "port", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return (end.value.code, *capsys.readouterr())

    return run


def git(folder, *words):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def test_the_default_is_a_diff(command, tmp_path):
    """Without an option a diff is printed that git can apply, and nothing is written."""
    (tmp_path / "a.py").write_text(BEFORE)
    code, out, err = command("a.py")
    assert code == 0
    assert (tmp_path / "a.py").read_text() == BEFORE
    assert "1 rewritten (100 %) in 1 file, 0 left to a human" in err
    subprocess.run(["git", "apply"], input=out, text=True, cwd=tmp_path, check=True)
    assert (tmp_path / "a.py").read_text() == AFTER


def test_write(command, tmp_path):
    """`--write` changes the files, and tells what is left with the lines it has now."""
    (tmp_path / "a.py").write_text(BEFORE.replace("\n\n", "\nimport asyncio.x\n\n"))
    (tmp_path / "b.py").write_text(LEFT)
    code, out, _ = command(".", "--write")
    assert code == 0
    assert "anyio.sleep(1)" in (tmp_path / "a.py").read_text()
    assert (tmp_path / "b.py").read_text() == LEFT
    assert "1 rewritten (50 %) in 1 file, 1 left to a human" in out
    assert "b.py:5: asyncio.sleep: is called with more than the delay" in out


def test_check(command, tmp_path):
    """`--check` exits with 1 while anything is left, and writes nothing."""
    (tmp_path / "a.py").write_text(BEFORE)
    assert command("a.py", "--check")[0] == 1
    assert (tmp_path / "a.py").read_text() == BEFORE
    (tmp_path / "a.py").write_text(AFTER)
    assert command("a.py", "--check")[0] == 0


def test_check_of_one_rule(command, tmp_path):
    """With `--rules` other names are not asked for."""
    (tmp_path / "a.py").write_text("import asyncio\nX = asyncio.Future\n")
    assert command("a.py", "--check")[0] == 1
    assert command("a.py", "--check", "--rules", "sleep, to_thread")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.py"], "no such file or folder"),
        (["empty"], "no Python in this folder"),
        (["--rules", "slep", "a.txt"], "'slep' is unknown; there are: sleep"),
        (["--rules", ",", "a.txt"], "--rules: no rule is named; known are: sleep"),
        (
            ["--assume", "", "a.txt"],
            "--assume: no condition is named; known are: calm, free, plain, quiet",
        ),
        (
            ["--assume", "quite", "a.txt"],
            "'quite' is unknown; there are: calm, free, plain, quiet",
        ),
        (["--check", "--write", "a.txt"], "choose one"),
        (["--report", "none/x", "a.txt"], "cannot write"),
        (["--prove", "none.py", "a.txt"], "--prove: none.py: there is no such file or folder"),
        (["--prove", "b.py:job", "a.txt"], "--prove: b.py:job: b.py has no function 'job'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "_".join(value),
)
def test_bad_use(command, tmp_path, arguments, message):
    """Bad use is answered with what to do, and exits with 2."""
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "b.py").write_text("async def main(): ...\n")
    (tmp_path / "empty").mkdir()
    code, _, err = command(*arguments)
    assert code == 2
    assert message in " ".join(err.split())


def test_a_file_that_is_no_python(command, tmp_path):
    """A file that does not parse is told, the rest is ported, and the exit code is 1."""
    (tmp_path / "a.py").write_text(BEFORE)
    (tmp_path / "b.py").write_text(BROKEN)
    (tmp_path / "c.py").write_bytes(b"import asyncio\nx = '\xff'\n")
    code, out, _ = command(".", "--write")
    assert code == 1
    assert (tmp_path / "a.py").read_text() == AFTER
    assert "b.py: not ported: line 2" in out
    assert "c.py: not ported: " in out


def test_a_named_file_that_cannot_be_read_as_python(command, tmp_path):
    """A file that is named and does not parse is told; in a folder only if it names asyncio."""
    (tmp_path / "a.py").write_text(BEFORE)
    for name in ("b.py", "script"):
        (tmp_path / name).write_text("x = = 2\n")
    code, out, _ = command("a.py", "b.py", "script", "--write")
    assert code == 1
    assert (tmp_path / "a.py").read_text() == AFTER
    assert "b.py: not ported: line 1" in out
    assert "script: not ported: line 1" in out
    assert "1 site of asyncio's names" in out
    assert command(".", "--check")[0] == 0


@pytest.mark.parametrize(
    ("name", "text", "refused"),
    [
        ("t.txt", "asyncio\n", True),
        ("t.toml", "import asyncio\n", True),
        ("t.cgi", f"#!/usr/bin/env python3\n{BEFORE}", False),
        ("script", BEFORE, False),
        ("t.pyi", BEFORE, False),
    ],
    ids=["text", "Python in another file", "a script's first line", "no ending", "types"],
)
def test_a_named_file_of_another_kind(command, tmp_path, name, text, refused):
    """A file of another ending is refused by its name, unless its first line names Python."""
    (tmp_path / name).write_text(text)
    code, _, err = command(name)
    assert code == (2 if refused else 0)
    told = f"PATH: {name}: is no Python: the name does not end in .py, and no first line"
    assert (told in " ".join(err.split())) is refused


def test_a_dirty_tree(command, tmp_path):
    """`--write` refuses while git has uncommitted changes, unless it is told to."""
    (tmp_path / "a.py").write_text(BEFORE)
    git(tmp_path, "init")
    code, _, err = command("a.py", "--write")
    assert code == 2
    assert "uncommitted changes (a.py)" in " ".join(err.split())
    assert (tmp_path / "a.py").read_text() == BEFORE
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "a")
    (tmp_path / "report.txt").write_text("not git's")
    assert command("a.py", "--write")[0] == 0
    assert (tmp_path / "a.py").read_text() == AFTER
    assert command("a.py", "--write", "--allow-dirty")[0] == 0


def test_a_dirty_file_of_any_name(command, tmp_path):
    """Git's list of uncommitted files is understood whatever their letters are."""
    (tmp_path / "größe.py").write_text(BEFORE)
    git(tmp_path, "init")
    code, _, err = command("größe.py", "--write")
    assert code == 2
    assert "uncommitted changes (größe.py)" in " ".join(err.split())


@pytest.mark.slow
def test_deeply_nested_code(command, tmp_path):
    """A file with a very long sum is told; the others are ported."""
    (tmp_path / "a.py").write_text(BEFORE)
    (tmp_path / "b.py").write_text("import asyncio\nX = " + " + ".join("1" * 1500))
    code, out, _ = command(".", "--write")
    assert code == 1
    assert (tmp_path / "a.py").read_text() == AFTER
    assert "b.py: not ported: an expression is nested too deeply" in out


def test_todo(command, tmp_path):
    """`--todo` puts what is left above its statement, once."""
    more = "    x = [\n        asyncio.sleep(1, 2)]\n    y = asyncio.current_task()\n"
    (tmp_path / "a.py").write_text(LEFT + more)
    assert command("a.py", "--write", "--todo")[0] == 0
    first = (tmp_path / "a.py").read_text()
    lines = first.splitlines()
    assert lines[4].startswith("    # TODO(portable): asyncio.sleep: is called with more")
    assert lines[5] == "    await asyncio.sleep(1, 2)"
    assert [line[:20] for line in lines[6:8]] == ["    # TODO(portable)", "    x = ["]
    assert lines[9].startswith("    # TODO(portable): asyncio.current_task: port what makes")
    assert command("a.py", "--write", "--todo")[0] == 0
    assert (tmp_path / "a.py").read_text() == first


def test_the_report(command, tmp_path):
    """`--report` groups what is left by what to do, the most frequent first."""
    (tmp_path / "a.py").write_text(LEFT + "    x = asyncio.Future\n    y = asyncio.Handle\n")
    command("a.py", "--report", "r.txt")
    lines = (tmp_path / "r.txt").read_text().splitlines()
    assert lines[0].startswith("3 sites of asyncio's names: 0 rewritten (0 %)")
    counts = [int(line.split()[0]) for line in lines if " x " in line]
    assert counts == sorted(counts, reverse=True)
    assert sum(counts) == 3
    command("a.py", "--report", "r.json")
    assert '"schema": 1' in (tmp_path / "r.json").read_text()


def test_a_report_on_stdout(command, tmp_path):
    """`--report -` puts what is left behind the diff, and says nothing besides."""
    (tmp_path / "a.py").write_text(BEFORE + LEFT.replace("import asyncio\n", ""))
    code, out, err = command("a.py", "--report", "-")
    assert code == 0
    assert not err
    assert "+    await anyio.sleep(1)" in out
    assert "2 sites of asyncio's names: 1 rewritten (50 %)" in out.partition("await anyio")[2]


def test_a_diff_says_how_it_is_written(command, tmp_path):
    """Below a diff stands that the files are as they were, and what to do next."""
    (tmp_path / "a.py").write_text(BEFORE)
    _, _, err = command("a.py")
    assert err.splitlines()[-1] == (
        "nothing is written yet: --write does it, --prove PROGRAM|TESTS runs both versions"
    )
    assert (tmp_path / "a.py").read_text() == BEFORE
    assert "nothing is written yet" not in command("a.py", "--check")[1]


def test_a_diff_says_what_is_not_in_it(command, tmp_path):
    """Below a diff stands which files were not ported, and how to see what is left."""
    (tmp_path / "a.py").write_text(LEFT)
    (tmp_path / "b.py").write_text(BROKEN)
    code, out, err = command(".")
    assert (code, out) == (1, "")
    assert "b.py: not ported: line 2" in err
    assert "--report - lists what is left, and what to write" in err


def test_ctrl_c(command, tmp_path, monkeypatch):
    """Interrupted, it ends with 130, and has written nothing."""
    (tmp_path / "a.py").write_text(BEFORE)

    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "port", interrupt)
    assert command("a.py", "--write")[0] == 130
    assert (tmp_path / "a.py").read_text() == BEFORE


def test_without_libcst(command, tmp_path, monkeypatch):
    """Without LibCST it says what to install, and exits with 2."""
    monkeypatch.setitem(sys.modules, "libcst", None)
    code, _, err = command("a.py")
    assert code == 2
    assert err == (
        "portable: porting needs libcst; install it with: pip install 'portable-tasks[port]'\n"
    )


def test_one_function(command, tmp_path):
    """`file.py:function` ports that function alone; the import stays for the others."""
    both = BEFORE + "\nclass C:\n    async def f(self):\n        await asyncio.sleep(2)\n"
    (tmp_path / "a.py").write_text(both)
    assert command("a.py:C.f", "--write")[0] == 0
    text = (tmp_path / "a.py").read_text()
    assert "await asyncio.sleep(1)" in text
    assert "await anyio.sleep(2)" in text
    assert text.startswith("import asyncio\nimport anyio\n")
    code, out, _ = command("a.py:g", "--write")
    assert code == 1
    assert "no function or class 'g'; there are: f, C, C.f" in out


def test_folders_that_are_not_searched(tmp_path):
    """Environments, caches and hidden folders are left alone."""
    for folder in ("src", ".venv", "__pycache__", "venv"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.py").write_text(BEFORE)
    found = find_targets([str(tmp_path), str(tmp_path / "src")])
    assert [target.path for target in found] == [tmp_path / "src" / "a.py"]


@pytest.mark.slow
def test_many_files(tmp_path, monkeypatch):
    """Many files are ported in several processes, in their order."""
    monkeypatch.setattr(files, "FEW", 2)
    for number in range(12):
        (tmp_path / f"a{number:02}.py").write_text(BEFORE)
    seen = []
    results = port_files(find_targets([str(tmp_path)]), progress=lambda: seen.append(1))
    assert [result.path.name for result in results] == [f"a{n:02}.py" for n in range(12)]
    assert all(result.after.decode() == AFTER for result in results)
    assert len(seen) == 12


@pytest.mark.parametrize(
    "head", ["# coding: nonsense", "\ufeff# coding: latin-1"], ids=["none", "two"]
)
def test_an_encoding_that_cannot_be(head):
    """A file that names an encoding that there is not, or two, is reported as unreadable."""
    with pytest.raises(Unreadable, match="encoding"):
        port(f"{head}\nimport asyncio\n".encode())


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_bytes_survive(newline, encoding):
    """Encoding, byte order mark and line ends are those the file had."""
    head = "# -*- coding: latin-1 -*-\n" if encoding == "latin-1" else ""
    text = (head + BEFORE + "\tname = 'ä'  # ö\n").replace("\t", "    ")
    wanted = (head + AFTER + "    name = 'ä'  # ö\n").replace("\n", newline)
    done = port(text.replace("\n", newline).encode(encoding))
    assert done.code == wanted.encode(encoding)


USER = "class Other:\n    def go(self, door):\n        door._open.set()\n"
SLOTS = "class Other:\n    __slots__ = ('_open',)\n    def go(self):\n        self._open = 1\n"


@pytest.mark.parametrize(
    ("other", "stays"), [(USER, True), ("x = 'a._open'\n", True), (SLOTS, False)]
)
def test_another_file_uses_the_attribute(tmp_path, other, stays):
    """A private attribute that another file uses stays, be that file named or not."""
    (tmp_path / "a.py").write_text(
        "import asyncio\nclass Door:\n    def __init__(self):\n"
        "        self._open = asyncio.Event()\n"
    )
    (tmp_path / "b.py").write_text(other)
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert result.changed is not stays


ENTER = "async def f(x):\n    async with {}:\n        {}\n"


@pytest.mark.parametrize(
    ("other", "stays"),
    [
        (ENTER.format("x._open", "await x.go()"), False),
        (ENTER.format("x._one, x.y._open", "pass"), False),
        (ENTER.format("x._open", "yield"), True),
        (ENTER.format("x._open as y", "pass"), True),
        (ENTER.format("x._open", "x._open.locked()"), True),
        (ENTER.format("x._open.y", "pass"), True),
        (ENTER.format("f(x._open)", "pass"), True),
        (ENTER.format("x._open", "pass") + "getattr(x, '_open')", True),
        (ENTER.format("x._open", "pass") + "x._open = None", True),
        (ENTER.format("x._open", "pass").replace("async ", ""), True),
    ],
)
@pytest.mark.parametrize("kind", ["Lock", "Semaphore", "Condition", "Event"])
def test_another_file_enters_the_attribute(tmp_path, kind, other, stays):
    """A lock that other files enter alone can be exchanged: they enter AnyIO's as well."""
    (tmp_path / "a.py").write_text(
        "import asyncio\nclass Door:\n    def __init__(self):\n"
        f"        self._open = asyncio.{kind}()\n"
    )
    (tmp_path / "b.py").write_text(other)
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert result.changed is not (stays or kind == "Event")


KEPT = (
    "import asyncio\n\nclass Door:\n    def __init__(self):\n"
    "        self.{name} = asyncio.Semaphore(1)\n"
)
ASKS = "    def ask(self):\n        return self._open.locked()\n"
ALWAYS = "    def __init__(self):\n        self._open = None\n"
INNER = "    class B:\n        def __init__(self):\n            self._open = None\n"
AT_TIMES = ALWAYS.replace("self._open", "if self: self._open")


@pytest.mark.parametrize(
    ("name", "more", "other", "stays"),
    [
        ("_open", "", "", False),
        ("__open", "", "", False),
        ("_open", "print(vars(x)['_open'])\n", "", True),
        ("_open", "print(getattr(x, '_open'))\n", "", True),
        ("_open", "class A:\n    __slots__ = ('_open',)\n", "", False),
        ("_open", "class A:\n    def ask(self, x): return getattr(self, x)\n", "", True),
        ("_open", "class A:\n    def ask(self, x): return getattr(self, f'_{x}n')\n", "", True),
        (
            "_open",
            "class A:\n    def ask(self, x): return getattr(self, f'on_{x}')\n",
            "",
            False,
        ),
        ("_open", "class A:\n    def ask(self, x): return getattr(x, x)\n", "", False),
        ("_open", "match x:\n    case Door(_open=y): pass\n", "", True),
        ("_open", "match x:\n    case Door(open=y): pass\n", "", False),
        ("_open", "", "match x:\n    case Door(_open=y): pass\n", True),
        ("__open", "print(x._Door__open)\n", "", True),
        ("__open", "print(x._Door__opened)\n", "", False),
        ("__open", "", "print(x._Door__open)\n", True),
        ("__open", "", "print(getattr(x, '_Door__open'))\n", True),
        ("_open", "", "class A:\n" + ALWAYS + ASKS, False),
        ("_open", "", "class A:\n" + AT_TIMES + ASKS, False),
        ("_open", "", "class A(Door):\n" + ALWAYS + ASKS, False),
        ("_open", "", "class A(Door):\n" + AT_TIMES + ASKS, True),
        ("_open", "", "class A(Door):\n" + INNER + ASKS, True),
        ("_open", "", "class A:\n" + INNER + ASKS, True),
        ("_open", "class A(Door):\n" + ALWAYS + ASKS, "", False),
        ("_open", "class A(Door):\n" + AT_TIMES + ASKS, "", True),
    ],
)
def test_an_attribute_that_is_reached_in_other_ways(tmp_path, name, more, other, stays):
    """An attribute that a string names, or a class may have from its base, stays."""
    (tmp_path / "a.py").write_text(KEPT.format(name=name) + more)
    (tmp_path / "b.py").write_text(other)
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert result.changed is not stays


FAR = KEPT.format(name="_open") + "from asyncio import TimeoutError\nerror = TimeoutError\n"


@pytest.mark.parametrize("project", [True, False], ids=["in its project", "in none"])
@pytest.mark.parametrize(
    ("other", "left"),
    [
        ("x._open.locked()\n", {"Semaphore"}),
        ("class A(Door):\n" + ASKS, {"Semaphore"}),
        ("async def f(x):\n    async with x._open: pass\n", set()),
        ("from core.a import TimeoutError\n", {"TimeoutError"}),
        ("from core.a import *\n", {"TimeoutError"}),
        ("from core import a\nprint(a.TimeoutError)\n", {"TimeoutError"}),
        ("from core.b import TimeoutError\n", set()),
    ],
)
@pytest.mark.parametrize("place", ["ext/b.py", "core/deep/b.py"])
def test_a_file_elsewhere_in_the_project(tmp_path, project, place, other, left):
    """All files of a project are asked for what they use of a file, packages or not."""
    for path, text in (("core/a.py", FAR), (place, other)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    if project:
        (tmp_path / "pyproject.toml").write_text("")
    [result] = port_files(find_targets([str(tmp_path / "core" / "a.py")]))
    after = result.after.decode()
    seen = {name for name in ("Semaphore", "TimeoutError") if f"asyncio.{name}" in after}
    seen |= {"TimeoutError"} if "import TimeoutError" in after else set()
    assert seen == (left if project else set())


NAMED = "from asyncio import TimeoutError\nerror = TimeoutError\n"


@pytest.mark.parametrize(
    ("other", "stays"),
    [
        ("import a\nprint(a.TimeoutError)\n", True),
        ("import app.a\nprint(app.a.TimeoutError)\n", True),
        ("from . import a as b\nprint(b.TimeoutError)\n", True),
        ("from a import *\n", True),
        ("from .a import *\n", True),
        ("from c import *\n", False),
        ("import socket\nprint(socket.TimeoutError)\n", False),
        ("import asyncio as a\nprint(a.TimeoutError)\n", False),
        ("a = 1\nprint(a.TimeoutError)\n", False),
    ],
)
def test_another_file_has_the_name_from_this_one(tmp_path, other, stays):
    """An import stays if another file has the name from here, be it by the module or a star."""
    (tmp_path / "a.py").write_text(NAMED)
    (tmp_path / "b.py").write_text(other)
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert (result.after == NAMED.encode()) is stays
    assert [site.rewritten for site in result.sites] == [True]


@pytest.mark.parametrize(
    ("other", "stays"),
    [
        ("patch('a.sleep')\n", True),
        ("patch('app.a.sleep', new)\n", True),
        ("import a\nmonkeypatch.setattr(a, 'sleep', new)\n", True),
        ("from app import a\nmocker.patch.object(a, 'sleep')\n", True),
        ("import a\na.sleep = new\n", True),
        ("import app.a as short\nshort.sleep = new\n", True),
        ("import app.a\napp.a.sleep = new\n", True),
        ("import app\nmonkeypatch.setattr(app.a, 'sleep', new)\n", True),
        ("patch('app.other.sleep')\n", False),
        ("patch('app.a.Client.sleep')\n", False),
        ("from app import a, other\nmonkeypatch.setattr(other, 'sleep', new)\n", False),
        ("import app.other as a\na.sleep = new\n", False),
        ("get().sleep = new\n", False),
        ("import a\na.sleep(1)\n", False),
        ("import a\ngetattr(a, 'sleep')\n", False),
        ("import time\npatch.object(time, 'sleep')\n", False),
        ("patch('time.sleep')\n", False),
        ("patch(a, sleep)\n", False),
        ("patch()\n", False),
    ],
)
@pytest.mark.parametrize("place", ["b.py", "tests/b.py"])
def test_another_file_replaces_a_name(tmp_path, place, other, stays):
    """What another file replaces, as tests do, stays: it would replace what nobody calls."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "tests").mkdir()
    (tmp_path / "a.py").write_text(
        "from asyncio import sleep, Event\n\nasync def f():\n    await sleep(1)\n"
        "    await Event().wait()\n"
    )
    (tmp_path / place).write_text(other)
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert [site.rewritten for site in result.sites] == [not stays, True]
    assert stays is ("is replaced in another file" in result.sites[0].why)
    # An import that any other module's name might mean is kept, as it does no harm.
    seen = stays or any(
        word in other for word in ("a.sleep(", "getattr", "other", "Client", "get()")
    )
    if place == "b.py" or stays:
        assert seen is ("import sleep" in result.after.decode())


@pytest.mark.parametrize(
    "other", ["import a\nThread(target=a.go).start()\n", "from a import *\n"]
)
def test_another_file_has_the_function_from_this_one(tmp_path, other):
    """A function that another file reaches may be called in a thread."""
    (tmp_path / "a.py").write_text(
        "import asyncio\n\nasync def main(): pass\n\ndef go():\n    asyncio.run(main())\n\n"
        "if __name__ == '__main__':\n    go()\n"
    )
    (tmp_path / "b.py").write_text(other)
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert [site.why[:40] for site in result.sites] == [
        "is called in a function that may run in "
    ]


@pytest.mark.parametrize("star", ["from b import *\n", "try: from b import *\nfinally: pass\n"])
def test_a_star_import_may_bind_the_names_that_python_has(tmp_path, star):
    """A star import may have names that Python has: `TimeoutError`, or `max`."""
    (tmp_path / "a.py").write_text(
        f"import asyncio\n{star}error = asyncio.TimeoutError\n"
        "async def f(x): await asyncio.sleep(x - 1)\n"
    )
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert "error = builtins.TimeoutError" in result.after.decode()
    assert "asyncio.sleep(x - 1)" in result.after.decode()


DOOR = (
    "import asyncio\n\nclass Door:\n    def __init__(self):\n"
    "        self.opened = asyncio.Event()\n\n"
    "async def test_it():\n    door = Door()\n    door.opened.set()\n"
)


@pytest.mark.parametrize(
    ("name", "door", "other", "stays"),
    [
        ("test_a.py", DOOR, "", False),
        ("tests/a.py", DOOR, "", False),
        ("a.py", DOOR, "", True),
        ("test_a.py", DOOR, "x.opened.clear()", True),
        ("test_a.py", DOOR, "getattr(x, 'opened').clear()", True),
        ("test_a.py", DOOR, "from test_a import Door", True),
        ("test_a.py", DOOR.replace("Door:", "Door(Base):"), "", True),
        (
            "test_a.py",
            "from b import Base\n" + DOOR.replace("Door:", "Door(Base):"),
            "class Base: pass",
            False,
        ),
        (
            "test_a.py",
            "from . import b\n" + DOOR.replace("Door:", "Door(b.Base):"),
            "class Base: pass",
            False,
        ),
        ("test_a.py", DOOR.replace("Door:", "Door(print()):"), "", True),
    ],
)
def test_a_public_attribute(tmp_path, name, door, other, stays):
    """A public attribute of a class is exchanged in a file of tests, which nobody imports."""
    (tmp_path / "pyproject.toml").write_text("")
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(door)
    (tmp_path / "b.py").write_text(other)
    files = [str(path), str(tmp_path / "b.py")]
    result = next(each for each in port_files(find_targets(files)) if each.path == path)
    assert result.changed is not stays


HELPED = (
    "import asyncio\n\nasync def opened(ready: asyncio.Event):\n    await ready.wait()\n\n"
    "async def test_it():\n    ready = asyncio.Event()\n    ready.set()\n"
    "    await opened(ready)\n"
)


@pytest.mark.parametrize(
    ("text", "other", "stays"),
    [
        (HELPED, "", False),
        (HELPED, "from test_a import opened", True),
        (HELPED.replace("opened", "test_opened"), "", True),
        (HELPED.replace("opened", "pytest_opened"), "", True),
    ],
    ids=["a helper", "imported", "a test", "a hook"],
)
def test_a_function_of_tests(tmp_path, text, other, stays):
    """A function of tests gets a thing, unless another file or pytest may call it, too."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "test_a.py").write_text(text)
    (tmp_path / "b.py").write_text(other)
    [result] = port_files(find_targets([str(tmp_path / "test_a.py")]))
    assert result.changed is not stays


WAITING = (
    "import asyncio\n\nasync def f(server):\n"
    "    await asyncio.wait_for(server.opened.wait(), 1)\n"
)


@pytest.mark.parametrize(
    ("other", "stays"),
    [
        ("import asyncio\nx.opened = asyncio.Event()\n", False),
        ("import asyncio\nclass A:\n    opened: asyncio.Event\n", False),
        ("import asyncio\nx.opened = asyncio.Event()\nx.opened = None\n", False),
        ("", True),
        ("import asyncio\nx.opened = asyncio.Event()\nx.opened = door()\n", True),
        ("import asyncio\nx.opened = asyncio.Event()\nx.opened, y = 1, 2\n", True),
        ("import asyncio\nx.opened = asyncio.Event()\nsetattr(x, 'opened', 1)\n", True),
        ("import asyncio\nx.opened = asyncio.Event()\nclass A:\n    opened: int\n", True),
        ("import asyncio\nx.opened = asyncio.Event()\nclass A:\n    opened = 1\n", True),
        (
            "import asyncio\nx.opened = asyncio.Event()\nclass A:\n    def opened(): 1\n",
            True,
        ),
    ],
)
def test_an_event_by_its_name(tmp_path, other, stays):
    """An attribute is an event if all that the project binds to its name are events."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "a.py").write_text(WAITING)
    (tmp_path / "b.py").write_text(other)
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert result.changed is not stays


PATCHING = (
    "import asyncio\nfrom unittest.mock import patch\n\n\n"
    "def test_f(monkeypatch):\n"
    '    with patch("a.asyncio.sleep"), patch("asyncio.run"):\n        pass\n'
    '    monkeypatch.setattr("asyncio.sleep", print)\n'
    '    monkeypatch.setattr(print, "asyncio.sleep", 1)\n    print("asyncio.sleep")\n'
)


def test_names_that_tests_patch(command, tmp_path):
    """A patch by name follows when every use of the name was rewritten, and is told if not."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "a.py").write_text(BEFORE)
    (tmp_path / "test_a.py").write_text(PATCHING)
    _, _, err = command("a.py")
    words = " ".join(err.split())
    assert "test_a.py:6: patches asyncio.sleep in 2 lines, which was rewritten" in words
    assert words.count("patches") == 1
    code, out, _ = command(".", "--write")
    assert code == 0
    text = (tmp_path / "test_a.py").read_text()
    assert text == PATCHING.replace("asyncio.sleep", "anyio.sleep", 2)
    assert "test_a.py:6: asyncio.run: is patched by its name" in out
    (tmp_path / "b.py").write_text(LEFT)
    (tmp_path / "test_a.py").write_text(PATCHING)
    command(".", "--write")
    assert (tmp_path / "test_a.py").read_text() == PATCHING


def test_a_patch_in_a_project_below_a_hidden_folder(command, tmp_path):
    """Hidden folders of the project are not searched, but it may be in one itself."""
    project = tmp_path / ".work" / "project"
    hidden = project / ".venv"
    hidden.mkdir(parents=True)
    (project / "pyproject.toml").write_text("")
    (project / "a.py").write_text(BEFORE)
    for folder in (project, hidden):
        (folder / "test_a.py").write_text(PATCHING)
    _, _, err = command(str(project / "a.py"))
    assert "".join(err.split()).count("test_a.py:6:patchesasyncio.sleep") == 1


def test_another_file_imports_the_name(tmp_path):
    """A name that another file imports from here stays imported."""
    (tmp_path / "pyproject.toml").write_text("")
    text = "from asyncio import TimeoutError\n\nx = TimeoutError\n"
    (tmp_path / "a.py").write_text(text)
    (tmp_path / "b.py").write_text("from a import TimeoutError\n")
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert result.after.decode() == text
    (tmp_path / "b.py").write_text("from asyncio import TimeoutError\n")
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert result.after.decode() == "\nx = TimeoutError\n"


def test_a_file_that_is_gone(tmp_path):
    """A file that is removed while others are ported is told, and they are ported."""
    for name in "ab":
        (tmp_path / f"{name}.py").write_text(BEFORE)
    found = find_targets([str(tmp_path)])
    (tmp_path / "a.py").unlink()
    gone, other = port_files(found)
    assert gone.error == "No such file or directory"
    assert not gone.changed
    assert other.after.decode() == AFTER


def test_a_file_that_portable_fails_on(tmp_path, monkeypatch):
    """An error of portable's own ends no run: the file stays, with a call to report it."""
    (tmp_path / "a.py").write_text(BEFORE)

    def fail(*_, **__):
        raise KeyError("a bug")

    monkeypatch.setattr(files, "port", fail)
    [result] = port_files(find_targets([str(tmp_path)]))
    assert result.error == "portable failed on it (KeyError: 'a bug'); please report this"
    assert result.after.decode() == BEFORE


def test_without_git(command, tmp_path, monkeypatch):
    """Where there is no git, files are written without a question."""
    monkeypatch.setenv("PATH", "")
    (tmp_path / "a.py").write_text(BEFORE)
    assert command("a.py", "--write")[0] == 0
    assert (tmp_path / "a.py").read_text() == AFTER


@pytest.mark.parametrize(
    "star",
    [
        "from asyncio import *",
        "from os import path\nfrom asyncio import *",
        "from os import *\nimport asyncio",
    ],
)
def test_a_star_import(tmp_path, star):
    """The names of `from asyncio import *` are told as one that cannot be told apart."""
    (tmp_path / "a.py").write_text(f"{star}\n\n\nasync def f():\n    await sleep(1)\n")
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    whys = [site.why for site in result.sites]
    assert ("the names of a star import cannot be told apart" in whys) is ("asyncio i" in star)
    assert not result.changed


def test_a_file_that_cannot_be_read(tmp_path):
    """A link that leads nowhere is no file, and no trouble of those beside it."""
    (tmp_path / "a.py").write_text(BEFORE)
    (tmp_path / "conftest.py").symlink_to(tmp_path / "gone.py")
    (tmp_path / "test_b.py").write_text("import pytest\n\npytestmark = pytest.mark.asyncio\n")
    found = {each.path.stem: each for each in port_files(find_targets([str(tmp_path)]))}
    assert found["a"].after.decode() == AFTER
    assert found["conftest"].error == "No such file or directory"


def test_a_package_in_a_package(tmp_path):
    """The files around the outermost package are those that may use a name."""
    inner = tmp_path / "project" / "outer" / "inner"
    inner.mkdir(parents=True)
    for folder in (inner, inner.parent, inner.parent.parent):
        (folder / "__init__.py").write_text("")
    text = "from asyncio import TimeoutError\n\nx = TimeoutError\n"
    (inner / "a.py").write_text(text)
    (inner.parent / "b.py").write_text("from .inner.a import TimeoutError\n")
    [result] = port_files(find_targets([str(inner / "a.py")]))
    assert result.after.decode() == text


def test_another_file_reaches_the_library_through_this_one(tmp_path):
    """An import stays where another file writes `module.asyncio`."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "a.py").write_text(BEFORE)
    (tmp_path / "b.py").write_text("import a\n\nprint(a.asyncio)\n")
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert result.after.decode() == AFTER.replace("import", "import asyncio\nimport", 1)


CLIENT = (
    "import asyncio\n\n\nclass Client:\n    async def work(self):\n        pass\n\n"
    "    async def run(self):\n        await asyncio.wait_for(self.work(), 1)\n"
)


@pytest.mark.parametrize("base", ["(Client)", ""])
def test_another_file_overrides_the_method(tmp_path, base):
    """A method that a class of another file may override is not known."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "a.py").write_text(CLIENT)
    other = f"class Other{base}:\n    async def work(self):\n        pass\n"
    (tmp_path / "b.py").write_text(f"from a import Client\n\n\n{other}")
    [result] = port_files(find_targets([str(tmp_path / "a.py")]))
    assert result.changed is not bool(base)


STARTED = (
    "import asyncio\n{imported}\n\nasync def main():\n    await asyncio.sleep(0)\n\n"
    'if __name__ == "__main__":\n    asyncio.run(main())\n'
)


@pytest.mark.parametrize(
    ("imported", "files", "stays"),
    [
        ("import b", {"b": "import json, anyio"}, False),
        ("import b", {"b": "import json, asyncio"}, True),
        ("import b", {"b": "import c", "c": "import httpx"}, False),
        ("import b", {"b": "import c", "c": "def f(): from asyncio import sleep"}, True),
        ("import b", {"b": "import c", "c": "import aiohttp"}, True),
        ("import b", {"b": "import a", "c": "import asyncio"}, False),
        ("import b", {"b": "import c, a", "c": "import b, a"}, False),
        ("import json", {"json": "import asyncio"}, True),
        ("import pkg.b", {"pkg/__init__": "", "pkg/b": "from .c import d", "pkg/c": ""}, False),
        ("import pkg.b", {"pkg/__init__": "", "pkg/b": "", "pkg/c": "import asyncio"}, True),
        ("import d.p.b", {"d/c": "", "d/p/__init__": "", "d/p/b": "import asyncio"}, True),
        ("import d.p.b", {"d/c": "", "d/p/__init__": "", "d/p/b": "import yaml"}, True),
        ("import pkg.b", {"pkg/__init__": "", "pkg/b": "", "pkg/test_c": "import x"}, False),
        ("import pkg.b", {"pkg/__init__": "", "pkg/b": "from . import c", "pkg/c": "a"}, False),
    ],
)
def test_a_program_is_started_by_anyio_when_nothing_needs_asyncios_loop(
    tmp_path, imported, files, stays
):
    """`asyncio.run()` stays until no module of the project that is imported needs the loop."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "a.py").write_text(STARTED.format(imported=imported))
    for name, text in files.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    [result, *_] = port_files(find_targets([str(tmp_path)]))
    assert result.path.name == "a.py"
    assert (b"asyncio.run" in result.after) is stays


NEEDED: list[tuple[str, str, dict[str, str], bool]] = [
    ("", "import b", {"b": "import yaml"}, False),
    ("", "import b", {"b": "import yaml, asyncio"}, True),
    ("", "import b", {"b": "from yaml import c", "c": "import asyncio"}, False),
    ("", "import b", {"b": "import yaml, c", "c": "import asyncpg"}, True),
    ("", "import b", {"b": "import yaml, a", "c": "import asyncio"}, False),
    ("", "import b", {"b": "import yaml, redis.asyncio"}, True),
    ("", "import b", {"b": "from redis import yaml, asyncio"}, True),
    ("", "import b", {"b": "import yaml; yaml.asyncio.sleep"}, True),
    ("", "import json", {"json": "import asyncio"}, True),
    ("", "import json", {"json": "import yaml"}, False),
    ("", "import b", {"b": "import yaml, json", "json": "import asyncio"}, True),
    ("", "import lib.b", {"lib/b": "import asyncio"}, True),
    ("", "import lib.b", {"lib/b": "import yaml"}, False),
    ("examples/", "import lib", {"src/lib/__init__": "import asyncio"}, True),
    ("examples/", "import lib", {"src/lib/__init__": "import yaml"}, False),
    ("examples/", "import ns.b", {"src/ns/b/__init__": "import asyncio"}, True),
    ("examples/", "from .b import c", {"examples/b": "import asyncio"}, True),
    ("src/ns/one/", "from ..two import b", {"src/ns/two/b": "import asyncio"}, True),
    ("src/ns/one/", "from ..two import b", {"src/ns/two/b": "import yaml"}, False),
    ("", "import b", {"b": "import yaml", "test_b": "import asyncio"}, False),
    ("", "from . import b", {"b": "import asyncio"}, True),
    ("d/", "from . import b", {"d/b": "import asyncio"}, True),
    ("d/", "from . import b", {"d/b": "import yaml"}, False),
    ("d/", "import b", {"b": "import asyncio"}, True),
    ("d/", "import b", {"src/b": "import asyncio"}, True),
    ("d/", "import b", {"src/c/b": "import asyncio"}, False),
    ("d/e/", "import b", {"d/b/c": "import asyncio"}, True),
    ("d/", "import b", {"e/f/b/c": "import asyncio"}, False),
    ("d/", "import b", {"e/f/b/__init__": "import asyncio"}, True),
    ("d/", "import b", {"e/__init__": "", "e/b/__init__": "import asyncio"}, False),
    ("tests/", "from tests import b", {"tests/b": "import asyncio"}, True),
    ("tests/", "import conftest", {"tests/conftest": "import asyncio"}, True),
]


@pytest.mark.parametrize(
    ("project", "place", "imported", "files", "stays"),
    [
        *((True, *each) for each in NEEDED),
        # Where a project ends is not known without one.
        *((False, *each) for each in NEEDED if not each[0]),
    ],
)
def test_a_human_does_not_vouch_for_what_is_seen_to_need_asyncios_loop(
    tmp_path, project, place, imported, files, stays
):
    """Whatever is assumed, a file of the project that imports asyncio is seen, if not named."""
    if project:
        (tmp_path / "pyproject.toml").write_text("")
    for name, text in {**files, f"{place}a": STARTED.format(imported=imported)}.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text)
    targets = find_targets([str(tmp_path / f"{place}a.py")])
    [result] = port_files(targets)
    [site] = [site for site in result.sites if site.name == "asyncio.run"]
    assert not site.rewritten
    assert ("--assume free" in site.write) is not stays
    [result] = port_files(targets, assumed=frozenset({"free"}))
    assert (b"asyncio.run" in result.after) is stays


@pytest.mark.parametrize(("text", "stays"), [("", False), ("import asyncio", True)])
def test_a_program_in_its_package(tmp_path, text, stays):
    """A relative import stands for the package a file is in, without the file itself."""
    package = tmp_path / "package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "a.py").write_text(STARTED.format(imported="from . import b"))
    (package / "b.py").write_text(text)
    [result] = port_files(find_targets([str(package / "a.py")]))
    assert (b"asyncio.run" in result.after) is stays


@pytest.fixture
def only_asyncio(monkeypatch):
    """Hides the other backends: a proof takes its time on each."""
    pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")
    for name in ("trio", "uvloop"):
        monkeypatch.setitem(sys.modules, name, None)


PROGRAM = (
    BEFORE
    + """
async def main():
    await f()
    print({said})
"""
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "proved"),
    [("'done'", True), ("'import ' 'asyncio' in open(__file__).read()", False)],
    ids=["the same", "its own text"],
)
@pytest.mark.usefixtures("only_asyncio")
def test_prove_a_program(command, tmp_path, said, proved):
    """`--prove PROGRAM` runs it before and after; what then differs is not written."""
    before = PROGRAM.format(said=said)
    (tmp_path / "a.py").write_text(before)
    code, out, _ = command("a.py", "--prove", "a.py", "--write")
    assert (code == 0) is proved
    assert ((tmp_path / "a.py").read_text() != before) is proved
    assert ("nothing was written" in out) is not proved
    assert f"{'equivalent' if proved else 'NOT equivalent'}: a.py after the port" in out
    assert "portable-prove" not in out


TESTS = """
import pathlib

import pytest

import a


@pytest.mark.parametrize("x", [1, 2], ids=["one", "two"])
def test_same(x):
    pass


@pytest.mark.anyio
async def test_late():
    seen = pathlib.Path(__file__).with_suffix(".seen")
    first = not seen.exists()
    seen.touch()
    assert "before" not in __file__ or not first


def test_fails():
    raise ValueError


def test_source():
    assert "import " "asyncio" in pathlib.Path(a.__file__).read_text()
"""


@pytest.mark.slow
@pytest.mark.usefixtures("only_asyncio")
def test_prove_by_tests(command, tmp_path):
    """`--prove TESTS` says of each test that ends otherwise how it ends, and why none runs."""
    (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
    (tmp_path / "a.py").write_text(BEFORE)
    (tmp_path / "test_a.py").write_text(TESTS)
    code, out, _ = command("a.py", "--prove", "test_a.py", "--write")
    said = " ".join(out.split())
    assert code == 1
    assert (tmp_path / "a.py").read_text() == BEFORE
    assert "asyncio: 5 tests, 4 passed; NOT the same after the port" in said
    assert "1 failed before the port, and prove nothing" in said
    assert "test_a::test_late: passed once of two times" in said
    assert "test_a::test_source: passed before, failure after" in said
    assert "test_same" not in said
    (tmp_path / "test_a.py").write_text("import nothing_of_this_name\n")
    code, out, _ = command("a.py", "--prove", "test_a.py", "--write")
    assert code == 1
    assert "No module named 'nothing_of_this_name'" in " ".join(out.split())
    (tmp_path / "test_a.py").write_text("import a\n\ndef test_it(): assert a\n")
    code, out, _ = command("a.py", "--prove", "test_a.py", "--write")
    assert code == 0
    assert "asyncio: 1 test, 1 passed; the same after the port" in " ".join(out.split())
    assert (tmp_path / "a.py").read_text() == AFTER


@pytest.mark.slow
@pytest.mark.usefixtures("only_asyncio")
def test_no_tests_prove_nothing(command, tmp_path):
    """A folder without tests is told as that, and not as tests that end otherwise."""
    (tmp_path / "a.py").write_text(BEFORE)
    (tmp_path / "empty").mkdir()
    code, out, _ = command("a.py", "--prove", "empty", "--write")
    assert code == 1
    assert "asyncio: no test ran, which proves nothing" in out
    assert "NOT the same" not in out
    assert (tmp_path / "a.py").read_text() == BEFORE


UNRELATED = """
import asyncio

async def main():
    await asyncio.sleep(1)
    print(2)
"""
A_TEST = "{imported}\n\ndef test_it():\n    pass\n"


@pytest.mark.slow
@pytest.mark.usefixtures("only_asyncio")
@pytest.mark.parametrize(
    ("name", "text", "proved"),
    [
        ("c.py", UNRELATED, False),
        ("c.py", f"import a\n{UNRELATED}", True),
        ("test_c.py", A_TEST.format(imported="import b"), False),
        ("test_c.py", A_TEST.format(imported="import a"), True),
    ],
    ids=["a program", "a program that does", "tests", "tests that do"],
)
def test_a_proof_that_loads_nothing_that_was_ported(command, tmp_path, name, text, proved):
    """What loads no ported file proves nothing: that is told, and nothing is written."""
    (tmp_path / "a.py").write_text(BEFORE)
    (tmp_path / "b.py").write_text("")  # nothing in it is ported
    (tmp_path / "d.py").write_text(BEFORE)
    (tmp_path / name).write_text(text)
    code, out, _ = command("a.py", "b.py", "d.py", "--prove", name, "--write")
    assert code == (0 if proved else 1)
    assert ((tmp_path / "a.py").read_text() == AFTER) is proved
    told = f"{name} loads no file that was ported, which proves nothing: a.py, d.py"
    assert (told in " ".join(out.split())) is not proved
    assert ("nothing was written" in out) is not proved
