"""portable's names: asyncio's are its objects, ours are loaded late, others explained."""

import asyncio
import inspect
import pkgutil
import re
import subprocess
import sys
import warnings

import anyio
import pytest

import portable
from portable import _missing

OURS = sorted(portable._OURS)


def python(code):
    """Run a program in a Python of its own, warnings as errors; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert not done.stderr
    return done.stdout.split()


# -- asyncio's ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(asyncio.__all__) - set(OURS)))
def test_asyncios_names_are_asyncios(name):
    """Each public name of asyncio's is the very object."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # some policies, when they are asked for
        assert getattr(portable, name) is getattr(asyncio, name)


def test_only_run_replaces_a_name_of_asyncios():
    """What is ours has names that asyncio lacks, but for `run`."""
    assert set(OURS) & set(asyncio.__all__) == {"run"}


@pytest.mark.parametrize("name", ["tasks", "exceptions", "_get_running_loop", "base_events"])
def test_what_asyncio_does_not_list_is_there_too(name):
    """`import portable as asyncio` works for code that uses more than `asyncio.__all__`."""
    assert getattr(portable, name) is getattr(asyncio, name)


def test_dir_and_all_list_both():
    """`dir()`, `__all__` and `import *` have asyncio's names and ours."""
    everything = {*OURS, *asyncio.__all__}
    assert set(portable.__all__) == set(dir(portable)) == everything
    space = {}
    exec("from portable import *", space)
    assert everything <= set(space)
    assert space["gather"] is asyncio.gather
    assert space["run"] is portable.run


def test_names_that_asyncio_gives_up_warn_as_its_own(recwarn):
    """A deprecated name warns when it is used, and only then, and as asyncio's own does."""
    dir(portable)
    assert not recwarn
    name = "AbstractEventLoopPolicy"
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert getattr(portable, name, None) is getattr(asyncio, name, None)
    texts = [str(warning.message) for warning in told]
    assert len(texts) == (2 if sys.version_info >= (3, 14) else 0)
    assert len(set(texts)) <= 1


# -- missing ones -------------------------------------------------------------------------


def test_a_misspelt_name_gets_a_suggestion():
    """The error says that neither has it, and what may be meant."""
    with pytest.raises(AttributeError) as caught:
        portable.gahter  # noqa: B018
    assert str(caught.value) == (
        "module 'portable' has no attribute 'gahter': neither portable nor asyncio of Python "
        f"{sys.version_info.major}.{sys.version_info.minor} has it. Did you mean 'gather'?"
    )
    assert (caught.value.name, caught.value.obj) == ("gahter", portable)
    with pytest.raises(ImportError, match="cannot import name 'gahter' from 'portable'"):
        from portable import gahter  # noqa: F401
    assert not hasattr(portable, "__nothing__")


@pytest.mark.parametrize("name", sorted(portable._OURS))
def test_a_misspelt_name_of_portables_own_gets_a_suggestion(name):
    """Each name that is not asyncio's is suggested, too."""
    with pytest.raises(AttributeError, match=f"Did you mean '{name}'"):
        getattr(portable, f"{name}_")


@pytest.mark.parametrize("name", sorted(_missing._SINCE))
def test_a_name_of_a_newer_asyncio(name):
    """It is there where asyncio has it; elsewhere the error names the Python that has."""
    since = _missing._SINCE[name]
    if sys.version_info >= tuple(map(int, since.split("."))):
        assert getattr(portable, name) is getattr(asyncio, name)
    else:
        with pytest.raises(AttributeError, match=f"it is asyncio's since Python {since}, and"):
            getattr(portable, name)


@pytest.mark.parametrize("name", sorted(_missing._UNTIL))
def test_a_name_of_an_older_asyncio(name):
    """The error names the last Python that has it."""
    until = _missing._UNTIL[name]
    if sys.version_info[:2] <= tuple(map(int, until.split("."))):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            assert getattr(portable, name) is getattr(asyncio, name)
    else:
        with pytest.raises(AttributeError, match=f"it was asyncio's until Python {until}, and"):
            getattr(portable, name)


# -- imports ------------------------------------------------------------------------------


@pytest.mark.slow
def test_importing_portable_loads_next_to_nothing():
    """`import portable` loads no event loop, and fewer modules than AnyIO does."""
    count = (
        "import sys; before = set(sys.modules); import {0}; print(*set(sys.modules) - before)"
    )
    loaded = set(python(count.format("portable")))
    assert not {"asyncio", "trio", "anyio", "uvloop", "time_machine"} & loaded
    assert not [name for name in loaded if name.startswith("portable.")]
    assert len(loaded) <= len(python(count.format("anyio")))


