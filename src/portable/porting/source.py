"""A source: the tree of a file, and what its names mean.

LibCST's metadata says which import a name comes from, whatever the file calls it. A *use* is
one place where a name of asyncio's stands, with its qualified name; an annotation that is a
string counts as well. A name that is bound to other things, too, makes a use with a `doubt`.
"""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import libcst as cst
from libcst import metadata

from .foreign import import_entry, is_private, kept_as, method_entry, patched_entry
from .qualified import (
    LIBRARY,
    SUBMODULES,
    first_name,
    imported_as,
    is_taken,
    names_in_string,
    public_name,
    star_imports,
)
from .tree import find, is_self, parents_of

TESTS = "pytest_asyncio"
"""The package that runs tests on asyncio's loops; its names are looked at as well."""
MARK = "pytest.mark.asyncio"
"""The only name of pytest's that is looked at."""
IMPORTED = re.compile(
    rb"^[^#\n]*\bimport\b[^#\n]*\basyncio\b|\bfrom\s+asyncio\b|\\\s+asyncio"
    rb"|\bpytest_asyncio\b|\bmark\.asyncio\b",
    re.M,
)
"""Found in the code of each file that imports the library, and in few others."""
ACCESS = frozenset(
    {"getattr", "setattr", "hasattr", "delattr", "attrgetter", "patch", "object", "multiple"}
)
"""Functions that get the name of an attribute as a string."""
_STATEMENTS = (
    cst.SimpleStatementLine,
    cst.BaseCompoundStatement,
    cst.ExceptHandler,
    cst.ExceptStarHandler,
    cst.Decorator,
)

Function = cst.FunctionDef


class Unreadable(Exception):
    """A file is no Python that LibCST can handle; the message says why, and where."""


class UnknownFunction(LookupError):
    """There is no function or class of a name in a file; the message says which there are."""


def parse(code: bytes) -> cst.Module:
    """Return the tree of a file's code.

    Raises:
        Unreadable: it is no Python that LibCST can read.
    """
    try:
        return cst.parse_module(code)
    except cst.ParserSyntaxError as error:
        raise Unreadable(f"line {error.raw_line}: {error.message}") from None
    except (UnicodeDecodeError, LookupError, SyntaxError) as error:
        raise Unreadable(f"{type(error).__name__}: {error}") from None


@dataclass(frozen=True, slots=True, eq=False)
class Use:
    """One place where a name of asyncio's stands.

    Attributes:
        name: the qualified name: `asyncio.sleep`.
        node: the name as it stands there, all of `aio.sleep`; or the string of an annotation.
        bound: the import that the name comes from.
        annotation: whether it stands in an annotation.
        doubt: why its meaning is uncertain; empty: it is not.
    """

    name: str
    node: cst.BaseExpression
    bound: metadata.ImportAssignment
    annotation: bool = False
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Callee:
    """A function of the file that an expression calls.

    Attributes:
        function: its definition.
        owner: the class it is a method of.
    """

    function: Function
    owner: cst.ClassDef | None = None


