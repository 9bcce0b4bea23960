"""A thing: an object that a class of asyncio's makes, and every place where it is used.

A thing that one name keeps can be exchanged for another when all that is done with it can be
seen: a variable of a function, which nothing else is bound to; or a private attribute that is
used through `self` in its class alone. What is handed on, returned or stored elsewhere cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst
from libcst import metadata

from .calls import call_of
from .decision import Edit, renaming
from .foreign import handled_entry, is_private
from .simple import in_string
from .source import Source, Use, bindings, is_bound
from .tree import find, is_none, is_self


@dataclass(frozen=True, slots=True)
class Thing:
    """An object that a class of asyncio's makes.

    Attributes:
        name: the variable or attribute that keeps it.
        made: the uses of the class that make it.
        annotated: the uses of the class that annotate what keeps it.
        references: where it is used, each a `Name` or `self.name`.
    """

    name: str
    made: tuple[Use, ...]
    annotated: tuple[Use, ...]
    references: tuple[cst.BaseExpression, ...]

    @property
    def uses(self) -> tuple[Use, ...]:
        """All uses of the class that are about it."""
        return self.made + self.annotated


_ENTERED = frozenset(
    f"asyncio.{name}" for name in ("Lock", "Semaphore", "BoundedSemaphore", "Condition")
)
"""What another file may enter by `async with`: that is the same for AnyIO's."""


class Escapes(Exception):
    """Not all that is done with a thing can be seen: why, and at most what to write instead."""


NOT_MADE = "is not made here, but named: for a type, or to be called elsewhere"
NOT_KEPT = "is not kept by a variable or attribute of its own"
AT_IMPORT = "is made when the module is imported: AnyIO's would belong to the first loop"
BY_STRING = "a string names, or code outside of its class"
OTHER_THINGS = "is kept by a name that is bound to other things as well"


def thing_of(source: Source, use: Use) -> Thing:
    """Return the thing that a use makes.

    Raises:
        Escapes: not all that is done with it can be seen.
    """
    call = call_of(source, use)
    if call is None:
        raise Escapes(NOT_MADE)
    target = _target(source.parent(call), call)
    if isinstance(target, cst.Name):
        return _variable(source, use, target)
    if isinstance(target, cst.Attribute) and is_self(target.value):
        return _attribute(source, use, target)
    raise Escapes(NOT_KEPT)


def _target(statement: cst.CSTNode, value: cst.BaseExpression) -> cst.CSTNode | None:
    if isinstance(statement, cst.AnnAssign) and statement.value is value:
        return statement.target
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        return statement.targets[0].target
    return None


def _variable(source: Source, use: Use, target: cst.Name) -> Thing:
    scope = source.scope(target)
    if not isinstance(scope, metadata.FunctionScope):
        raise Escapes(AT_IMPORT)
    made: list[Use] = []
    annotated: list[Use] = []
    references: list[cst.CSTNode] = []
    for bound in bindings(source.scope(target), target.value):
        statement = _statement_that_binds(source, bound.node)
        if statement is None:
            raise Escapes(f"shares its name, {target.value}, with other things")
        one = _made_by(source, use.name, statement)
        if one is not None:
            made.append(one)
        annotated += _annotations(source, use.name, statement)
        references += [access.node for access in bound.references]
    plain = [node for node in dict.fromkeys(references) if isinstance(node, cst.Name)]
    return Thing(target.value, tuple(made), tuple(annotated), tuple(plain))


def _attribute(source: Source, use: Use, target: cst.Attribute) -> Thing:
    name = target.attr.value
    owner = owner_of(source, target)
    if owner is None:
        raise Escapes("is kept by an attribute outside of a class")
    if not is_private(name):
        raise Escapes(f"is kept by a public attribute, {name}: others may use it")
    if (handled_entry(name) if use.name in _ENTERED else name) in source.foreign:
        raise Escapes(f"is kept by an attribute, {name}, that another file uses")
    if source.is_reached(name):
        raise Escapes(f"is kept by an attribute, {name}, that {BY_STRING}")
    made: list[Use] = []
    annotated: list[Use] = []
    references: list[cst.BaseExpression] = []
    for node in source.attributes.get(name, ()):
        statement = _statement_that_binds(source, node)
        if owner_of(source, node) is not owner:
            if not is_self(node.value) or not _has_its_own(source, node):
                line = source.line(node)
                raise Escapes(f"is kept by {name}, which line {line} uses from elsewhere")
        elif statement is None and is_bound(source, node):
            raise Escapes(f"shares its attribute, {name}, with other things")
        elif statement is None:
            references.append(node)
        else:
            one = _made_by(source, use.name, statement)
            if one is not None:
                made.append(one)
            annotated += _annotations(source, use.name, statement)
    for shared in class_statements(owner, name):
        if _made_by(source, use.name, shared) is not None:
            raise Escapes(f"is shared by the class, as {name}")
        annotated += _annotations(source, use.name, shared)
    return Thing(name, tuple(made), tuple(annotated), tuple(references))


def class_statements(owner: cst.ClassDef, name: str) -> Iterator[cst.Assign | cst.AnnAssign]:
    """Return the statements of a class's body that bind a name."""
    for line in owner.body.body:
        for each in line.body if isinstance(line, cst.SimpleStatementLine) else ():
            if isinstance(each, (cst.Assign, cst.AnnAssign)) and name in _bound_names(each):
                yield each


