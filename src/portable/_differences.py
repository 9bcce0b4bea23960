"""The differences from asyncio, T1 to T5, which exist on trio alone.

Docs, docstrings and reports quote this list. On asyncio and uvloop there is no difference:
portable's names are asyncio's own objects there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference on trio.

    Attributes:
        number: `T1` and so on.
        text: what is different.
        reason: why it cannot be otherwise.
        section: the heading of its section in the docs; `portable docs T1` prints that.
    """

    number: str
    text: str
    reason: str
    section: str

    def __str__(self) -> str:
        return f"{self.number}: {self.text}"


DIFFERENCES: Mapping[str, Difference] = MappingProxyType(
    {
        difference.number: difference
        for difference in (
            Difference(
                "T1",
                "Tasks that trio's own waits wake at the same instant run in any order, and "
                "after any number of asyncio's iterations. What asyncio's names wake comes in "
                "asyncio's order.",
                "trio's scheduler leaves it free.",
                "T1: order among what trio wakes",
            ),
            Difference(
                "T2",
                "A cancellation of asyncio's that passes through a nursery or an AnyIO task "
                "group comes out in a BaseExceptionGroup, or as trio.Cancelled; code beneath "
                "that catches trio's class alone does not see it. At the task's end it counts "
                "as cancelled all the same. A scope's cancellation is of a subclass of "
                "asyncio's; asyncio's TaskGroup before Python 3.13 takes that for an error of "
                "its body. A scope that is cancelled while it is being cleaned up takes its "
                "place.",
                "trio wraps what is not its own.",
                "T2: a cancellation that passes through a nursery",
            ),
            Difference(
                "T3",
                "A wait of trio's or AnyIO's that refuses to be given up (for a thread, unless "
                "it may be abandoned) holds a cancel() back until it ends; the next wait is "
                "cancelled.",
                "What still runs would be lost.",
                "T3: waits that refuse",
            ),
            Difference(
                "T4",
                "A value of trio's that is ready when a cancellation arrives is delivered, and "
                "the next wait is cancelled.",
                "trio hands values over at once; to throw one away would lose data.",
                "T4: a value that is ready",
            ),
            Difference(
                "T5",
                "In a trio task that asyncio did not start there is no current task of "
                "asyncio's: asyncio.timeout(), TaskGroup and wait_for() need one; AnyIO's "
                "fail_after() and create_task_group() do not.",
                "Nobody drives it.",
                "T5: trio tasks that asyncio did not start",
            ),
        )
    }
)


def difference(number: str) -> Difference:
    """Return the difference of that number.

    Raises:
        LookupError: there is none; the message lists those there are.
    """
    try:
        return DIFFERENCES[number]
    except KeyError:
        raise LookupError(
            f"unknown difference {number!r}; known are: {', '.join(DIFFERENCES)}"
        ) from None