class Source:
    """The tree of a file with what its names mean.

    Args:
        code: the file's bytes.
        foreign: what other files do with this one's names, as entries of `foreign`.
        assumed: the conditions that hold, by a human's word, where they cannot be seen.

    Attributes:
        module: the tree.
        foreign: as it was given.
        assumed: the conditions that are not asked for, as they were given.
        doubted: the conditions that were asked for.
        rewritten: the uses that are rewritten by what was decided before.
        uses: every use of a name of asyncio's, in the order in which they stand.
        star: the line of a `from asyncio import *`; 0: there is none.

    Raises:
        Unreadable: it is no Python that LibCST can read.
    """

    def __init__(
        self,
        code: bytes,
        foreign: frozenset[str] = frozenset(),
        assumed: frozenset[str] = frozenset(),
    ) -> None:
        self.foreign = foreign
        self.assumed = assumed
        self.doubted: set[str] = set()
        self.rewritten: set[Use] = set()
        module = parse(code)
        # A tree that was just parsed has each node once: no copy is needed.
        self._wrapper = metadata.MetadataWrapper(module, unsafe_skip_copy=True)
        self.module: cst.Module = self._wrapper.module
        self._scopes = cast(
            "Mapping[cst.CSTNode, metadata.Scope | None]",
            self._wrapper.resolve(metadata.ScopeProvider),
        )
        self._parents = parents_of(module)
        self.star: int = 0
        self._may_have_stars = re.search(rb"asyncio\s+import\s*\(?\s*\*", code) is not None
        self.uses: list[Use] = sorted(self._uses(), key=lambda use: self.position(use.node))

    def doubts(self, condition: str) -> bool:
        """Say whether a condition counts where it cannot be seen, as nobody vouches for it."""
        self.doubted.add(condition)
        return condition not in self.assumed

    # Places ----------------------------------------------------------------------------

    @cached_property
    def _positions(self) -> Mapping[cst.CSTNode, metadata.CodeRange]:
        return self._wrapper.resolve(metadata.PositionProvider)

    def position(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return line and column of a node; both count from 1."""
        start = self._positions[node].start
        return start.line, start.column + 1

    def line(self, node: cst.CSTNode) -> int:
        """Return the line in which a node begins."""
        return self.position(node)[0]

    def parent(self, node: cst.CSTNode) -> cst.CSTNode:
        """Return the node above; the module's is the module itself."""
        return self._parents.get(node, self.module)

    def above(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Return the nodes above, from the inside to the outside."""
        while node is not self.module:
            node = self.parent(node)
            yield node

    def function_of(self, node: cst.CSTNode) -> Function | None:
        """Return the function whose body a node is in; `None` in a lambda or a class body."""
        child = node
        for above in self.above(node):
            if isinstance(above, cst.FunctionDef):
                # Defaults, decorators and annotations are evaluated outside of it.
                if child is above.body:
                    return above
            elif isinstance(above, (cst.Lambda, cst.ClassDef)):
                return None
            child = above
        return None

    def class_of(self, function: Function) -> cst.ClassDef | None:
        """Return the class that a function is a method of."""
        above = self.parent(self.parent(function))
        return above if isinstance(above, cst.ClassDef) else None

    def function_name(self, node: cst.CSTNode) -> str:
        """Return the dotted name of the innermost function or class around a node."""
        names = [
            above.name.value
            for above in (node, *self.above(node))
            if isinstance(above, (cst.FunctionDef, cst.ClassDef))
        ]
        return ".".join(reversed(names))

    def statement_line(self, node: cst.CSTNode) -> int:
        """Return the line in which the innermost statement or clause around a node begins."""
        return self.line(
            next(each for each in self.above(node) if isinstance(each, _STATEMENTS))
        )

    def statement_of(self, node: cst.CSTNode) -> cst.SimpleStatementLine | None:
        """Return the line a node is in, if that holds one statement."""
        kinds = (cst.BaseStatement, cst.SimpleStatementSuite)
        above = next(each for each in self.above(node) if isinstance(each, kinds))
        if isinstance(above, cst.SimpleStatementLine) and len(above.body) == 1:
            return above
        return None

    def code(self, node: cst.CSTNode) -> str:
        """Return a node as it is written."""
        return self.module.code_for_node(node)

    # Names -----------------------------------------------------------------------------

    @cached_property
    def attributes(self) -> Mapping[str, Sequence[cst.Attribute]]:
        """Every `x.name` of the file, by its name."""
        found: dict[str, list[cst.Attribute]] = {}
        for node in find(self.module, cst.Attribute, deep=True):
            assert isinstance(node, cst.Attribute)
            found.setdefault(node.attr.value, []).append(node)
        return found

    def named(self, name: str) -> Sequence[cst.BaseExpression]:
        """Return every `name` and `x.name` of the file."""
        return (*self._names.get(name, ()), *self.attributes.get(name, ()))

    @cached_property
    def _names(self) -> Mapping[str, Sequence[cst.Name]]:
        found: dict[str, list[cst.Name]] = {}
        for node in find(self.module, cst.Name, deep=True):
            above = self.parent(node)
            if not isinstance(above, cst.Attribute) or above.value is node:
                name = cst.ensure_type(node, cst.Name)
                found.setdefault(name.value, []).append(name)
        return found

    @cached_property
    def classes(self) -> Sequence[cst.ClassDef]:
        """Every class of the file, in order."""
        found = find(self.module, cst.ClassDef, deep=True)
        return [node for node in found if isinstance(node, cst.ClassDef)]

    @cached_property
    def accessed(self) -> frozenset[str]:
        """The attributes that are named by strings, as in `getattr(x, "name")`."""
        found: set[str] = set()
        for call in find(self.module, cst.Call, deep=True):
            assert isinstance(call, cst.Call)
            func = call.func.attr if isinstance(call.func, cst.Attribute) else call.func
            if isinstance(func, cst.Name) and func.value in ACCESS:
                strings = (arg.value for arg in call.args)
                texts = (x.raw_value for x in strings if isinstance(x, cst.SimpleString))
                found.update(text.rpartition(".")[2] for text in texts)
        return frozenset(found)

    def is_reached(self, name: str) -> bool:
        """Say whether an attribute is reached by a string, or by the name that Python keeps.

        `vars(x)["_lock"]` does the first, and `x._Door__lock` the second. A public name in
        a string counts for functions that get attributes alone: it may be any word.
        """
        if name in self.accessed or (is_private(name) and name in self._in_strings):
            return True
        if any(pattern.fullmatch(name) for pattern in self._asked_by_self):
            return True
        return name.startswith("__") and any(
            each != name and kept_as(each) == name
            for each in (*self.attributes, *self._in_strings)
        )

    @cached_property
    def _in_strings(self) -> frozenset[str]:
        """The last words of the strings of the file, but of `__slots__`."""
        return frozenset(
            each.raw_value.rpartition(".")[2]
            for each in find(self.module, cst.SimpleString, deep=True)
            if isinstance(each, cst.SimpleString) and not self._is_of_slots(each)
        )

    @cached_property
    def _asked_by_self(self) -> Sequence[re.Pattern[str]]:
        """What names `getattr(self, x)` may ask for, and `case Door(x=1)`."""
        found: list[str] = [
            re.escape(cst.ensure_type(node, cst.MatchKeywordElement).key.value)
            for node in find(self.module, cst.MatchKeywordElement, deep=True)
        ]
        for node in find(self.module, cst.Call, deep=True):
            call = cst.ensure_type(node, cst.Call)
            if len(call.args) > 1 and self.code(call.func) == "getattr":
                of, name = (arg.value for arg in call.args[:2])
                if is_self(of) and not isinstance(name, cst.SimpleString):
                    found.append(_pattern(name))
        return [re.compile(each) for each in found]

    def _is_of_slots(self, node: cst.CSTNode) -> bool:
        line = next((x for x in self.above(node) if isinstance(x, cst.Assign)), None)
        return line is not None and any(
            isinstance(each.target, cst.Name) and each.target.value == "__slots__"
            for each in line.targets
        )

    def scope(self, node: cst.CSTNode) -> metadata.Scope:
        """Return the scope that a node's names are looked up in."""
        # That of the module is above all.
        return next(filter(None, map(self._scopes.get, (node, *self.above(node)))))

    def imported(self, node: cst.CSTNode) -> str | None:
        """Return the qualified name of what a name or attribute was imported as."""
        if not isinstance(node, (cst.Name, cst.Attribute)):
            return None
        found = list(self.scope(node).get_qualified_names_for(node))
        if len(found) != 1 or found[0].source is not metadata.QualifiedNameSource.IMPORT:
            return None
        return found[0].name

    def assignments(self, name: cst.Name) -> list[metadata.BaseAssignment]:
        """Return all that a name may be bound to where it stands."""
        return list(self.scope(name)[name.value])

    def only_value(self, name: cst.Name) -> cst.BaseExpression | None:
        """Return what a variable of a function is bound to; `None`: it may be several."""
        found = self.assignments(name)
        if len(found) != 1 or not isinstance(found[0], metadata.Assignment):
            return None
        if not isinstance(found[0].scope, metadata.FunctionScope):
            return None
        above = self.parent(found[0].node)
        if isinstance(above, cst.AnnAssign) and above.target is found[0].node:
            return above.value
        statement = self.parent(above)
        if isinstance(above, cst.AssignTarget) and isinstance(statement, cst.Assign):
            return statement.value if len(statement.targets) == 1 else None
        return None

    def cancelled_in(self, name: cst.Name) -> bool:
        """Say whether what a variable keeps is cancelled by its name somewhere."""
        methods = (
            self.parent(access.node)
            for bound in self.assignments(name)
            for access in bound.references
        )
        return any(isinstance(x, cst.Attribute) and x.attr.value == "cancel" for x in methods)

    def is_free(self, name: str, meaning: str = "") -> bool:
        """Say whether nothing in the file gives a name another meaning.

        Args:
            name: the name.
            meaning: the qualified name that an import may bind it to; empty: the name itself.
        """
        if self._has_stars and hasattr(builtins, name):
            return False  # what else has the names that Python has cannot be seen
        return self._bound.get(name, meaning or name) == (meaning or name)

    @cached_property
    def _has_stars(self) -> bool:
        """Whether names come from a star import of another module than the library."""
        return any(
            isinstance(node.names, cst.ImportStar) and node not in self._own_stars
            for node in find(self.module, cst.ImportFrom, deep=True)
            if isinstance(node, cst.ImportFrom)
        )

    @cached_property
    def _own_stars(self) -> frozenset[cst.ImportFrom]:
        return frozenset(star_imports(self.module))

    def is_imported_elsewhere(self, name: str) -> bool:
        """Say whether another file imports a name of this one, or all of them."""
        return not self.foreign.isdisjoint({import_entry(name), import_entry("*")})

    def is_unused(self, name: str) -> bool:
        """Say whether nothing in the file binds a name."""
        return name not in self._bound

    @cached_property
    def _bound(self) -> dict[str, str]:
        """What each name is imported as; empty where it is, or may be, another thing."""
        bound: dict[str, str] = {}
        for scope in self._all_scopes:
            for assignment in scope.assignments:
                meaning = ""
                if isinstance(assignment, metadata.ImportAssignment):
                    meaning = imported_as(assignment) or ""
                name = assignment.name
                bound[name] = meaning if bound.get(name, meaning) == meaning else ""
        return bound

    @cached_property
    def _all_scopes(self) -> list[metadata.Scope]:
        return list({id(each): each for each in self._scopes.values() if each}.values())

    def use_at(self, node: cst.CSTNode | None) -> Use | None:
        """Return the use that a node is; `None`: it is none, or there is no node."""
        return None if node is None else self._use_by_node.get(node)

    @cached_property
    def _use_by_node(self) -> Mapping[cst.CSTNode, Use]:
        return {use.node: use for use in reversed(self.uses)}  # of a string's the first

    def _uses(self) -> Iterator[Use]:
        seen: set[int] = set()
        for scope in self._all_scopes:
            for bound in scope.assignments:
                if not isinstance(bound, metadata.ImportAssignment):
                    continue
                for use in self._uses_of(bound):
                    if id(use.node) not in seen or use.annotation:
                        seen.add(id(use.node))
                        yield use

        if self._may_have_stars:
            for node in star_imports(self.module):
                self.star = self.line(node)

    def _uses_of(self, bound: metadata.ImportAssignment) -> Iterator[Use]:
        base = imported_as(bound)
        root = "" if base is None else base.partition(".")[0]
        if base is None or root not in (LIBRARY, TESTS, "pytest"):
            return
        for access in bound.references:
            live = [each for each in access.referents if not self._is_dead(each)]
            others = {
                imported_as(each) if isinstance(each, metadata.ImportAssignment) else None
                for each in live
            }
            sure = others == {base} and self._is_bound_for_certain(live)
            doubt = "" if sure else f"{bound.name!r} may be something else here"
            if patched_entry(bound.name) in self.foreign:
                doubt = f"{bound.name!r} is replaced in another file"
            if isinstance(access.node, (cst.SimpleString, cst.ConcatenatedString)):
                if root == "pytest":
                    continue
                for name in names_in_string(self.code(access.node), bound.name, base):
                    yield Use(name, access.node, bound, annotation=True, doubt=doubt)
                continue
            node: cst.BaseExpression = first_name(access.node)
            name = base
            while isinstance(above := self.parent(node), cst.Attribute) and (
                above.value is node and name.count(".") < 1 + (name in SUBMODULES)
            ):
                node, name = above, f"{name}.{above.attr.value}"
            if root != "pytest" or name == MARK:
                yield Use(public_name(name), node, bound, access.is_annotation, doubt)

    def _is_dead(self, bound: metadata.BaseAssignment) -> bool:
        """Say whether a name is bound in a branch for Pythons before 3.11 alone."""
        node = bound.node if isinstance(bound, metadata.Assignment) else None
        child = node
        for above in () if node is None else self.above(node):
            if isinstance(above, (cst.FunctionDef, cst.ClassDef)):
                break
            if isinstance(above, cst.If):
                taken = is_taken(self.code(above.test))
                dead = above.body if taken is False else above.orelse if taken else None
                if child is not None and child is dead:
                    return True
            child = above
        return False

    def _is_bound_for_certain(self, found: Sequence[metadata.BaseAssignment]) -> bool:
        """Say whether a name has one binding, or imports that stand in no branch alone."""
        lines = [
            self.parent(each.node)
            for each in found
            if isinstance(each, metadata.ImportAssignment)
        ]
        blocks = (cst.Module, cst.FunctionDef)
        return len(found) == 1 or all(
            isinstance(self.parent(line), cst.Module)
            or isinstance(self.parent(self.parent(line)), blocks)
            for line in lines
        )

    # Functions -------------------------------------------------------------------------

    def callee(self, call: cst.BaseExpression) -> Callee | None:
        """Return the function of this file that an expression calls; `None`: it is not certain.

        A function is known by its name, a method by `self.name` in its class. It has one
        definition, and no decorator, which could replace it.
        """
        if not isinstance(call, cst.Call):
            return None
        func = call.func
        if isinstance(func, cst.Name):
            found = self.assignments(func)
            nodes = [each.node for each in found if isinstance(each, metadata.Assignment)]
            if len(found) == 1 and len(nodes) == 1:
                return self._plain(nodes[0], None)
            return None
        if isinstance(func, cst.Attribute) and is_self(func.value):
            around = self.function_of(call)
            while around is not None and (owner := self.class_of(around)) is None:
                around = self.function_of(around)
            if around is None or owner is None:
                return None
            methods = [
                each
                for each in owner.body.body
                if isinstance(each, cst.FunctionDef) and each.name.value == func.attr.value
            ]
            if len(methods) != 1 or self._may_be_overridden(func.attr.value, owner):
                return None
            if self._may_be_replaced(methods[0]):
                return None
            return self._plain(methods[0], owner)
        return None

    def _may_be_replaced(self, method: Function) -> bool:
        """Say whether this file binds a method's name to another thing, in class or object."""
        name = method.name.value
        return (
            len(list(self.scope(method)[name])) != 1
            or name in self.accessed
            or any(is_bound(self, node) for node in self.attributes.get(name, ()))
        )

    def _may_be_overridden(self, name: str, owner: cst.ClassDef) -> bool:
        """Say whether a class that inherits, here or in a neighbour, has a method so called."""
        if method_entry(name) in self.foreign:
            return True
        return any(
            each is not owner and each.bases and self.parent(node) is each.body
            for node in find(self.module, cst.FunctionDef, deep=True)
            if isinstance(node, cst.FunctionDef) and node.name.value == name
            if (each := self.class_of(node)) is not None
        )

    def _plain(self, node: cst.CSTNode, owner: cst.ClassDef | None) -> Callee | None:
        if not isinstance(node, cst.FunctionDef) or node.decorators:
            return None
        return Callee(node, owner)


def _pattern(name: cst.BaseExpression) -> str:
    """Return the pattern of what an expression may be that makes a string."""
    parts = name.parts if isinstance(name, cst.FormattedString) else ()
    return (
        "".join(
            re.escape(part.value) if isinstance(part, cst.FormattedStringText) else ".*"
            for part in parts
        )
        or ".*"
    )


def bindings(scope: metadata.Scope, name: str) -> list[metadata.Assignment]:
    """Return what a file binds a name to, seen from a scope, without Python's own names."""
    return [each for each in scope[name] if isinstance(each, metadata.Assignment)]


def is_bound(source: Source, node: cst.CSTNode) -> bool:
    """Say whether a statement binds a name or attribute where it stands."""
    above = source.parent(node)
    if isinstance(above, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign)):
        return above.target is node
    if isinstance(above, cst.Element):
        return any(isinstance(each, cst.AssignTarget) for each in source.above(node))
    kinds = (cst.Del, cst.NamedExpr, cst.For, cst.AsName, cst.CompFor)
    return isinstance(above, kinds) and getattr(above, "target", node) is node
