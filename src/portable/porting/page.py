"""The page "What becomes of what", made from the rules: `python -m portable.porting.page`."""

from __future__ import annotations

from collections.abc import Iterator

from .patching import HINT as PATCHED_HINT
from .patching import RULE as PATCHED
from .rule import Rule
from .rules import RULES

_HEAD = """\
# What becomes of what

`portable port` reads this table. A name is rewritten where all conditions of its rule can be
seen in the file, and is left with a hint where one of them cannot. What stays runs on every
loop: nothing has to be ported. The how-to is
[Move a code base in steps](../how-to/move-a-code-base.md).

Four conditions may be vouched for where they cannot be seen, by
`--assume calm,quiet,free,plain`:

- *calm*: what is awaited in a scope ends at once when it is cancelled, and does not await while
  it cleans up. AnyIO cancels at every `await`, asyncio once.
- *quiet*: a task raises nothing. In AnyIO an error ends the group and comes in an
  `ExceptionGroup`.
- *free*: nothing that is imported needs asyncio's loop, which `anyio.run()` does not start on
  trio. A file of the project that imports asyncio is seen to need it, and so is a library that
  says that it runs on asyncio alone (aiohttp, asyncpg, all that is called asyncio).
- *plain*: whoever else gets an event, lock, semaphore or condition uses it as AnyIO's is used.
  An event is not cleared, and the value of its `wait()` not used; a lock is released by the
  task that took it, which does not take it twice. What is done in the file with an attribute or
  variable of the same name counts all the same, and so does `clear()` and `locked()` of such a
  name in other files.

What breaks one of them where it can be seen is never rewritten. Where they are all that is
missing, the hint says so.

AnyIO lets other tasks run at each `await` but that of a free lock. asyncio does not where there
is nothing to wait for: an event that is set, a queue with an item or a free place, a task that
is done, a `gather()` or group of nothing. Code that counts on that, which reads a variable
before such an `await` and writes it behind, is not looked for: put it under a lock.

`asyncio.run()` waits at its end for threads whose callers were cancelled. AnyIO's threads end
with Python, and on trio they are ended by it: what must be done to its end is not for a thread
that may be cancelled.

asyncio takes a negative delay for 0; to AnyIO on trio it is an error. `sleep` writes
`max(0, x)` where it sees a subtraction, and takes all other numbers to be 0 or more.

What other files do with an attribute is looked for by the names that stand in them. Not seen
are names that are put together (`getattr(x, "_" + kind)`, `globals()`), `isinstance` in another
file, copies of an object that holds a semaphore, a limit that data gives as a float, and a lock
that its task takes again through another file.
"""
_TAIL = f"""
## What is left on purpose

Some names could be exchanged, but not so that it can be seen to mean the same:

- *Streams and servers*: if a connection is refused, reset, or at its end, AnyIO raises errors
  of its own (`ConnectionFailed`, `BrokenResourceError`, `EndOfStream`), where asyncio has
  `OSError`s, `IncompleteReadError`, or an empty string. No file shows which of them come, and
  what handles them.
- *`shield()`*: a task that is cancelled there goes on at once in asyncio, and waits in AnyIO.
  In a clean-up that goes under a shield both wait, and only there.
- *`wait()`, `as_completed()`*: they leave the tasks that are not done running. A group waits
  for all of them, or cancels them. `wait([task])` for a task that moves into a group waits for
  its end, and becomes `task.wait()`.
- *`CancelledError` in functions that others start*: on trio a task of asyncio's raises
  asyncio's class, and AnyIO's scopes raise trio's. A handler moves together with what
  cancels it.

## Names in strings

`{PATCHED}`: `patch("app.asyncio.sleep")` and `monkeypatch.setattr("asyncio.sleep", ...)` follow
when every use of the name was rewritten in all files that were named together. Otherwise:
{PATCHED_HINT}. Patches in files that were not named are reported.
"""


def page() -> str:
    """Return the page as Markdown."""
    return "\n".join(_lines()) + _TAIL


def _lines() -> Iterator[str]:
    yield _HEAD
    yield "## What is rewritten"
    yield ""
    yield "| Rule | Names | Becomes |"
    yield "|---|---|---|"
    for rule in RULES:
        if rule.decide is not None:
            yield f"| [`{rule.name}`](#{rule.name}) | {_names(rule)} | {rule.becomes} |"
    yield ""
    yield "## What is left with a hint"
    yield ""
    yield "| Rule | Names | What a human writes |"
    yield "|---|---|---|"
    for rule in RULES:
        if rule.decide is None:
            hint = f"{_capital(rule.hint)} ([docs]({rule.link}))"
            yield f"| `{rule.name}` | {_names(rule)} | {hint} |"
    yield ""
    yield "## The conditions"
    for rule in RULES:
        if rule.decide is not None:
            yield from _section(rule)


def _section(rule: Rule) -> Iterator[str]:
    yield ""
    yield f"### {rule.name}"
    yield ""
    yield f"{_names(rule)}: rewritten if"
    yield ""
    for condition in rule.conditions:
        yield f"- {condition};"
    yield ""
    yield f"Otherwise: {rule.hint} ([docs]({rule.link}))."


def _names(rule: Rule) -> str:
    return ", ".join(f"`{name.removeprefix('asyncio.')}`" for name in rule.names)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


if __name__ == "__main__":
    import sys

    sys.stdout.write(page())
