"""Holders: all the names that keep a thing, or several of its kind, and all that is done there.

`things` knows a thing that one name keeps. Here a thing may go on: to the parameter of a
function or of a class's `__init__`, to another name, to an attribute that is used of more
objects than `self`. Names that may keep the same thing are one group; a group can be exchanged
when every name of it is bound to things of this kind or to None alone, and when every use of
all of them can be seen.

Others cannot get at an attribute if its name is private, or the class belongs to a function, or
the file is no library's: it has tests, or runs itself. Then all `x.name` of the file are taken
to be the same attribute, whatever `x` is, and no other file of the project may have that name.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import libcst as cst
from libcst import metadata

from .callers import is_program, references
from .calls import call_of
from .foreign import TEST_FILE, attribute_entry, is_private, package_entry
from .source import Function, Source, Use, bindings, is_bound
from .things import (
    AT_IMPORT,
    BY_STRING,
    NOT_KEPT,
    NOT_MADE,
    OTHER_THINGS,
    Escapes,
    Thing,
    class_statements,
    names_in_class,
    owner_of,
    value_beside,
)
from .tree import find, is_none

_Holder = tuple[str, object]
"""A variable, by its scope and name; or an attribute, by its name."""
_PLAIN_BASES = frozenset({"object", "Protocol", "ABC", "Generic", "Exception"})


def thing_of_all(source: Source, use: Use) -> Thing:
    """Return all things that share names with what a use makes, as one.

    Raises:
        Escapes: not all that is done with them can be seen.
    """
    return _Group(source, use).look()


def names_that_may_keep(source: Source, use: Use, first: Sequence[str]) -> frozenset[str]:
    """Return the names that may keep what a use makes, as far as the file shows it.

    Args:
        source: the file.
        use: what makes it, or names its class.
        first: the names that keep it first; empty: none does.
    """
    group = _Group(source, use)
    waiting, known = list(first), {""}
    if (call := call_of(source, use)) is not None:
        waiting += group.next_names(call)
    while waiting:
        name = waiting.pop()
        if name not in known:
            known.add(name)
            for node in source.named(name):
                waiting += group.next_names(node)
    return frozenset(known - {""})


class _Group:
    def __init__(self, source: Source, use: Use) -> None:
        self._source = source
        self._name = use.name
        self._made: dict[Use, None] = {}
        self._annotated: dict[Use, None] = {}
        self._references: dict[cst.BaseExpression, None] = {}
        self._holders: dict[_Holder, None] = {}
        self._first = use

    def look(self) -> Thing:
        call = call_of(self._source, self._first)
        if call is None:
            raise Escapes(NOT_MADE)
        self._goes_to(call)
        if not self._holders:
            raise Escapes(NOT_KEPT)
        seen: set[_Holder] = set()
        while more := [each for each in self._holders if each not in seen]:
            for holder in more:
                seen.add(holder)
                kind, what = holder
                if kind == "attribute":
                    self._attribute(str(what))
                else:
                    self._variable(what)  # type: ignore[arg-type]
        if self._first not in self._made:
            raise Escapes(NOT_KEPT)
        name = ", ".join(str(what) for kind, what in self._holders if kind == "attribute")
        return Thing(name, tuple(self._made), tuple(self._annotated), tuple(self._references))

    def next_names(self, node: cst.BaseExpression) -> list[str]:
        """Return the names that get what an expression is."""
        before = len(self._holders)
        with suppress(Escapes):  # it is kept by the module
            self._goes_to(node)
        new = list(self._holders)[before:]
        return [what if isinstance(what, str) else what[1] for _, what in new]  # type: ignore[index]

    # Where a thing comes from ------------------------------------------------------------

    def _value(self, value: cst.BaseExpression | None) -> None:
        """Look at what a holder is bound to."""
        source = self._source
        if value is None or is_none(value):
            return
        if isinstance(value, cst.Call):
            use = source.use_at(value.func)
            if use is not None and use.name == self._name and not use.doubt:
                self._made[use] = None
                return
        elif isinstance(value, cst.Name) and source.assignments(value):
            self._hold_variable(value)
            return
        elif isinstance(value, cst.Attribute) and source.imported(value) is None:
            self._hold_attribute(value)
            return
        raise Escapes(OTHER_THINGS)

    def _hold_variable(self, name: cst.Name) -> None:
        scope = self._source.assignments(name)[0].scope
        if not isinstance(scope, metadata.FunctionScope):
            raise Escapes(AT_IMPORT)
        self._holders["variable", (scope, name.value)] = None

    def _hold_attribute(self, node: cst.Attribute) -> None:
        self._holders["attribute", node.attr.value] = None

    def _variable(self, what: tuple[metadata.Scope, str]) -> None:
        scope, name = what
        other = Escapes(f"shares its name, {name}, with other things")
        for bound in bindings(scope, name):
            if isinstance(bound.node, cst.Param):
                self._parameter(bound.node)
            elif isinstance(bound.node, cst.Name):
                self._bound_to(bound.node, other)
            else:
                raise other
            for access in bound.references:
                if isinstance(access.node, cst.Name):
                    self._use(access.node)

    def _bound_to(self, node: cst.Name | cst.Attribute, other: Escapes) -> None:
        """Look at what an assignment binds a name or attribute to."""
        source = self._source
        above = source.parent(node)
        if isinstance(above, cst.AnnAssign) and above.target is node:
            self._annotations(above.annotation)
            self._value(above.value)
            return
        value: cst.BaseExpression | None = None
        if isinstance(above, cst.Element):
            value = value_beside(source, above)
            above = source.parent(source.parent(above))
        elif isinstance(above, cst.AssignTarget):
            value = cst.ensure_type(source.parent(above), cst.Assign).value
        statement = source.parent(above)
        alone = isinstance(statement, cst.Assign) and len(statement.targets) == 1
        if value is None or not alone:
            raise other
        self._value(value)

    def _annotations(self, annotation: cst.Annotation) -> None:
        inside = set(find(annotation, cst.Name, cst.Attribute, cst.SimpleString, deep=True))
        for use in self._source.uses:
            if use.name == self._name and use.node in inside:
                self._annotated[use] = None

    # Parameters --------------------------------------------------------------------------

    def _parameter(self, param: cst.Param) -> None:
        """Look at a parameter: if its type is named, each call of its function is looked at.

        Without a type it does not matter what others call the function with.
        """
        if param.star:
            raise Escapes(f"is handed on as {param.name.value}, with others")
        before = len(self._annotated)
        if param.annotation is not None:
            self._annotations(param.annotation)
        if len(self._annotated) > before:
            self._given(param)

    def _given(self, param: cst.Param) -> None:
        """Look at what all calls of a function have for a parameter."""
        source = self._source
        name = param.name.value
        # A parameter with a type is no lambda's.
        above = cst.ensure_type(source.parent(param), cst.Parameters)
        function = cst.ensure_type(source.parent(above), cst.FunctionDef)
        why = Escapes(f"is handed on as {name}, so that not all that is done can be seen")
        default = param.default
        if function.decorators or (default is not None and not is_none(default)):
            raise why
        owner = source.class_of(function)
        plain = [*above.posonly_params, *above.params]
        place = plain.index(param) if param in plain else -1
        if owner is not None:
            place -= place >= 0
        calls = self._calls(function, owner)
        if not calls:
            raise why
        for call in calls:
            given = [arg for arg in call.args if arg.keyword and arg.keyword.value == name]
            starred = any(arg.star for arg in call.args)
            if not given and 0 <= place < len(call.args) and not call.args[place].keyword:
                given = [call.args[place]]
            if starred or (not given and param.default is None):
                raise why
            for arg in given:
                self._value(arg.value)

    def _calls(self, function: Function, owner: cst.ClassDef | None) -> Sequence[cst.Call]:
        """Return the calls of a function, or of the class that it is the `__init__` of."""
        source = self._source
        if owner is None:
            places = references(source, function)
            if places is None and has_tests(source) and not _is_taken_by_pytest(function):
                places = self._named(function.name)
        elif function.name.value == "__init__":
            places = self._named(owner.name) if self._is_own(owner) else None
        else:
            places = references(source, function)
        if places is None:
            raise Escapes("is handed on to what others may call")
        calls: list[cst.Call] = []
        for place in places:
            above = source.parent(place)
            heir = source.parent(above)
            if isinstance(above, cst.Call) and above.func is place:
                calls.append(above)
            elif isinstance(heir, cst.ClassDef) and owner is not None:
                if heir.decorators or _init(source, heir) is not function:
                    raise Escapes("is handed on to a class that inherits")
                calls += self._calls(function, heir)
            elif not any(isinstance(each, cst.Annotation) for each in source.above(place)):
                raise Escapes(f"is handed on to what line {source.line(place)} names")
        return calls

    def _named(self, name: cst.Name) -> Sequence[cst.CSTNode] | None:
        """Return where the only definition of a name is used."""
        source = self._source
        found = source.assignments(name)
        if len(found) != 1 or not isinstance(found[0], metadata.Assignment):
            return None
        foreign = {attribute_entry(name.value), name.value}
        nested = isinstance(found[0].scope, metadata.FunctionScope)
        used = source.is_imported_elsewhere(name.value)
        if not nested and (used or not foreign.isdisjoint(source.foreign)):
            return None
        return [access.node for access in found[0].references]

    # Attributes --------------------------------------------------------------------------

    def _attribute(self, name: str) -> None:
        source = self._source
        if name in source.foreign or attribute_entry(name) in source.foreign:
            raise Escapes(f"is kept by an attribute, {name}, that another file uses")
        if source.is_reached(name):
            raise Escapes(f"is kept by an attribute, {name}, that {BY_STRING}")
        other = Escapes(f"shares its attribute, {name}, with other things")
        for each in source.classes:
            self._check_class(each, name, other)
        for node in source.attributes.get(name, ()):
            if not is_bound(source, node):
                self._use(node)
                continue
            owner = owner_of(source, node)
            if owner is None:
                raise Escapes(f"is bound to {name} of what may not be this file's own")
            if not is_private(name) and not self._is_own(owner):
                raise Escapes(f"is kept by a public attribute, {name}: others may use it")
            self._bound_to(node, other)

    def _check_class(self, owner: cst.ClassDef, name: str, other: Escapes) -> None:
        """Raise if a class has a method or a value of that name; look at annotations."""
        for each in owner.body.body:
            if isinstance(each, cst.FunctionDef) and each.name.value == name:
                raise other
        for statement in class_statements(owner, name):
            # The fields of a dataclass are arguments of its `__init__`.
            if isinstance(statement, cst.Assign) or owner.decorators:
                raise other
            if statement.value is not None and not is_none(statement.value):
                raise other
            self._annotations(statement.annotation)

    def _is_own(self, owner: cst.ClassDef) -> bool:
        """Say whether nobody outside of this file can have an object of a class."""
        source = self._source
        hidden = (
            owner.name.value.startswith("_")
            or has_tests(source)
            or is_program(source)
            or any(isinstance(each, cst.FunctionDef) for each in source.above(owner))
        )
        if not hidden or source.is_imported_elsewhere(owner.name.value):
            return False
        return not owner.keywords and all(map(self._is_known_base, owner.bases))

    def _is_known_base(self, base: cst.Arg) -> bool:
        source = self._source
        node = base.value
        while isinstance(node, cst.Subscript):
            node = node.value
        base_class = _class_named(source, node)
        if base_class is not None:
            return all(map(self._is_known_base, base_class.bases))
        name = source.imported(node) or (node.value if isinstance(node, cst.Name) else "")
        if name.rpartition(".")[2] in _PLAIN_BASES:
            return True
        return package_entry(name.partition(".")[0]) in source.foreign or _is_relative(
            source, node
        )

    # Where a thing goes to ---------------------------------------------------------------

    def _use(self, node: cst.BaseExpression) -> None:
        """Take a use for one that is looked at later, unless another name gets the thing."""
        if not self._goes_to(node):
            self._references[node] = None

    def _goes_to(self, node: cst.BaseExpression) -> bool:
        """Look at who gets a thing: say whether that is a name of this file."""
        source = self._source
        above = source.parent(node)
        if isinstance(above, cst.AnnAssign) and above.value is node:
            return self._target(above.target)
        if isinstance(above, cst.Assign) and above.value is node:
            return len(above.targets) == 1 and self._target(above.targets[0].target)
        if isinstance(above, cst.Element):
            several = source.parent(above)
            statement = source.parent(several)
            if (
                isinstance(several, cst.Tuple)
                and isinstance(statement, cst.Assign)
                and len(statement.targets) == 1
                and isinstance(targets := statement.targets[0].target, cst.Tuple)
                and len(targets.elements) == len(several.elements)
            ):
                place = list(several.elements).index(above)
                return self._target(targets.elements[place].value)
            return False
        if isinstance(above, cst.Arg) and isinstance(call := source.parent(above), cst.Call):
            return self._argument(above, call)
        return False

    def _target(self, target: cst.BaseExpression) -> bool:
        if isinstance(target, cst.Name):
            self._hold_variable(target)
            return True
        if isinstance(target, cst.Attribute):
            self._hold_attribute(target)
            return True
        return False

    def _argument(self, arg: cst.Arg, call: cst.Call) -> bool:
        """Say whether an argument becomes a parameter of a function or class of this file."""
        source = self._source
        function, offset = self._called(call)
        if function is None or arg.star:
            return False
        params = function.params
        plain = [*params.posonly_params, *params.params]
        found: cst.Param | None = None
        if arg.keyword is not None:
            named = [*params.params, *params.kwonly_params]
            found = next((each for each in named if each.name.value == arg.keyword.value), None)
        else:
            place = list(call.args).index(arg)
            before = call.args[:place]
            if not any(each.star or each.keyword for each in before):
                found = plain[place + offset] if place + offset < len(plain) else None
        if found is None:
            return False
        scope = source.scope(function.body)
        self._holders["variable", (scope, found.name.value)] = None
        return True

    def _called(self, call: cst.Call) -> tuple[Function | None, int]:
        """Return the function that a call runs, and how many parameters it has before."""
        source = self._source
        callee = source.callee(call)
        if callee is not None:
            return callee.function, 0 if callee.owner is None else 1
        owner = _class_named(source, call.func)
        if owner is None or owner.decorators or owner.keywords:
            return None, 0
        if "__new__" in names_in_class(owner):
            return None, 0
        return _init(source, owner), 1


def _class_named(source: Source, name: cst.BaseExpression) -> cst.ClassDef | None:
    """Return the class of this file that a name stands for."""
    found = source.assignments(name) if isinstance(name, cst.Name) else []
    nodes = [each.node for each in found if isinstance(each, metadata.Assignment)]
    if len(found) == 1 and nodes and isinstance(nodes[0], cst.ClassDef):
        return nodes[0]
    return None


def _init(source: Source, owner: cst.ClassDef) -> Function | None:
    """Return the `__init__` that a class has, or gets from its only base."""
    found = [
        each
        for each in owner.body.body
        if isinstance(each, cst.FunctionDef) and each.name.value == "__init__"
    ]
    if found or len(owner.bases) != 1:
        plain = len(found) == 1 and not found[0].decorators
        return found[0] if plain else None
    base = _class_named(source, owner.bases[0].value)
    return None if base is None or base is owner else _init(source, base)


def has_tests(source: Source) -> bool:
    """Say whether a file is one of tests, which nobody imports."""
    return TEST_FILE in source.foreign


def _is_taken_by_pytest(function: Function) -> bool:
    return function.name.value.startswith(("test", "pytest_")) or bool(function.decorators)


def _is_relative(source: Source, node: cst.BaseExpression) -> bool:
    """Say whether a name comes from an import that is relative."""
    while isinstance(node, cst.Attribute):
        node = node.value
    if not isinstance(node, cst.Name):
        return False
    return any(
        isinstance(bound, metadata.ImportAssignment)
        and isinstance(bound.node, cst.ImportFrom)
        and bool(bound.node.relative)
        for bound in source.assignments(node)
    )
