"""Port one file: find the uses, ask the rules, change the tree once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import libcst as cst

from .decision import Application, Decision, Edit
from .imports import import_edits
from .patching import RULE as PATCHED
from .patching import patched_lines, patched_names
from .rule import Rule
from .rules import CONDITIONS, RULES
from .site import Site
from .source import IMPORTED, Source, UnknownFunction, Unreadable, Use
from .todo import with_todos, without_todos
from .tree import find


@dataclass(frozen=True, slots=True)
class Ported:
    """What became of a file.

    Attributes:
        code: its bytes afterwards.
        sites: where names of asyncio's stand or stood, in order.
    """

    code: bytes
    sites: tuple[Site, ...]


NO_RULE = "portable has no rule for this name"
NO_HINT = "see the documentation of AnyIO; or leave it, it runs on every loop"


def port(
    code: bytes,
    *,
    rules: Collection[str] | None = None,
    functions: Collection[str] = (),
    foreign: frozenset[str] = frozenset(),
    assumed: frozenset[str] = frozenset(),
    renamed: frozenset[str] = frozenset(),
    todo: bool = False,
    places_after: bool = False,
) -> Ported:
    """Port a file's code, as far as that keeps its meaning.

    Args:
        code: the file's bytes.
        rules: the names of the rules to apply; `None`: all.
        functions: the dotted names of the functions or classes to port; empty: all of it.
        foreign: what other files do with the file's names, as entries of `foreign`.
        assumed: the conditions that hold, by a human's word, where they cannot be seen:
            `calm`, `quiet`, `free` or `plain`.
        renamed: the names of which no use is left in any file that is ported together.
        todo: whether to put what is left to a human into the code as comments.
        places_after: whether sites that stay have their places after the port; the others,
            and without it all, have those they had before.

    Raises:
        Unreadable: it is no Python that LibCST can handle.
        UnknownFunction: there is no function of one of the names.

    Example:
        >>> from portable.porting import port
        >>> code = b"import asyncio\\nasync def f():\\n    await asyncio.sleep(1)\\n"
        >>> print(port(code).code.decode(), end="")
        import anyio
        async def f():
            await anyio.sleep(1)
    """
    once = partial(
        _port,
        rules=rules,
        functions=functions,
        foreign=foreign,
        assumed=assumed,
        renamed=renamed,
    )
    sites, done = _settled(once, code)
    if todo:
        cleared = without_todos(code, [site for site in sites if site.rewritten])
        if cleared != code:
            _, done = _settled(once, cleared)
        # The second time reasons name the lines of the code that has the comments.
        for _ in range(2):
            left = [site for site in done.sites if not site.rewritten]
            done = once(with_todos(done.code, left))
    if not (places_after or todo):
        return Ported(done.code, sites)
    gone = [site for site in sites if site.rewritten]
    return Ported(done.code, tuple(_in_order([*gone, *done.sites])))


_MOST_TIMES = 10


def _settled(once: Callable[[bytes], Ported], code: bytes) -> tuple[tuple[Site, ...], Ported]:
    """Port code until nothing changes: what one rule has rewritten may let another one go on.

    Returns:
        The sites of the code as it was, and the code with its sites as it is now.
    """
    done = once(code)
    sites = done.sites
    for _ in range(_MOST_TIMES):
        if done.code == code:
            return sites, done
        code, done = done.code, once(done.code)
        sites = _followed(sites, done.sites)
    raise AssertionError(f"something else was changed {_MOST_TIMES} times")


def _followed(sites: Sequence[Site], later: Sequence[Site]) -> tuple[Site, ...]:
    """Return sites with what became of those that stayed when the code was ported again.

    Args:
        sites: those of the code as it was.
        later: those of the code as it was then: of each name those that had stayed, in order.
    """
    left: dict[str, list[Site]] = {}
    for site in later:
        left.setdefault(site.name, []).append(site)
    found: list[Site] = []
    for site in sites:
        others = left.get(site.name)
        if not site.rewritten and others and others.pop(0).rewritten:
            site = replace(site, rewritten=True, why="", write="")
        found.append(site)
    return tuple(found)


def _port(
    code: bytes,
    *,
    rules: Collection[str] | None,
    functions: Collection[str],
    foreign: frozenset[str],
    assumed: frozenset[str],
    renamed: frozenset[str],
) -> Ported:
    if not worth_reading(code):
        return Ported(code, ())
    try:
        source = Source(code, foreign, assumed)
        return _changed(source, code, rules, functions, renamed)
    except RecursionError:
        raise Unreadable("an expression is nested too deeply") from None


def _changed(
    source: Source,
    code: bytes,
    rules: Collection[str] | None,
    functions: Collection[str],
    renamed: frozenset[str],
) -> Ported:
    if functions:
        _check_functions(source, functions)
    chosen = [rule for rule in RULES if rules is None or rule.name in rules]
    asked = [use for use in source.uses if _is_within(source, use, functions)]
    decided = list(_decide(source, asked, chosen))
    done = [decision for _, decision in decided if decision.rewritten]
    patched: dict[cst.CSTNode, Edit] = {}
    sites: list[Site] = []
    if (rules is None or PATCHED in rules) and any(patched_lines(code)):
        patched, sites = patched_names(source, renamed)
    if done or patched:
        edits = [*(each.edits for each in done), import_edits(source, done), patched]
        changed = source.module.visit(Application(edits))
        assert isinstance(changed, cst.Module)
        code = changed.bytes
    sites += [site for rule, each in decided for site in _sites(source, rule, each)]
    if source.star and rules is None:
        sites.append(Site(source.star, 1, "asyncio.*", "", False, *_STAR, source.star))
    return Ported(code, tuple(_in_order(sites)))


def worth_reading(code: bytes) -> bool:
    """Say whether code may name anything of asyncio's; reading a file takes time."""
    return IMPORTED.search(code) is not None or any(patched_lines(code))


