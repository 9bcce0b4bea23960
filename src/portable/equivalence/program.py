"""Step 1: what is to be proved - a program, and how it is started.

A program is a coroutine function without parameters. The same function means different
things under different starters, so the starter belongs to it: a program of asyncio's is run as
`portable.run` does, by `asyncio.Runner` or on asyncio's loop on trio; an AnyIO program by
`anyio.run`, with nothing of asyncio or portable in its way on trio.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

Starter = Literal["asyncio", "anyio", "plain"]


@dataclass(frozen=True, slots=True)
class Program:
    """A program that can be run, recorded and compared.

    Args:
        name: what reports call it.
        main: a coroutine function that takes no arguments; called anew for each run.
        starter: who starts it: `asyncio` (a program of asyncio's, on every backend), `anyio`
            (`anyio.run`), or `plain`: a function that is called with what starts loops, and
            may also start them itself.

    Raises:
        TypeError: `main` is no function (a coroutine object can be run only once).
        ValueError: `starter` is none of these.

    Example:
        >>> async def main():
        ...     print("hello")
        >>> Program("greeting", main, starter="anyio").name
        'greeting'
    """

    name: str
    main: Callable[..., Any]
    starter: Starter = "asyncio"

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
