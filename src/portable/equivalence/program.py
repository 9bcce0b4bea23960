"""Step 1: what is to be proved - a program, and how it is started.

A program is a coroutine function without parameters. The same function means different
things under different starters, so the starter belongs to it: a raw asyncio program is
run by `asyncio.Runner`, with nothing of AnyIO or portable in the process's way; an AnyIO
program by `anyio.run`; one that uses portable's helpers by `portable.run`, which opens the
ambient supervisor.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from portable._backends import BACKENDS

Starter = Literal["asyncio", "anyio", "portable", "plain"]


@dataclass(frozen=True, slots=True)
class Program:
    """A program that can be run, recorded and compared.

    Args:
        name: what reports call it.
        main: a coroutine function that takes no arguments; called anew for each run.
        starter: who starts it: `asyncio` (`asyncio.Runner`, for raw asyncio programs),
            `anyio` (`anyio.run`), `portable` (`portable.run`), or `plain`: a function that
            is called with what starts loops, and may also start them itself.

    Raises:
        TypeError: `main` is no function (a coroutine object can be run only once).
        ValueError: `starter` is none of these.

    Example:
        >>> async def main():
        ...     print("hello")
        >>> Program("greeting", main, starter="asyncio").backends
        ('asyncio', 'uvloop')
    """

    name: str
    main: Callable[..., Any]
    starter: Starter = "portable"

    def __post_init__(self) -> None:
        main: object = self.main
        if inspect.iscoroutine(main):
            main.close()
            raise TypeError(
                "main: a program is run more than once, so it needs the function and not a "
                f"coroutine; write Program({self.name!r}, main) and not "
                f"Program({self.name!r}, main())"
            )
        if not callable(self.main):
            raise TypeError(f"main: a coroutine function is needed, not {self.main!r}")
        if self.starter not in get_args(Starter):
            raise ValueError(
                f"starter: {self.starter!r} is unknown; known are: "
                f"{', '.join(get_args(Starter))}"
            )

    @property
    def backends(self) -> tuple[str, ...]:
        """The backends it can run on, installed or not; a raw asyncio program: no trio."""
        if self.starter != "asyncio":
            return tuple(BACKENDS)
        return tuple(
            name for name, backend in BACKENDS.items() if backend.anyio_backend == "asyncio"
        )
