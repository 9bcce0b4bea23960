"""Which packages run their own suites, how, and why a test of theirs fails on trio."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Suite:
    """One package and how its tests are run.

    Attributes:
        package: the name on PyPI.
        version: the version of the sdist.
        starts: how its suite starts the loop.
        paths: which of its test files run; empty: those its own configuration names.
        options: what pytest needs beyond the package's own configuration.
        needs: what its tests import beyond `TOOLS` and its own dependencies.
        added: files that are laid beside the sdist's: the place there, the place here.
        debian: a source package of Debian's, `name=version`, and the suite that has it, where
            the sdist comes without its tests. Theirs are of the same version.
        environment: variables that its build and its tests are given.
        server: what is to run beside its tests, one of `servers.SERVERS`. PORT stands in
            `options` for the port.
        plugin: whether portable's pytest plugin starts the loop, in a run of trio's; that is
            compared with a run of trio's without.
        wheel: whether the package is installed from its wheel, as building it takes minutes.
            Its sources, which would go before it, are then kept out of Python's path.
        smoke: the part that runs in each build: paths, and options of pytest's. Empty: none.
    """

    package: str
    version: str
    starts: str
    paths: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    added: tuple[tuple[str, str], ...] = ()
    debian: tuple[str, str] | None = None
    environment: tuple[tuple[str, str], ...] = ()
    server: str = ""
    plugin: bool = False
    wheel: bool = False
    smoke: tuple[str, ...] = ()


SUITES = (
    Suite(
        "asyncio-throttle",
        "1.0.2",
        "pytest-asyncio",
        # Its sdists have no tests; this is the one file of its repository's, as it is there.
        added=(("tests/test_simple.py", "asyncio_throttle/test_simple.py.txt"),),
    ),
    Suite("async-lru", "2.4.0", "pytest-asyncio, new_event_loop()"),
    Suite(
        "aiojobs",
        "1.4.0",
        "pytest-asyncio, new_event_loop()",
        # Without its aiohttp part. The sdist leaves out its pytest.ini, which says this.
        paths=("tests/test_job.py", "tests/test_scheduler.py"),
        options=("-o", "asyncio_mode=auto"),
    ),
    Suite("async-timeout", "5.0.1", "pytest-asyncio"),
    Suite(
        "tenacity",
        "9.2.1",
        "asyncio.run()",
        paths=("tests/test_asyncio.py",),
        needs=("tornado==6.6.1", "typeguard==4.4.4"),
    ),
    Suite("asgiref", "3.13.0", "pytest-asyncio, asyncio.run() in threads"),
    Suite(
        "aiosqlite",
        "0.22.1",
        "IsolatedAsyncioTestCase",
        paths=("aiosqlite/tests/smoke.py",),
    ),
    # What follows opens sockets.
    Suite(
        "aiohttp",
        "3.14.5",
        "its own pytest plugin, new_event_loop(), asyncio.run()",
        # All but benchmarks and imports; what it skips by default it skips here, too.
        paths=("tests",),
        options=(
            *("-m", "not dev_mode and not autobahn and not internal"),
            *("--ignore-glob=*/test_benchmarks_*", "--ignore-glob=*imports.py"),
        ),
        needs=(
            *("pytest-mock==3.17.0", "freezegun==1.5.5", "trustme==1.2.1", "re-assert==1.1.0"),
            *("proxy.py==2.4.10", "pytest-xdist==3.8.0", "pytest-codspeed==5.0.4"),
            *("blockbuster==1.5.29", "isal==1.9.1", "zlib-ng==1.1.0", "Brotli==1.2.1"),
            *("coverage==7.17.5", "aiodns", "gunicorn", "python-on-whales", "setuptools"),
        ),
        # Its parsers in Python: the tests import the sources, beside which nothing is built.
        environment=(("AIOHTTP_NO_EXTENSIONS", "1"),),
        smoke=("tests/test_web_server.py", "tests/test_web_websocket_functional.py"),
    ),
    Suite(
        "hypercorn",
        "0.18.0",
        "pytest-asyncio",
        paths=("tests/asyncio", "tests/e2e", "tests/middleware", "tests/protocol"),
        needs=("httpx==0.28.1", "hypothesis", "mock==5.2.0", "pytest-trio==0.8.0"),
    ),
    Suite(
        "uvicorn",
        "0.54.0",
        "AnyIO's pytest plugin",
        paths=("tests",),
        options=("--ignore=tests/benchmarks",),
        needs=(
            *("pytest-mock==3.15.1", "psutil", "trustme==1.2.1"),
            *("cryptography", "httpx2", "a2wsgi==1.10.10", "wsproto==1.3.2", "httptools"),
            *("python-dotenv", "PyYAML", "watchfiles", "websockets>=13", "zttp"),
        ),
        smoke=("tests/protocols/test_websocket.py", "-k", "h11 and wsproto"),
    ),
    Suite(
        "websockets",
        "15.0.1",
        "IsolatedAsyncioTestCase",
        paths=("tests/asyncio",),
        debian=("python-websockets=15.0.1-1", "trixie"),
        needs=("python-socks[asyncio]", "mitmproxy"),
        smoke=("tests/asyncio/test_router.py",),
    ),
    Suite(
        "redis",
        "8.1.0",
        "pytest-asyncio",
        paths=("tests/test_asyncio",),
        # Without what needs more than a server alone: modules, clusters, sentinels, keys.
        options=(
            *("--redis-url=redis://localhost:PORT/0", "-m", "not redismod and not onlycluster"),
            *("--ignore-glob=*/test_cluster*", "--ignore-glob=*/test_scenario/*"),
            *("--ignore-glob=*/test_sentinel*", "--ignore-glob=*/test_ssl.py"),
        ),
        needs=(
            *("numpy", "pybreaker==1.4.1", "cryptography", "xxhash==3.6.0"),
            *("redis-entraid", "opentelemetry-sdk", "aiohttp"),
        ),
        server="redis",
        smoke=("tests/test_asyncio/test_lock.py",),
    ),
    Suite(
        "tornado",
        "6.6.1",
        "its IOLoop, new_event_loop()",
        paths=("tornado/test",),
        options=("-p", "no:logging", "-o", "python_files=*_test.py"),
        added=(("tornado/test/conftest.py", "tornado/conftest.py.txt"),),
    ),
    Suite(
        "asyncpg",
        "0.32.0",
        "run_until_complete()",
        paths=("tests",),
        options=("--import-mode=importlib",),
        needs=("distro==1.9.0",),
        server="postgres",
        wheel=True,
        smoke=("tests/test_copy.py",),
    ),
    Suite(
        "zeroconf",
        "0.154.0",
        "pytest-asyncio, new_event_loop() in threads",
        paths=("tests",),
        options=("--ignore=tests/benchmarks",),
        needs=("hypothesis", "pytest-codspeed==5.0.4"),
        # Its modules in Python: the tests import the sources.
        environment=(("SKIP_CYTHON", "1"),),
    ),
    # It knows trio. Its tests for trio run in trio's own tasks first, and then in tasks of
    # asyncio's on trio, by portable's pytest plugin.
    Suite(
        "anyio",
        "4.16.0",
        "portable's pytest plugin",
        paths=("tests",),
        options=("-k", "trio and not asyncio"),
        # Without blockbuster, which forbids tests that a loop of asyncio's runs to block.
        needs=(
            *("hypothesis", "psutil", "pytest-mock==3.15.1", "trustme==1.2.1"),
            *("truststore", "coverage"),
        ),
        plugin=True,
        smoke=("tests/test_synchronization.py", "-k", "trio and not asyncio"),
    ),
    # It knows trio: the one whose queues wait in trio, in tasks of asyncio's.
    Suite("culsans", "0.11.0", "IsolatedAsyncioTestCase, asyncio.run()"),
)

_COUNTS = (
    "It counts the loop's iterations until a wait is over. culsans waits in trio where it sees "
    "trio, and there their number is left open, as the order is (T1)."
)
_READY = (
    "It cancels a task that a value was handed to. culsans waits in trio where it sees trio, "
    "and what trio has handed over is delivered (T4)."
)
_GARBAGE = (
    "It allows no garbage in cycles. A run of trio's leaves some, as `trio.run()` by itself "
    "does."
)
_PRIVATE_TIMERS = (
    "It runs the timers that asyncio's own loop keeps in `loop._scheduled`; on trio they are "
    "kept elsewhere."
)
_THREADS = (
    "It allows no new thread. Where trio is the loop's guest it waits for I/O in a thread, and "
    "keeps that for ten seconds, in case that it is needed again."
)
#: Why a test that passes on asyncio fails on trio: package, pattern of the test, reason.
EXPLAINED: tuple[tuple[str, str, str], ...] = (
    ("culsans", r"::QueueBasicTests::test_maxsize$", _COUNTS),
    ("culsans", r"::QueueGetTests::test_get_(cancelled_race|with_putters)$", _COUNTS),
    ("culsans", r"::QueuePutTests::test_put_cancelled_race$", _COUNTS),
    (
        "culsans",
        r"ShutdownTests::test_shutdown_(immediate(_with_unfinished)?|nonempty|empty)$",
        _COUNTS,
    ),
    ("culsans", r"::test_get_cancel_drop_many_pending_readers$", _READY),
    ("culsans", r"::test_cancelled_put_silence_value_error_exception$", _READY),
    ("zeroconf", r"::test_asking_default_is_asking_qm_questions_after_the_", _PRIVATE_TIMERS),
    ("zeroconf", r"::test_ttl_refresh_cancelled_rescue_query$", _PRIVATE_TIMERS),
    ("zeroconf", r"::test_query_scheduler(_rescue_records)?$", _PRIVATE_TIMERS),
    ("zeroconf", r"::test_close_zeroconf_without_browser_after_start_", _PRIVATE_TIMERS),
    ("zeroconf", r"test_asyncio\.py::test_integration$", _PRIVATE_TIMERS),
    ("zeroconf", r"::test_service_browser_cancel_multiple_times$", _THREADS),
    ("zeroconf", r"::test_multiple_instances_running_close$", _THREADS),
    ("zeroconf", r"::test_integration_with_listener(_class)?$", _THREADS),
    ("zeroconf", r"::test_probe_answered_immediately$", _THREADS),
    ("tornado", r"::CircleRefsTest::test_(async_handler|run_on_executor)$", _GARBAGE),
)
