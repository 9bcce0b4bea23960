"""The strategy that writes random programs.

Hypothesis draws a flat list of `Word`s: a verb and two numbers. A list is cheap to draw, and
whatever is cut out of it leaves a list that means something. `_Parser` reads it as a tree:
most verbs are a step, some open a block that goes on until `end`, and `next` divides the
block of a `try`, a group or a `gather`; `call` is a `spawn` and an `await` of it. It numbers
the coroutines in the order of the text; `_Resolving` then makes each number that stands for a
task mean one there is.

Two rules keep programs on common ground:

- A task awaits only tasks with higher numbers than its own, so none wait in a circle.
- In most programs no two delays, nor sums of them, are equal: the n-th delay has a fraction
  of 1/2**n of its own. Things then happen in the same instant only where one causes the
  other. In some programs the delays are whole numbers, and clash.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from hypothesis import strategies as st

from .steps import (
    Await,
    Block,
    Body,
    Cancel,
    Gather,
    Group,
    Limit,
    Protect,
    Raise,
    RandomProgram,
    Say,
    Sleep,
    Spawn,
    Step,
    Try,
    WaitForBlock,
    WaitForTask,
)

MOST_WORDS: Final = 40
DEEPEST: Final = 6
MESSAGES: Final = (None, "stop", "enough")
LIMITS: Final = (1.0, 2.0, 3.0, 5.0, 0.0)
CAUGHT: Final = ("CancelledError", "Exception", "Boom", "TimeoutError", None)

# What every program may use, and what some do; the simplest first, as programs shrink to it.
COMMON: Final = ("say", "sleep", "sleep", "sleep", "end", "end", "end", "next", "next")
SPECIAL: Final = (
    "spawn",
    "call",
    "await",
    "cancel",
    "raise",
    "try",
    "shield",
    "limit",
    "wait_for task",
    "wait_for",
    "group",
    "gather",
    "protect",
)


class Word(NamedTuple):
    """One word of a program: what to do, and two numbers that say how."""

    verb: str
    first: int
    second: int


def _lists(special: Sequence[str]) -> st.SearchStrategy[list[Word]]:
    verb = st.sampled_from((*COMMON, *special, *special))
    words = st.builds(Word, verb, st.integers(0, 7), st.integers(0, 4))
    return st.lists(words, max_size=MOST_WORDS) | st.lists(words, min_size=15, max_size=40)


# A program that uses few things uses each of them more often, and together.
_programs = st.lists(st.sampled_from(SPECIAL), min_size=2, max_size=7, unique=True).flatmap(
    _lists
)


def programs(*, clashing: bool = False) -> st.SearchStrategy[RandomProgram]:
    """Write programs; with `clashing`, such as have different things in one instant."""
    return _programs.map(lambda words: program_of(words, clashing=clashing))


def program_of(words: Sequence[Word], *, clashing: bool = False) -> RandomProgram:
    """Read a list of words as a program."""
    parser = _Parser(words, clashing)
    # The last sleep lets what main started begin, and some of it end.
    main = Body(0, (*parser.rest(), Sleep(parser.delay(4.0))))
    return RandomProgram(_Resolving(RandomProgram(main)).main())


class _Parser:
    """Reads words as a tree, and gives numbers to coroutines and delays to sleeps."""

    def __init__(self, words: Sequence[Word], clashing: bool) -> None:
        self._words = list(reversed(words))
        self._clashing = clashing
        self._delays = 0
        self._tasks = 0
        self._depth = 0

    def rest(self) -> Block:
        """Read all there is; what closes nothing means nothing here."""
        steps: list[Step] = []
        while self._words:
            steps += self._section()
        return tuple(steps)

    def delay(self, delay: float) -> float:
        if self._clashing or delay <= 0:
            return delay
        self._delays += 1
        return delay + 0.5**self._delays

    def _section(self) -> Block:
        """Read up to the next word that ends a section."""
        steps: list[Step] = []
        while self._words:
            word = self._words.pop()
            if word.verb in ("end", "next"):
                self._closed_by = word.verb
                return tuple(steps)
            steps += self._call(word) if word.verb == "call" else [self._step(word)]
        self._closed_by = "end"
        return tuple(steps)

    def _block(self) -> Block:
        """Read a block that is not divided."""
        steps = self._section()
        while self._closed_by == "next":
            steps += self._section()
        return steps

    def _next_section(self) -> Block:
        """Read one more section of a block, empty where the block has ended."""
        return () if self._closed_by == "end" else self._section()

    def _body(self, *, divided: bool = False) -> Body:
        self._tasks += 1
        number = self._tasks
        return Body(number, self._section() if divided else self._block())

    def _bodies(self) -> tuple[Body, ...]:
        bodies = [self._body(divided=True)]
        while self._closed_by == "next":
            bodies.append(self._body(divided=True))
        return tuple(bodies)

    def _call(self, word: Word) -> list[Step]:
        """Spawn a task and await it, one way or another."""
        step = self._step(word._replace(verb="spawn"))
        if not isinstance(step, Spawn):
            return [step]
        it = -step.body.number
        match word.first % 4:
            case 2:
                return [step, Await(it, shielded=True)]
            case 3:
                return [step, WaitForTask(it, self.delay(LIMITS[word.second]))]
            case _:
                return [step, Await(it)]

    def _step(self, word: Word) -> Step:
        verb, first, second = word
        if self._depth == DEEPEST:
            return self._leaf(verb, first, second)
        self._depth += 1
        try:
            return self._opener(verb, first, second) or self._leaf(verb, first, second)
        finally:
            self._depth -= 1

    def _leaf(self, verb: str, first: int, second: int) -> Step:
        match verb:
            case "sleep":
                return Sleep(self.delay(1.0 + first))
            case "await" | "shield":
                return Await(first, shielded=verb == "shield")
            case "cancel":
                return Cancel(first, MESSAGES[second % 3])
            case "raise":
                return Raise(first)
            case "wait_for task":
                return WaitForTask(first, self.delay(LIMITS[second]))
            case _:
                return Say(first)

    def _opener(self, verb: str, first: int, second: int) -> Step | None:
        match verb:
            case "spawn":
                return Spawn(self._body())
            case "protect":
                return Protect(self._block())
            case "limit":
                return Limit(self.delay(LIMITS[second]), self._block())
            case "wait_for":
                return WaitForBlock(self.delay(LIMITS[second]), self._block())
            case "gather":
                task = None if first < 4 else first - 4
                return Gather(self._bodies(), task, return_exceptions=bool(second % 2))
            case "group":
                children = (self._body(divided=True),)
                own = self._next_section()
                while self._closed_by == "next":
                    children += (self._body(divided=True),)
                return Group(children, own)
            case "try":
                block = self._section()
                handler, cleanup = self._next_section(), self._next_section()
                while self._closed_by == "next":
                    cleanup += self._section()
                return Try(block, CAUGHT[second], handler, bool(first % 2), cleanup)
            case _:
                return None


class _Resolving:
    """Makes the numbers in a tree mean tasks that there are."""

    def __init__(self, program: RandomProgram) -> None:
        self._main = program.main
        self._all = sum(isinstance(part, Body) for part in program.walk()) - 1
        self._seen = 0

    def main(self) -> Body:
        return self._body(self._main)

    def _body(self, body: Body) -> Body:
        self._seen = max(self._seen, body.number)
        return Body(body.number, self._block(body.block, body.number))

    def _block(self, block: Block, me: int) -> Block:
        return tuple(self._step(step, me) for step in block)

    def _step(self, step: Step, me: int) -> Step:
        changed: dict[str, Any] = {}
        for name, value in vars(step).items():
            if name == "body":
                changed[name] = self._body(value)
            elif name == "children":
                changed[name] = tuple(self._body(child) for child in value)
            elif name in ("block", "handler", "cleanup"):
                changed[name] = self._block(value, me)
            elif name == "task" and value is not None:
                changed[name] = self._task(value, me, anyone=isinstance(step, Cancel))
                if changed[name] is None and not isinstance(step, Gather):
                    return Say(value)
        return replace(step, **changed)  # type: ignore[type-var]

    def _task(self, reference: int, me: int, *, anyone: bool) -> int | None:
        """Return the task meant: those the text has brought up last come first.

        A number below zero means the task of that number itself.
        """
        if reference < 0:
            return -reference
        first = 1 if anyone else me + 1
        known = list(range(self._seen, first - 1, -1))
        known += range(max(self._seen + 1, first), self._all + 1)
        return known[reference % len(known)] if known else None
