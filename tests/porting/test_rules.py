"""The rules: what each makes of a program is what was meant, and means the same."""

import re

import pytest

pytest.importorskip("libcst", reason="needs it: pip install 'portable-tasks[port]'")
pytest.importorskip("time_machine", reason="needs it: pip install 'portable-tasks[clock]'")

from portable._backends import BACKENDS
from portable.equivalence import assert_equivalent
from portable.porting import RULES, port

from . import inside, outside  # noqa: F401  # They add their programs to the lists.
from .programs import REWRITTEN, STAYS

ALL_REWRITTEN = pytest.mark.parametrize(
    "case", REWRITTEN, ids=lambda case: f"{case.rule}-{case.id}"
)


def with_slow_ones(cases):
    return pytest.mark.parametrize(
        "case",
        [pytest.param(case, marks=[pytest.mark.slow] if case.slow else []) for case in cases],
        ids=lambda case: f"{case.rule}-{case.id}",
    )


RUN, ALL_STAYS = with_slow_ones(REWRITTEN), with_slow_ones(STAYS)


def main_of(code):
    """Return the `main` of a program."""
    names = {"__name__": "program"}
    exec(compile(code, "<program>", "exec"), names)
    return names["main"]


def ported(case, code):
    return port(code.encode(), rules=[case.rule]).code.decode()


@ALL_REWRITTEN
def test_a_rule_rewrites(case):
    """A rule makes of a program what was meant, to the byte."""
    assert ported(case, case.before) == case.after


@pytest.mark.slow
@ALL_REWRITTEN
def test_twice_is_once(case):
    """Porting what was ported changes nothing."""
    assert ported(case, case.after) == case.after
    everything = port(case.before.encode()).code
    assert port(everything).code == everything


LIMITED = """
import asyncio

async def main():
    lock = asyncio.Lock()
    some = asyncio.Semaphore(2)
    news = asyncio.Condition()
    try:
        await asyncio.wait_for(lock.acquire(), 1)
        lock.release()
        await asyncio.wait_for(some.acquire(), 1)
        some.release()
        async with news:
            await asyncio.wait_for(news.wait(), 1)
    except asyncio.TimeoutError:
        print("late")
"""


@pytest.mark.parametrize("options", [{}, {"places_after": True}, {"todo": True}])
def test_what_one_rule_rewrites_lets_another_go_on(options):
    """A lock may follow the time limit around it: all at once, and nothing the second time."""
    for assumed, left in ((frozenset(), 2), (frozenset({"calm"}), 0)):
        done = port(LIMITED.encode(), assumed=assumed, **options)
        stays = [site for site in done.sites if not site.rewritten]
        assert [site.name for site in stays] == ["asyncio.Condition", "asyncio.wait_for"][:left]
        gone = {(site.line, site.name) for site in done.sites if site.rewritten}
        assert gone >= {(5, "asyncio.Lock"), (6, "asyncio.Semaphore"), (9, "asyncio.wait_for")}
        assert len(done.sites) == 7
        assert port(done.code, assumed=assumed, **options).code == done.code


def test_a_comment_names_a_line_of_the_code_with_comments():
    """What `todo` puts into the code names lines that are there then, and once only."""
    done = port(LIMITED.encode(), todo=True).code
    for _ in range(2):
        lines = done.decode().splitlines()
        [line] = re.findall(r"wait_for: awaits in line (\d+)", done.decode())
        assert lines[int(line) - 1].strip() == "await asyncio.wait_for(news.wait(), 1)"
        # Lines are put above, as in the work on a file between two ports.
        done = port(b"import json\n" + done, todo=True).code


def test_a_comment_goes_with_what_it_is_for():
    """What somebody vouches for later is rewritten, and its comment of `todo` removed."""
    code = (
        b"import asyncio\n# mine\ndef go(app):\n    app.x = asyncio.Event(); asyncio.Future()\n"
    )
    done = port(code, todo=True).code
    assert b"# TODO(portable): asyncio.Event: " in done
    plain = frozenset({"plain"})
    after = port(done, todo=True, assumed=plain)
    assert after.code == port(code, todo=True, assumed=plain).code
    assert [(site.line, site.name) for site in after.sites if site.rewritten] == [
        (done[: done.index(b"app.x")].count(b"\n") + 1, "asyncio.Event")
    ]


