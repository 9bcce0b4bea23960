"""What somebody may vouch for of events and locks that others get: `--assume plain`."""

from textwrap import dedent

import pytest

pytest.importorskip("libcst", reason="needs it: pip install 'portable-tasks[port]'")
pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

from portable._backends import BACKENDS
from portable.equivalence import assert_equivalent
from portable.porting import port
from portable.porting.files import find_targets, port_files

PLAIN = frozenset({"plain"})

PROGRAM = """
import asyncio
from dataclasses import dataclass, field


@dataclass
class Door:
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event | None = None


class House:
    def __init__(self, built: asyncio.Event) -> None:
        self.built = built
        self.door = Door(closed=asyncio.Event())
        self.lock = asyncio.Lock()
        self.places = asyncio.Semaphore(2)
        self.news = asyncio.Condition()
        self.told: dict[str, asyncio.Event] = {"all": asyncio.Event()}


async def visit(house, name):
    await house.door.opened.wait()
    async with house.places, house.lock:
        print(name, house.door.closed.is_set(), house.built.is_set())
        await asyncio.sleep(1)
    async with house.news:
        house.news.notify_all()


async def main():
    built = asyncio.Event()
    house = House(built)
    tasks = [asyncio.create_task(visit(house, name)) for name in "abc"]
    house.door.opened.set()
    async with house.news:
        await house.news.wait()
        print("news")
    await asyncio.wait(tasks)
    house.told["all"].set()
    await house.told["all"].wait()
    built.set()
    print(house.built.is_set())
"""


def main_of(code):
    """Return the `main` of a program, which is not of a module."""
    names = {"__name__": __name__}
    exec(compile(code, "<program>", "exec", dont_inherit=True), names)
    return names["main"]


def test_who_vouches_has_all_of_a_program_rewritten():
    """Where nothing that the file shows speaks against it, each event and lock is AnyIO's."""
    rules = ["event", "lock", "semaphore", "condition"]
    code = PROGRAM.encode()
    before = port(code, rules=rules).sites
    assert not any(site.rewritten for site in before if site.rule in rules)
    asked = [site for site in before if site.rule in rules and "--assume plain" in site.write]
    assert len(asked) == sum(site.rule in rules for site in before)
    done = port(code, rules=rules, assumed=PLAIN)
    assert all(site.rewritten for site in done.sites if site.rule in rules)
    text = done.code.decode()
    assert "    opened: anyio.Event = field(default_factory=anyio.Event)\n" in text
    assert "    closed: anyio.Event | None = None\n" in text
    assert "def __init__(self, built: anyio.Event) -> None:" in text
    assert 'self.told: dict[str, anyio.Event] = {"all": anyio.Event()}\n' in text
    assert "self.lock = anyio.Lock(fast_acquire=True)\n" in text
    assert "self.places = anyio.Semaphore(2, fast_acquire=True)\n" in text
    assert "self.news = anyio.Condition(anyio.Lock(fast_acquire=True))\n" in text
    assert port(done.code, rules=rules, assumed=PLAIN).code == done.code


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_was_vouched_for_means_the_same(backend):
    """The program does the same after the port, on every backend and under any schedule."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    before, after = main_of(PROGRAM), main_of(port(PROGRAM.encode(), assumed=PLAIN).code)
    assert_equivalent(before, after, backends=[backend], schedules=10, fork=False)


MADE = """
import asyncio

class Owner:
    def __init__(self, app):
        {made}

    async def go(self):
        {used}