@pytest.mark.slow
def test_a_program_on_asyncio_needs_anyio_alone():
    """On asyncio no optional package is imported, and trio not at all."""
    assert python(
        "import sys\n"
        "for name in ('trio', 'uvloop', 'pytest', 'rich', 'typer', 'time_machine'):\n"
        "    sys.modules[name] = None\n"
        "import portable\n"
        "async def main():\n"
        "    async with portable.Supervisor() as tasks:\n"
        "        one = tasks.create_task(portable.sleep(0, 'fine'))\n"
        "    async with portable.asyncio_loop():\n"
        "        return await portable.race(one), *await portable.amap(portable.sleep, [0])\n"
        "print(*portable.run(main))"
    ) == ["fine", "None"]


@pytest.mark.slow
def test_asyncio_is_untouched_until_a_loop_of_ours_is_open():
    """Importing portable, and running it on asyncio, changes nothing in asyncio."""
    pytest.importorskip("trio")
    assert python(
        "import asyncio.tasks\n"
        "before = dict(vars(asyncio.tasks))\n"
        "import portable\n"
        "portable.run(portable.sleep, 0)\n"
        "print(before == vars(asyncio.tasks))\n"
        "async def inside(): return before == vars(asyncio.tasks)\n"
        "print(portable.run(inside, backend='trio'), before == vars(asyncio.tasks))"
    ) == ["True", "False", "True"]


# -- foreign runs -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["gather", "create_task", "Queue", "get_running_loop", "sleep"]
)
def test_the_first_use_of_a_name_brings_the_loop_up(name):
    """In a run of trio's that somebody else started, in each one anew."""
    trio = pytest.importorskip("trio")

    async def main():
        assert asyncio._get_running_loop() is None
        getattr(portable, name)
        return asyncio.get_running_loop()

    first, second = trio.run(main), trio.run(main)
    assert first is not second
    assert first.is_closed()
    assert asyncio._get_running_loop() is None


def test_a_name_of_ours_brings_the_loop_up():
    """What needs the loop brings it up, under AnyIO's name for the run as well."""
    pytest.importorskip("trio")

    async def double(number):
        await asyncio.sleep(0)
        return 2 * number

    async def main():
        return await portable.amap(double, [1, 2])

    assert anyio.run(main, backend="trio") == [2, 4]


def test_a_name_used_in_a_thread_of_trios_brings_nothing_up():
    """Only a task can have the loop; elsewhere the name is asyncio's and no more."""
    trio = pytest.importorskip("trio")

    def look():
        return portable.gather is asyncio.gather, asyncio._get_running_loop()

    async def main():
        return await trio.to_thread.run_sync(look)

    assert trio.run(main) == (True, None)


# -- documentation ------------------------------------------------------------------------


FUNCTIONS = [name for name in OURS if inspect.isfunction(getattr(portable, name))]
BLOCKS = ["Supervisor"]


def section(text, title):
    """The lines of one section of a docstring."""
    _, _, rest = text.partition(f"\n{title}:\n")
    return rest.split("\n\n")[0]


@pytest.mark.parametrize("name", [*FUNCTIONS, *BLOCKS])
def test_our_names_are_documented(name):
    """Each tells its arguments, errors and differences, what it stands for, with an example."""
    thing = getattr(portable, name)
    text = inspect.getdoc(thing)
    assert ">>> " in section(text, "Example")
    assert re.search(r"Stands for `asyncio\.|asyncio has no such", text)
    if name in FUNCTIONS:
        assert section(text, "Raises")
        for parameter in inspect.signature(thing).parameters:
            assert re.search(rf"^ *{parameter}: ", section(text, "Args"), re.MULTILINE)


@pytest.mark.parametrize("name", ["create_task", "cancel"])
def test_our_methods_are_documented(name):
    """Each method of `Supervisor` tells its arguments."""
    method = getattr(portable.Supervisor, name)
    text = inspect.getdoc(method)
    for parameter in set(inspect.signature(method).parameters) - {"self"}:
        assert re.search(rf"^ *{parameter}: ", section(text, "Args"), re.MULTILINE)


def test_modules_say_what_they_are_for():
    """Each module begins with a sentence about itself."""
    for module in pkgutil.walk_packages(portable.__path__, "portable."):
        spec = module.module_finder.find_spec(module.name)
        source = spec.loader.get_source(module.name)
        assert re.match(r'(#.*\n)*r?"""\S', source), module.name