def test_a_string_that_ends_as_a_comment_of_todo_begins_is_kept():
    """What looks like a comment of `todo`, and is the end of a string, stays as it is."""
    text = 'x = """\n# TODO(portable): asyncio.Future: mine"""\n'
    code = f"import asyncio\n{text}asyncio.Future()\n"
    done = port(code.encode(), todo=True).code
    assert text.encode() in done
    assert port(done, todo=True).code == done


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
def test_what_goes_on_means_the_same(backend):
    """The program does the same before and after, on every backend and under any schedule."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    before = main_of(LIMITED)
    after = main_of(port(LIMITED.encode(), assumed=frozenset({"calm"})).code)
    assert_equivalent(before, after, backends=[backend], schedules=10, fork=False)


SCHEDULES = [
    pytest.param(backend, 10, id=f"{backend}-10", marks=pytest.mark.slow)
    for backend in BACKENDS
]


@RUN
@pytest.mark.parametrize(("backend", "schedules"), SCHEDULES)
def test_before_and_after_are_equivalent(case, backend, schedules):
    """Both programs do the same, on every backend and under any schedule."""
    if not BACKENDS[backend].installed:
        pytest.skip(f"needs {backend}: {BACKENDS[backend].install_command}")
    before, after = main_of(case.before), main_of(case.after)
    # They share no state, and a fork of the tests' process takes longer than a run.
    assert_equivalent(before, after, backends=[backend], schedules=schedules, fork=False)


def test_a_program_runs_itself(capsys):
    """A program that is run as a script does the same before and after."""
    [case] = [each for each in REWRITTEN if each.id.startswith("by a function, with names")]
    printed = []
    for code in (case.before, case.after):
        exec(compile(code, "<program>", "exec"), {"__name__": "__main__"})
        printed.append(capsys.readouterr().out)
    assert printed == ["Ada False\nnobody False\n"] * 2


@ALL_STAYS
def test_a_rule_does_not_fire_outside_of_its_condition(case):
    """A program that does not meet the condition stays as it is, with the reason."""
    done = port(case.code.encode(), rules=[case.rule])
    assert done.code.decode() == case.code
    whys = [site.why for site in done.sites if site.rule == case.rule]
    assert any(case.why in why for why in whys), whys
    assert all(site.write for site in done.sites)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_has_its_cases(rule):
    """A rule that rewrites has a case that it rewrites, and one just outside."""
    if rule.decide is None:
        assert not rule.conditions
        return
    assert rule.conditions
    if rule.name == "tests":
        return  # test_markers.py has them: they are no programs
    assert [case for case in REWRITTEN if case.rule == rule.name]
    assert [case for case in STAYS if case.rule == rule.name]


def test_no_two_rules_look_at_one_name():
    """A name has one rule, and a rule one name of its own."""
    names = [name for rule in RULES for name in rule.names]
    assert len(names) == len(set(names))
    assert len({rule.name for rule in RULES}) == len(RULES)


ASSUMED = """
import asyncio
import anyio

async def close():
    await other()

async def work():
    try:
        {result}
    finally:
        {end}

async def main():
    await asyncio.gather(work(), work())
    await asyncio.wait_for(other(), 1)
"""


def test_what_a_human_vouches_for():
    """`assumed` conditions are not asked for where they cannot be seen, and hints say so."""
    names = {"gather", "wait_for"}

    def left(end, *assumed, result="return other[1]"):
        code = ASSUMED.format(end=end, result=result).encode()
        rules = names | {"timeout", "timeout_at"}
        done = port(code, rules=rules, assumed=frozenset(assumed))
        return {site.rule for site in done.sites if not site.rewritten}

    def hints(*assumed, **options):
        code = ASSUMED.format(**{"end": "pass", "result": "pass", **options}).encode()
        done = port(code, rules=names, assumed=frozenset(assumed))
        found = {site.rule: site.write for site in done.sites if not site.rewritten}
        said = {rule: re.search("--assume ([a-z,]*)", write) for rule, write in found.items()}
        return {rule: each and each[1] for rule, each in said.items()}

    assert hints() == {"wait_for": "calm"}
    assert hints(result="return other[1]") == {"gather": "quiet", "wait_for": "calm"}
    assert hints(result="await other.ready") == {"gather": "calm,quiet", "wait_for": "calm"}
    assert hints("quiet", result="await other.ready") == {"gather": "calm", "wait_for": "calm"}
    assert hints("calm", result="await other.ready") == {"gather": "quiet"}
    assert hints("calm", "quiet", end="await close()") == {"gather": None}
    assert hints(end="await close()") == {"gather": None, "wait_for": "calm"}
    assert left("pass") == names
    assert left("pass", "calm") == {"gather"}
    assert left("pass", "calm", "quiet") == set()
    assert left("await close()", "calm", "quiet") == {"gather"}
    for limit in ("asyncio.timeout", "asyncio.timeout_at", "anyio.fail_after", "anyio.fail_at"):
        limited = f"async with {limit}(1): await other()".replace("async with any", "with any")
        inner = f"try:\n            {limited}\n        except {{}}: pass"
        assert left("pass", "calm", "quiet", result=limited) == {"gather"}
        assert left("pass", "calm", "quiet", result=inner.format("ValueError")) == {"gather"}
        for error in ("asyncio.TimeoutError", "TimeoutError", "(OSError, ValueError)"):
            assert left("pass", "calm", "quiet", result=inner.format(error)) == set()
    assert left("raise ValueError", "calm", "quiet") == {"gather"}
    assert left("pass", "calm", result="await other.ready") == {"gather"}
    assert left("pass", "calm", "quiet", result="await other.ready") == set()


PROGRAM = """
import asyncio
{imported}