"""


@pytest.mark.parametrize(
    ("made", "used"),
    [
        pytest.param("self.ready = asyncio.Event()", "self.ready.clear()", id="cleared"),
        pytest.param(
            "self.ready = asyncio.Event()", "return await self.ready.wait()", id="value-of-wait"
        ),
        pytest.param("app.use(ready=asyncio.Event())", "app.ready.clear()", id="by-a-keyword"),
        pytest.param(
            "ready = asyncio.Event(); self.other = ready", "self.other.clear()", id="renamed"
        ),
        pytest.param("app.use(asyncio.Event())", "app.events[1].clear()", id="without-a-name"),
        pytest.param(
            "app.first = self.ready = asyncio.Event()", "self.ready.clear()", id="by-two-names"
        ),
        pytest.param(
            "app.ready = asyncio.Event()", "for x in (self.ready,): x.clear()", id="in-a-tuple"
        ),
        pytest.param(
            "x = asyncio.Event(); app.events.append(x)", "app.events[1].clear()", id="appended"
        ),
        pytest.param(
            "x = asyncio.Event(); app.events[1] = x",
            "app.events[1].clear()",
            id="put-in-a-dict",
        ),
        pytest.param(
            "app.ready = asyncio.Event()",
            "for x in {'ready': self.ready}.values(): x.clear()",
            id="in-a-dict",
        ),
        pytest.param("self.lock = asyncio.Lock()", "return self.lock.locked()", id="locked"),
        pytest.param(
            "self.lock = asyncio.Lock()", "self.lock.release()", id="given-back-alone"
        ),
        pytest.param(
            "self.lock = asyncio.Lock()",
            "async with self.lock:\n            async with self.lock: pass",
            id="taken-again",
        ),
        pytest.param(
            "self.lock = asyncio.Lock()",
            "async with asyncio.Condition(self.lock): pass",
            id="handed-on-to-asyncios",
        ),
        pytest.param(
            "self.news = asyncio.Condition(asyncio.Lock())", "pass", id="given-to-asyncios"
        ),
        pytest.param("self.lock = app.use(asyncio.Lock)", "pass", id="made-by-others"),
        pytest.param("Mine = asyncio.Event; self.x = Mine()", "pass", id="by-another-name"),
        pytest.param("self.places = asyncio.Semaphore(app.n / 2)", "pass", id="no-integer"),
        pytest.param("pass", "pass\n\nREADY = asyncio.Event()", id="made-at-import"),
        pytest.param("pass", "pass\n\nclass Mine(asyncio.Event): pass", id="inherited"),
        pytest.param(
            "self.ready = asyncio.Event()", "isinstance(self.x, asyncio.Event)", id="asked-for"
        ),
        pytest.param(
            "self.ready = asyncio.Event()",
            "kinds = (asyncio.Event, int); return isinstance(self.x, kinds)",
            id="asked-for-by-a-tuple",
        ),
    ],
)
def test_what_the_file_shows_counts_all_the_same(made, used):
    """What speaks against AnyIO's class stays, whatever somebody vouches for."""
    code = MADE.format(made=made, used=used).encode()
    for assumed in (frozenset(), PLAIN):
        done = port(code, rules=["event", "lock", "semaphore", "condition"], assumed=assumed)
        assert b"anyio.Event" not in done.code
        assert b"anyio.Lock" not in done.code
        assert b"anyio.Semaphore" not in done.code
        assert not any("--assume" in site.write for site in done.sites)


def test_types_go_with_what_they_are_the_types_of():
    """A type stays where an event of a name that it is for stays; the others are AnyIO's."""
    code = dedent("""
        import asyncio

        def wait(ready: asyncio.Event, done: asyncio.Event): ...

        def main(app):
            app.ready = asyncio.Event()
            app.ready.clear()
            app.done = asyncio.Event()
    """)
    done = port(code.encode(), rules=["event"], assumed=PLAIN).code.decode()
    assert "def wait(ready: asyncio.Event, done: anyio.Event): ..." in done
    assert "app.ready = asyncio.Event()" in done
    assert "app.done = anyio.Event()" in done


def test_the_type_of_a_field_goes_with_what_makes_it():
    """A field keeps its type where the function stays that makes its value."""
    code = dedent("""
        import asyncio
        from dataclasses import dataclass, field

        @dataclass
        class Door:
            lock: asyncio.Lock = field(default_factory=lambda: asyncio.Lock())
            keys: "dict[str, asyncio.Lock]" = field(default_factory=dict)

        def look(door):
            return door.lock.locked(), door.keys["x"].locked()
    """)
    assert port(code.encode(), rules=["lock"], assumed=PLAIN).code == code.encode()


def test_types_stay_with_what_is_made_at_import():
    """A type stays with an event of its name that stays, or with any if it has no name."""
    code = dedent("""
        import asyncio

        READY: asyncio.Event = asyncio.Event()

        def every() -> list[asyncio.Event]: ...

        def other(done: asyncio.Event): ...
    """)
    done = port(code.encode(), rules=["event"], assumed=PLAIN).code.decode()
    assert "READY: asyncio.Event = asyncio.Event()" in done
    assert "-> list[asyncio.Event]: ..." in done
    assert "done: anyio.Event" in done


@pytest.mark.parametrize(
    ("used", "stays"),
    [
        ("app.ready.clear()", True),
        ("app.stack.callback(app.ready.clear)", True),
        ("app.ready.set()", False),
        ("app.others.clear()", False),
    ],
)
def test_what_another_file_asks_for_counts_too(tmp_path, used, stays):
    """An event stays if another file clears something of its name."""
    (tmp_path / "a.py").write_text(MADE.format(made="self.ready = asyncio.Event()", used="..."))
    (tmp_path / "b.py").write_text(f"from a import Owner\ndef go(app): {used}\n")
    for assumed, rewritten in ((frozenset(), False), (PLAIN, not stays)):
        [result] = port_files(find_targets([str(tmp_path / "a.py")]), assumed=assumed)
        assert (b"anyio.Event" in result.after) is rewritten
