"""Whose suites run with portable's pytest plugin, and why a test of theirs ends differently."""

from __future__ import annotations

import dataclasses

from table import Suite


@dataclasses.dataclass(frozen=True)
class PluginSuite(Suite):
    """One package and how its tests are run, before and after.

    Attributes:
        checkout: the tag of its repository that has the tests, where no sdist has them. They
            then come from a checkout that the command line names.
        unbuilt: whether its sdist is fetched without a question to its own build backend.
    """

    checkout: str = ""
    unbuilt: bool = False


SUITES = (
    PluginSuite("aioresult", "1.2", "pytest-trio, AnyIO", needs=("trio", "pytest-trio")),
    PluginSuite("anysqlite", "0.0.5", "AnyIO", needs=("trio",), checkout="v0.0.5"),
    PluginSuite("anyioutils", "0.7.4", "AnyIO", needs=("trio", "outcome", "aioguest")),
    PluginSuite("asyncer", "0.0.18", "AnyIO", needs=("trio", "coverage", "sniffio")),
    PluginSuite(
        "fps",
        "0.6.5",
        "AnyIO",
        needs=("trio", "httpx", "pydantic", "click", "fastapi", "anycorn"),
        checkout="v0.6.5",
    ),
    PluginSuite(
        "hishel",
        "2.0.0",
        "AnyIO",
        needs=(
            *("httpx", "trio", "anysqlite", "inline-snapshot", "fakeredis", "fastapi"),
            *("requests", "httpx2", "redis", "time-machine"),
        ),
    ),
    PluginSuite(
        "httpcore",
        "1.0.9",
        "AnyIO",
        needs=("pytest-httpbin", "pytest-trio", "h2", "socksio"),
    ),
    PluginSuite(
        "httpx",
        "0.28.1",
        "AnyIO",
        needs=(
            *("trio", "trustme", "uvicorn", "chardet", "cryptography", "click", "rich"),
            *("pygments", "h2", "socksio", "brotli", "zstandard"),
        ),
    ),
    PluginSuite(
        "httpx-sse", "0.4.3", "pytest-asyncio", needs=("httpx", "sse-starlette", "starlette")
    ),
    PluginSuite("httpx-ws", "0.9.0", "AnyIO", needs=("starlette", "uvicorn[standard]", "trio")),
    PluginSuite(
        "pycrdt",
        "0.14.13",
        "AnyIO",
        needs=("trio", "pydantic"),
        wheel=True,
        unbuilt=True,
    ),
    PluginSuite(
        "sse-starlette",
        "3.4.5",
        "AnyIO, pytest-asyncio",
        # Without those that start containers.
        options=("--ignore=tests/integration", "--ignore=tests/experimentation"),
        needs=("httpx", "portend", "psutil", "uvicorn", "asgi-lifespan", "tenacity", "fastapi"),
        checkout="v3.4.5",
    ),
    PluginSuite(
        "starlette",
        "1.10.0",
        "AnyIO",
        needs=(
            "httpx",
            "httpx2",
            "trio",
            "jinja2",
            "itsdangerous",
            "python-multipart",
            "pyyaml",
            "opentelemetry-sdk",
        ),
    ),
)

_NO_TIME_PASSES = "It expects that time passes while it works; virtual time stands still then"
_IN_TURN = (
    "It is marked as an expected failure, and passes at times, without the plugin as well"
)
_WATCHER = "sse-starlette starts a task that watches for a shutdown, and leaves it running"
_A_MICROSECOND = (
    "A time-out of a microsecond comes after 50 ms of silence; where the test ran, the address "
    "that should not answer did so sooner"
)
_ON_UVLOOP = (
    "So it ends on uvloop without the plugin as well, in half of the runs: its server sets "
    "the result of a future of uvloop's twice"
)
#: Why a test ends differently in a run: package, run (or several, by a pattern), test, reason.
EXPLAINED: tuple[tuple[str, str, str, str], ...] = (
    ("anyioutils", "virtual time", r"::test_not_busy\[", _NO_TIME_PASSES),
    ("httpx-sse", "no leaks", r"::test_asgi_test$", _WATCHER),
    ("httpx", "virtual time", r"::test_get\[", _NO_TIME_PASSES),
    ("httpx", "virtual time", r"::test_connect_timeout\[", _A_MICROSECOND),
    ("httpcore", "virtual time", r"_pool_with_immediate_expiry\[", _NO_TIME_PASSES),
    ("httpx-ws", "uvloop", r"::TestSend::test_send", _ON_UVLOOP),
    ("httpcore", ".*", r"::test_h2_timeout_during_re(quest|sponse)\[", _IN_TURN),
)