def owner_of(source: Source, node: cst.Attribute) -> cst.ClassDef | None:
    """Return the class in whose methods `self.name` stands; `None` for all else."""
    if not is_self(node.value):
        return None
    function = source.function_of(node)
    while function is not None:
        owner = source.class_of(function)
        if owner is not None:
            return owner
        function = source.function_of(function)
    return None


def _has_its_own(source: Source, node: cst.Attribute) -> bool:
    """Say whether the class around `self.name` binds that name itself."""
    owner = owner_of(source, node)
    return owner is not None and any(
        owner_of(source, each) is owner
        and is_bound(source, each)
        and (not owner.bases or _is_always_run(source, each))
        for each in source.attributes[node.attr.value]
    )


def _is_always_run(source: Source, node: cst.CSTNode) -> bool:
    """Say whether a node stands in a line of an `__init__` itself."""
    function = source.function_of(node)
    if function is None or function.name.value != "__init__":
        return False
    kinds = (cst.BaseStatement, cst.SimpleStatementSuite)
    line = next(each for each in source.above(node) if isinstance(each, kinds))
    return function.body in (line, source.parent(line))


def value_beside(source: Source, element: cst.BaseElement) -> cst.BaseExpression | None:
    """Return what an element is bound to in `a, b = f(), g()`; `None`: it is another form."""
    names = source.parent(element)
    target = source.parent(names)
    statement = source.parent(target)
    if not isinstance(names, cst.Tuple) or not isinstance(target, cst.AssignTarget):
        return None
    if not isinstance(statement, cst.Assign) or not isinstance(statement.value, cst.Tuple):
        return None
    elements, values = names.elements, statement.value.elements
    starred = any(isinstance(each, cst.StarredElement) for each in (*elements, *values))
    if starred or len(elements) != len(values):
        return None
    return values[list(elements).index(element)].value


def names_in_class(owner: cst.ClassDef) -> Iterator[str]:
    """Return the names of what the body of a class defines or binds."""
    for each in owner.body.body:
        if isinstance(each, (cst.FunctionDef, cst.ClassDef)):
            yield each.name.value
        for small in each.body if isinstance(each, cst.SimpleStatementLine) else ():
            if isinstance(small, (cst.Assign, cst.AnnAssign)):
                yield from _bound_names(small)


def _bound_names(statement: cst.Assign | cst.AnnAssign) -> list[str]:
    targets = (
        [each.target for each in statement.targets]
        if isinstance(statement, cst.Assign)
        else [statement.target]
    )
    return [each.value for each in targets if isinstance(each, cst.Name)]


def _statement_that_binds(
    source: Source, node: cst.CSTNode
) -> cst.Assign | cst.AnnAssign | None:
    """Return the assignment whose only target a node is."""
    above = source.parent(node)
    if isinstance(above, cst.AnnAssign) and above.target is node:
        return above
    if isinstance(above, cst.AssignTarget):
        statement = source.parent(above)
        if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
            return statement
    return None


def _made_by(source: Source, name: str, statement: cst.Assign | cst.AnnAssign) -> Use | None:
    """Return the use of a class by which an assignment makes an object; `None`: it is None."""
    value = statement.value
    if value is None or is_none(value):
        return None
    use = source.use_at(value.func) if isinstance(value, cst.Call) else None
    if use is not None and use.name == name and not use.doubt:
        return use
    raise Escapes(OTHER_THINGS)


def _annotations(
    source: Source, name: str, statement: cst.Assign | cst.AnnAssign
) -> Iterator[Use]:
    if isinstance(statement, cst.AnnAssign):
        inside = set(find(statement.annotation, *_NAMES, deep=True))
        for use in source.uses:
            if use.name == name and use.node in inside:
                yield use


_NAMES = (cst.Name, cst.Attribute, cst.SimpleString)


def renamed(uses: Sequence[Use], new: str) -> dict[cst.CSTNode, Edit]:
    """Return the edits that put a name in the place of annotations."""
    return {
        use.node: renaming(new)
        if isinstance(use.node, (cst.Name, cst.Attribute))
        else in_string(use, new)
        for use in uses
    }


# What is done with a thing ---------------------------------------------------------------


def is_tested(source: Source, reference: cst.CSTNode) -> bool:
    """Say whether a reference only asks if the thing is there: `is None`, `if x`, `not x`."""
    above = source.parent(reference)
    if isinstance(above, cst.Comparison):
        operators = [each.operator for each in above.comparisons]
        return all(isinstance(each, (cst.Is, cst.IsNot)) for each in operators)
    if isinstance(above, cst.ComparisonTarget):
        return isinstance(above.operator, (cst.Is, cst.IsNot))
    if isinstance(above, (cst.If, cst.While, cst.IfExp, cst.Assert)):
        return above.test is reference
    if isinstance(above, cst.UnaryOperation):
        return isinstance(above.operator, cst.Not)
    return False


def entered_by(source: Source, reference: cst.CSTNode) -> cst.With | None:
    """Return the `async with` that a reference is entered by, without a name."""
    item = source.parent(reference)
    if not isinstance(item, cst.WithItem) or item.asname is not None:
        return None
    block = source.parent(item)
    return block if isinstance(block, cst.With) and block.asynchronous else None
