"""What an original can show: the set of its traces, known by some of them.

A port is right if the original could have shown what the port shows. The original's own
order is one trace out of many: it is run under schedules as well, when a port shows anything
else. Programs whose tasks share work have more traces than anyone can run, so a trace is not
looked up among those that were seen. It is taken apart, into what can be seen often enough:

- how many things come at an instant on each stream,
- each thing that comes,
- any two things that come only sometimes, together,
- the order of any two things of an instant, if one came because of the other (`causality`).

What the original has never shown speaks against a port, if there were `ENOUGH` runs in which it
might have been shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from portable.clock._taken import WALK, Seed

from .comparison import Comparison
from .trace import Observation, Trace

ENOUGH = 7
"""After how many runs that go the same way it is no chance: that is so once in 128."""
_ROUNDS = (40, 160)
_MOST = 400
"""How many things that come only sometimes are looked at in pairs."""

Key = tuple[Observation, int]
"""A thing that was seen, and how many equal ones came before it."""


class Repertoire:
    """The traces of an original.

    Args:
        plain: the one in asyncio's own order.
        under: runs the original under these schedules, and returns the traces.
    """

    def __init__(self, plain: Trace, under: Callable[[Sequence[Seed]], list[Trace]]) -> None:
        self._under = under
        self._traces = [plain]
        self._shown: dict[tuple[int, str], _Shown] = {}

    @property
    def size(self) -> int:
        """How many runs of the original it is known by."""
        return len(self._traces)

    def objection(self, found: Comparison) -> str | None:
        """Return why the original cannot show what a port shows.

        Args:
            found: the port's trace beside one of the original's.

        Returns:
            A sentence, or `None`: nothing speaks against it.
        """
        objection: str | None = None
        for most in _ROUNDS:
            if self.size <= most:
                self._traces += self._under(list(_schedules(self.size - 1, most)))
            if self.size <= ENOUGH:
                return None if found.verdict.equivalent else "; ".join(found.reasons)
            objection = self._beside(found.original).objection(found)
            if objection is None or not self._varies:
                break
        return objection

    def _beside(self, original: Trace) -> _Shown:
        """Return what was shown, an original on another backend included."""
        key = self.size, original.backend
        if key not in self._shown:
            others = [original] if original.backend != "asyncio" else []
            self._shown[key] = _Shown(self._traces + others)
        return self._shown[key]

    @property
    def _varies(self) -> bool:
        """Whether the original shows other things under other schedules."""
        first, *others = (Counter(trace.observations) for trace in self._traces)
        return any(other != first for other in others)


def _schedules(first: int, end: int) -> Iterator[Seed]:
    """Yield the next schedules: by now shuffles show nothing new, but a walk may."""
    for number in range(first, end):
        yield number if number < _ROUNDS[0] or number % 2 else f"{WALK}{number}"


class _Shown:
    """How often things were shown, together and in which order."""

    def __init__(self, traces: Sequence[Trace]) -> None:
        self._count = len(traces)
        self._places: list[dict[Key, Observation]] = []
        self._with_reasons = 0  # a bit for each trace that knows what came because of what
        self._in: defaultdict[Key, int] = defaultdict(int)  # a bit for each trace
        self._sizes: defaultdict[tuple[float, str], set[int]] = defaultdict(set)
        sizes = [_sizes(trace.observations) for trace in traces]
        for place in {place for size in sizes for place in size}:
            self._sizes[place] = {size[place] for size in sizes}
        for number, trace in enumerate(traces):
            keys = _keys(trace.observations)
            self._places.append(dict(zip(keys, trace.observations, strict=True)))
            for key in self._places[-1]:
                self._in[key] |= 1 << number
            if trace.backend == "asyncio":  # uvloop hands no clocks on
                self._with_reasons |= 1 << number

    def objection(self, found: Comparison) -> str | None:
        """Return what speaks against a port's trace."""
        meant = Counter(seen for one in found.declared for seen in one.port)
        instead = Counter(seen for one in found.declared for seen in one.original)
        keys = [key for key in _keys(found.port.observations) if key[1] >= meant[key[0]]]
        sizes = _sizes(seen for seen, _ in keys)
        sizes.update(_sizes(instead.elements()))
        for (time, stream), known in sorted(self._sizes.items()):
            if sizes[time, stream] not in known:
                return (
                    f"at {time!r} s there are {sizes[time, stream]} on {stream}, where the "
                    f"original shows {_listed(known)}"
                )
        for time, stream in sorted(sizes):
            if (time, stream) not in self._sizes:
                return f"at {time!r} s the original shows nothing on {stream}"
        for key in keys:
            if not self._in[key]:
                return f"at {key[0].time!r} s the original never shows: {key[0].quoted}"
        return next(self._pairs(keys), None)

    def _pairs(self, keys: Sequence[Key]) -> Iterator[str]:
        everywhere = (1 << self._count) - 1
        at_times: defaultdict[float, list[Key]] = defaultdict(list)
        for key in keys:
            at_times[key[0].time].append(key)
        for time, there in at_times.items():
            for first, then in combinations(there, 2):
                together = self._in[first] & self._in[then] & self._with_reasons
                because = [
                    places[first].has_to_follow(places[then])
                    for number, places in enumerate(self._places)
                    if together >> number & 1
                ]
                if len(because) >= ENOUGH and all(because):
                    yield (
                        f"at {time!r} s {then[0].quoted} comes before {first[0].quoted} "
                        "in the original, which waits for it"
                    )
        sometimes = [key for key in keys if self._in[key] != everywhere][:_MOST]
        for first, then in combinations(sometimes, 2):
            one, other = self._in[first], self._in[then]
            expected = one.bit_count() * other.bit_count() / self._count
            if not one & other and expected >= ENOUGH:
                yield (
                    f"the original never shows both: {first[0].quoted} at "
                    f"{first[0].time!r} s and {then[0].quoted} at {then[0].time!r} s"
                )


def _keys(observations: Sequence[Observation]) -> Iterator[Key]:
    before = Counter[Observation]()
    for seen in observations:
        yield seen, before[seen]
        before[seen] += 1


def _sizes(
    observations: Iterator[Observation] | Sequence[Observation],
) -> Counter[tuple[float, str]]:
    return Counter((seen.time, seen.stream) for seen in observations)


def _listed(numbers: set[int]) -> str:
    *some, last = sorted(numbers)
    return f"{', '.join(map(str, some))} or {last}" if some else str(last)
