"""The loops that a program makes itself, and what makes them during a recording.

`asyncio.new_event_loop()`, the classes of loops, `uvloop.new_event_loop()`, a policy's
`new_event_loop()` and, before Python 3.14, `asyncio.get_event_loop()`: each makes a loop of the
backend that is recorded. A program's own subclass of a loop is left as it is, in real time.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol
from unittest.mock import patch

import portable
from portable._backends import BACKENDS


class LoopMaker(Protocol):
    """Makes the loops of a recording."""

    @property
    def has_loop(self) -> bool:
        """Whether a loop runs; one that is made beside it is the program's own affair."""
        ...

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Make a loop."""
        ...

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Record whenever a loop runs."""
        ...


@contextmanager
def loops_made_by(maker: LoopMaker, policies: Policies) -> Iterator[None]:
    """Let a maker make the loops that the program makes in the block.

    Args:
        maker: makes the loops.
        policies: stands for asyncio's policies.
    """
    functions: list[tuple[Any, str]] = [(portable, "trio_loop")]
    classes: list[tuple[Any, str]] = [(asyncio, "SelectorEventLoop"), (asyncio, "EventLoop")]
    if BACKENDS["uvloop"].installed:
        uvloop = importlib.import_module("uvloop")
        functions.append((uvloop, "new_event_loop"))
        classes.append((uvloop, "Loop"))
    stand_ins = [
        (owner, name, _function(maker, getattr(owner, name), maker.new_loop))
        for owner, name in functions
    ]
    stand_ins += [
        (owner, name, _class(maker, getattr(owner, name)))
        for owner, name in classes
        if hasattr(owner, name)
    ]
    made = _function(maker, asyncio.new_event_loop, policies.new_loop)
    stand_ins.append((asyncio, "new_event_loop", made))
    base = _base_policy()
    made = _function(maker, base.new_event_loop, maker.new_loop)
    stand_ins.append((base, "new_event_loop", made))
    with ExitStack() as stack:
        stack.enter_context(_default_policy(maker, policies))
        stand_ins.append((asyncio, "set_event_loop_policy", policies.set))
        for owner, name, stand_in in stand_ins:
            stack.enter_context(patch.object(owner, name, stand_in))
        stack.callback(policies.leave)
        yield


def _function(
    maker: LoopMaker, real: Callable[..., Any], make: Callable[[], Any]
) -> Callable[..., Any]:
    def new_event_loop(*args: Any) -> Any:
        return real(*args) if maker.has_loop else make()

    return new_event_loop


def _class(maker: LoopMaker, real: Any) -> Callable[[], Any]:
    """Return a class in whose place the maker is called; its subclasses are what they are."""

    class Kind(type(real)):  # type: ignore[misc]
        def __call__(cls, *args: Any, **options: Any) -> Any:
            if cls is not stand_in:
                loop = super().__call__(*args, **options)
                maker.watch(loop)
                return loop
            return real(*args, **options) if maker.has_loop else maker.new_loop()

        def __instancecheck__(cls, instance: object) -> bool:
            if cls is stand_in:
                return isinstance(instance, real)
            return bool(super().__instancecheck__(instance))

    stand_in: Any = Kind(real.__name__, (real,), {"__module__": real.__module__})
    return stand_in  # type: ignore[no-any-return]


class Policies:
    """Stands for asyncio's policies: a policy of the program's own makes the loops.

    A policy of asyncio's or uvloop's does not, as the recording chooses the kind of loop.

    Args:
        maker: makes the loops where the program has no policy of its own.
    """

    def __init__(self, maker: LoopMaker) -> None:
        self._maker = maker
        self._policy: Any = None

    @property
    def is_own(self) -> bool:
        """Whether the program has set one of its own."""
        return self._policy is not None

    def set(self, policy: Any) -> None:
        """Stand for `asyncio.set_event_loop_policy`, as `uvloop.install()` calls it, too."""
        self.leave()
        kinds = type(policy).__mro__
        made_by = next((kind for kind in kinds if "new_event_loop" in vars(kind)), None)
        if made_by is None or _is_a_librarys(made_by):
            return
        self._policy = policy

    def new_loop(self) -> asyncio.AbstractEventLoop:
        """Make a loop as the policy does."""
        policy, self._policy = self._policy, None  # the policy itself gets the maker's loops
        try:
            if policy is None:
                return self._maker.new_loop()
            return policy.new_event_loop()  # type: ignore[no-any-return]
        finally:
            self._policy = policy

    def leave(self) -> None:
        """Forget the policy."""
        self._policy = None


def _base_policy() -> Any:
    """Return the class that makes the loops of asyncio's policies; it has no public name."""
    with warnings.catch_warnings():  # from Python 3.14 on asyncio warns of all policies
        warnings.simplefilter("ignore", DeprecationWarning)
        kinds = type(asyncio.get_event_loop_policy()).__mro__
    return next(
        kind for kind in kinds if "new_event_loop" in vars(kind) and _is_a_librarys(kind)
    )


def _is_a_librarys(kind: type) -> bool:
    return kind.__module__.partition(".")[0] in ("asyncio", "uvloop")


if sys.version_info >= (3, 14):

    @contextmanager
    def _default_policy(maker: LoopMaker, policies: Policies) -> Iterator[None]:
        yield  # there a policy makes no loop that nobody asked for

else:

    @contextmanager
    def _default_policy(maker: LoopMaker, policies: Policies) -> Iterator[None]:
        class Policy(asyncio.DefaultEventLoopPolicy):
            new_event_loop = _function(
                maker, asyncio.DefaultEventLoopPolicy.new_event_loop, policies.new_loop
            )

        before = asyncio.get_event_loop_policy()
        asyncio.set_event_loop_policy(Policy())
        try:
            yield
        finally:
            asyncio.set_event_loop_policy(before)