async def main():
    pass

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("imported", "unseen"),
    [
        ("import yaml", "yaml"),
        ("import yaml, anyio, json, numpy.linalg", "yaml, numpy"),
        ("from . import other", "its own package"),
        ("import pytest\n@pytest.mark.asyncio\ndef f(): pass\nf = pytest.mark.asyncio", None),
        ("import yaml; asyncio.sleep", None),
        ("import yaml; from asyncio import *", None),
        ("import yaml; from yaml import *", "yaml"),
        ("import yaml, aiohttp", None),
        ("import yaml, redis.asyncio", None),
        ("from redis import yaml, asyncio as aioredis", None),
        ("from nest_asyncio import apply", None),
        ("from .asyncio import work", None),
        ("from . import asyncio as other", None),
        ("import yaml\nyaml.asyncio.sleep", None),
        ("import asyncioptions", "asyncioptions"),
        ("import importlib; importlib.import_module(x)", "what it finds by a name"),
        ("import importlib; importlib.import_module('yaml.a')", "yaml"),
        ("import importlib; importlib.import_module('redis.asyncio')", None),
        ("__import__(x)", "what it finds by a name"),
        ("import runpy; runpy.run_path('a.py')", "what it finds by a name"),
    ],
)
def test_what_a_human_vouches_for_of_imports(imported, unseen):
    """`free` stands for what cannot be seen of imports, and the hint says so where it helps."""
    code = PROGRAM.format(imported=imported).encode()
    rules = {"run"}

    def found(*assumed):
        done = port(code, rules=rules, assumed=frozenset(assumed))
        [site] = [site for site in done.sites if site.name == "asyncio.run"]
        return site

    before = found("calm", "quiet")
    assert not before.rewritten
    assert found("free").rewritten is (unseen is not None)
    assert ("--assume free" in before.write) is (unseen is not None)
    assert unseen is None or f"imports {unseen}, which may need" in before.why


MEETING = """
import asyncio

async def work(): pass

async def main():
    {before}
    queue = asyncio.Queue()
    async def get(): return await queue.get()
    async def put(): await queue.put(1)
    {use}
"""
GATHERED = "await asyncio.gather(get(), put())"


@pytest.mark.parametrize(
    ("before", "use", "rules", "rewritten"),
    [
        ("pass", "await asyncio.wait_for(queue.get(), 1)", ["queue", "wait_for"], True),
        ("pass", "await asyncio.wait_for(queue.get(), 1)", ["queue"], False),
        ("pass", GATHERED, ["queue", "gather"], True),
        ("pass", GATHERED, ["queue"], False),
        (
            "task = asyncio.create_task(work())\n    await task",
            GATHERED,
            ["queue", "create_task", "gather"],
            True,
        ),
        (
            "task = asyncio.create_task(work())",
            "await put()\n    await get()\n    await task",
            ["queue", "create_task"],
            False,
        ),
    ],
)
def test_a_queue_among_other_rules(before, use, rules, rewritten):
    """A queue follows the limit or group around its use, and no group around its own lines."""
    code = MEETING.format(before=before, use=use).encode()
    quiet = frozenset({"quiet"})
    sites = port(code, rules=rules, assumed=quiet, places_after=True).sites
    assert {site.rewritten for site in sites if site.rule == "queue"} == {rewritten}
    assert all(site.rewritten for site in sites if site.rule != "queue")
    done = port(code, assumed=quiet).code
    assert port(done, assumed=quiet).code == done