def _in_order(sites: Iterable[Site]) -> list[Site]:
    return sorted(sites, key=lambda site: (site.line, site.column))


_STAR = ("the names of a star import cannot be told apart", "import the names one by one")


def _decide(
    source: Source, uses: Sequence[Use], rules: Sequence[Rule]
) -> Iterable[tuple[Rule | None, Decision]]:
    by_name: dict[str, list[Use]] = {}
    for use in uses:
        by_name.setdefault(use.name, []).append(use)
    covered: set[int] = set()
    vouched: dict[Use, tuple[str, ...]] = {}
    for rule in rules:
        mine = [use for name in rule.names for use in by_name.get(name, ())]
        mine.sort(key=lambda use: source.position(use.node))
        clear = [use for use in mine if not use.doubt and id(use) not in covered]
        before = frozenset(source.rewritten)
        source.doubted.clear()
        decisions = list(_decisions(source, rule, clear))
        left = [decision for decision in decisions if not decision.rewritten]
        if left and not source.doubted <= source.assumed:
            vouched.update(_vouched(source, before, rule, clear))
        for decision in decisions:
            covered.update(map(id, decision.uses))
            yield rule, _with_hint(decision, rule, vouched)
        for use in mine:
            if id(use) not in covered:
                covered.add(id(use))
                yield rule, Decision((use,), why=use.doubt)
    known = {name for rule in RULES for name in rule.names}
    for use in uses if len(rules) == len(RULES) else ():
        if use.name not in known and id(use) not in covered:
            yield None, Decision((use,), why=NO_RULE, write=NO_HINT)


def _decisions(source: Source, rule: Rule, uses: Sequence[Use]) -> Iterator[Decision]:
    """Yield what a rule decides, and keep in mind what it rewrites."""
    for decision in rule.decide(source, uses) if rule.decide is not None else ():
        names = {name.partition(".")[0]: None for name in decision.needs}
        taken = [name for name in names if not source.is_free(name)]
        if decision.rewritten and taken:
            why = f"the name {taken[0]!r} is another thing in this file"
            decision = Decision(decision.uses, why=why)
        if decision.rewritten:
            source.rewritten.update(decision.uses)
        yield decision


def _vouched(
    source: Source, before: frozenset[Use], rule: Rule, uses: Sequence[Use]
) -> Mapping[Use, tuple[str, ...]]:
    """Return the uses that stay for want of conditions alone that somebody may vouch for.

    Args:
        source: the file.
        before: what was rewritten before the rule was asked.
        rule: the rule, which was asked.
        uses: the uses that it was asked for.

    Returns:
        For each the conditions: as few as possible.
    """
    left = _rewritten_with(CONDITIONS, source, before, rule, uses) - source.rewritten
    doubted = [name for name in CONDITIONS if name in source.doubted - source.assumed]
    found: dict[Use, tuple[str, ...]] = {}
    for number in range(1, len(doubted) + 1) if left else ():
        for names in combinations(doubted, number):
            for use in _rewritten_with(names, source, before, rule, uses) & left:
                found.setdefault(use, names)
    return found


def _rewritten_with(
    names: Collection[str],
    source: Source,
    before: frozenset[Use],
    rule: Rule,
    uses: Sequence[Use],
) -> set[Use]:
    """Return what a rule would rewrite if somebody vouched for some conditions more."""
    kept = source.assumed, source.rewritten
    try:
        source.assumed = source.assumed.union(names)
        source.rewritten = set(before)
        done = [each for each in _decisions(source, rule, uses) if each.rewritten]
    finally:
        source.assumed, source.rewritten = kept
    return {use for decision in done for use in decision.uses}


def _with_hint(
    decision: Decision, rule: Rule, vouched: Mapping[Use, tuple[str, ...]]
) -> Decision:
    """Return a decision with the conditions that somebody has to vouch for, if that is all."""
    names = vouched.get(decision.uses[0])
    if decision.rewritten or names is None:
        return decision
    known = " and ".join(CONDITIONS[name] for name in names)
    hint = f"if you know that {known}, say `--assume {','.join(names)}`; else "
    return replace(decision, write=hint + (decision.write or rule.hint))


def _sites(source: Source, rule: Rule | None, decision: Decision) -> Iterable[Site]:
    for use in decision.uses:
        yield Site(
            *source.position(use.node),
            use.name,
            rule.name if rule else "",
            decision.rewritten,
            "" if decision.rewritten else decision.why,
            "" if decision.rewritten else decision.write or (rule.hint if rule else ""),
            source.statement_line(use.node),
        )


def _check_functions(source: Source, functions: Collection[str]) -> None:
    known = [
        source.function_name(node)
        for node in find(source.module, cst.FunctionDef, cst.ClassDef, deep=True)
    ]
    for name in functions:
        if name not in known:
            there = ", ".join(dict.fromkeys(known)) or "none"
            raise UnknownFunction(f"there is no function or class {name!r}; there are: {there}")


def _is_within(source: Source, use: Use, functions: Collection[str]) -> bool:
    if not functions:
        return True
    name = source.function_name(use.node) + "."
    return any(name.startswith(f"{each}.") for each in functions)
