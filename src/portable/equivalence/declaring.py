"""Differences that a program's author declares, in a small TOML file or on the command line.

```toml
[[difference]]
id = "T2"                                   # or leave it out: one of the program's own
reason = "the cancellation passes through a nursery"
backends = ["trio"]                         # or leave it out: on all it can hold for
original = ["stdout: CancelledError"]       # what the original alone shows
port = [{stream = "stdout", text = "BaseExceptionGroup", time = 1.0}]
```

A text without a time stands for the first of its kind that one side alone shows.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from portable._backends import get_backend
from portable._errors import UnknownBackendError

from .comparison import OWN, DeclaredDifference
from .trace import Observation, Stream, Trace

_KEYS = {"id", "reason", "backends", "original", "port"}
_OF_A_LINE = {"stream", "text", "time"}


@dataclass(frozen=True, slots=True)
class _Line:
    stream: Stream
    text: str
    time: float | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared difference whose times are found in the traces."""

    id: str
    reason: str
    original: tuple[_Line, ...]
    port: tuple[_Line, ...]
    backends: tuple[str, ...]

    def found_in(self, original: Trace, port: Trace) -> DeclaredDifference:
        """Return the difference with the times that it has in these traces."""
        surplus = Counter(original.observations)
        surplus.subtract(port.observations)
        left = [seen for seen in original.observations if surplus[seen] > 0]
        right = [seen for seen in port.observations if surplus[seen] < 0]
        return DeclaredDifference(
            self.id,
            self.reason,
            original=_timed(self.original, left),
            port=_timed(self.port, right),
            backends=self.backends,
        )


def _timed(lines: Sequence[_Line], shown: Sequence[Observation]) -> tuple[Observation, ...]:
    left, timed = list(shown), []
    for line in lines:
        match = next(
            (
                seen
                for seen in left
                if seen.what == (line.stream, line.text) and line.time in (None, seen.time)
            ),
            None,
        )
        if match is None:
            match = Observation(line.time or 0.0, line.stream, line.text)
        else:
            left.remove(match)
        timed.append(match)
    return tuple(timed)


def read_declarations(sources: Iterable[str]) -> list[Declaration]:
    """Return what is declared in TOML files, or in inline tables.

    Args:
        sources: paths of files, or TOML between braces.

    Raises:
        ValueError: a source is no TOML, or declares nothing; the message says which.

    Example:
        >>> [one] = read_declarations(['{reason = "a line more", port = ["stdout: hi"]}'])
        >>> one.reason
        'a line more'
    """
    found = []
    for source in sources:
        inline = source.lstrip().startswith("{")
        name = "--declare" if inline else source
        try:
            text = f"difference = [{source}]" if inline else Path(source).read_text("utf-8")
            data = tomllib.loads(text)
        except OSError as error:
            raise ValueError(f"{name}: cannot be read: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{name}: is no TOML: {error}") from None
        entries = data.get("difference")
        if not isinstance(entries, list) or set(data) - {"difference"}:
            raise ValueError(f"{name}: needs [[difference]] tables, and nothing else")
        found += [
            _declaration(f"{name}: difference {at}", one) for at, one in enumerate(entries, 1)
        ]
    return found


def _declaration(name: str, entry: Any) -> Declaration:
    if not isinstance(entry, dict) or set(entry) - _KEYS:
        raise ValueError(f"{name}: takes {', '.join(sorted(_KEYS))}, got {entry!r}")
    made = Declaration(
        id=entry.get("id", OWN),
        reason=str(entry.get("reason", "")),
        original=_lines(name, _listed(name, entry, "original")),
        port=_lines(name, _listed(name, entry, "port")),
        backends=tuple(_listed(name, entry, "backends")),
    )
    if not made.reason.strip():
        raise ValueError(f"{name}: needs a sentence that says why, as in reason = 'faster now'")
    if not (made.original or made.port):
        raise ValueError(
            f"{name}: declares nothing; give what either side alone shows as original or "
            "port, as in port = ['stdout: hello']"
        )
    nothing = Trace("", "", (), outcome=None)  # type: ignore[arg-type]
    try:
        for backend in made.backends:
            get_backend(backend)
        made.found_in(nothing, nothing)
    except (UnknownBackendError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None
    return made


def _listed(name: str, entry: dict[str, Any], key: str) -> list[Any]:
    """Return what a key has: several in a list, or one alone."""
    found = entry.get(key, [])
    if isinstance(found, str | dict):
        return [found]
    if not isinstance(found, list):
        raise ValueError(f"{name}: {key} takes a list, got {found!r}")
    return found


def _lines(name: str, lines: Iterable[Any]) -> tuple[_Line, ...]:
    made = []
    line: Any
    for line in lines:
        if isinstance(line, str):
            stream, _, text = line.partition(": ")
            line = {"stream": stream, "text": text}
        if not isinstance(line, dict) or line.get("stream") not in get_args(Stream):
            raise ValueError(
                f"{name}: {line!r} needs a stream and a text, as in 'stdout: hello'; streams "
                f"are: {', '.join(get_args(Stream))}"
            )
        time = line.get("time")
        if set(line) - _OF_A_LINE or not isinstance(time, int | float | None):
            raise ValueError(
                f"{name}: a line takes {', '.join(sorted(_OF_A_LINE))}, the time as a number "
                f"of seconds, got {line!r}"
            )
        made.append(_Line(line["stream"], str(line.get("text", "")), time))
    return tuple(made)
