"""Nodes that several rules write: expressions, arguments, commas and equals signs."""

from __future__ import annotations

import libcst as cst

NO_SPACE = cst.SimpleWhitespace("")
COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
EQUAL = cst.AssignEqual(NO_SPACE, NO_SPACE)
DEFAULT = cst.MaybeSentinel.DEFAULT
"""In the place of a comma, parenthesis or semicolon: LibCST writes one where one is needed."""


def expression(code: str) -> cst.BaseExpression:
    """Return a piece of code as a node."""
    return cst.parse_expression(code)


def keyword_argument(name: str, value: cst.BaseExpression) -> cst.Arg:
    """Return the argument `name=value`."""
    return cst.Arg(value, keyword=cst.Name(name), equal=EQUAL)
