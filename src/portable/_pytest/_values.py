"""What the `anyio_backend` fixture gives, and which backend of portable's that is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from portable._backends import BACKENDS

Value: TypeAlias = str | tuple[str, dict[str, Any]]

# One object a backend for the whole run: pytest keeps fixtures of higher scope alive as long
# as the value that they were made with stays the same.
_VALUES: dict[str, Value] = {
    name: (backend.anyio_backend, dict(backend.anyio_options))
    if backend.anyio_options
    else backend.anyio_backend
    for name, backend in BACKENDS.items()
}


class NamedOptions(dict[str, Any]):
    """Options that know the backend they choose, where it can't be seen from them."""

    def __init__(self, backend: str, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.backend = backend


def value_of(name: str) -> Value:
    """Return what the fixture has to give for a test to run on that backend."""
    return _VALUES[name]


def split(value: object) -> tuple[str, Mapping[str, Any]] | None:
    """Return AnyIO's name and options out of a fixture's value; `None` if it is none."""
    match value:
        case str(name):
            return name, {}
        case (str(name), dict(options)):
            return name, options
        case _:
            return None


def name_of(value: object) -> str | None:
    """Return the backend that a fixture's value stands for; `None` if that can't be told.

    It can't for a value that is no value of AnyIO's, as the param of a fixture that makes
    one out of it.
    """
    parts = split(value)
    if parts is None or parts[0] not in ("asyncio", "trio"):
        return None
    name, options = parts
    if isinstance(options, NamedOptions):
        return options.backend
    if name == "asyncio":
        factory = options.get("loop_factory")
        home = str(getattr(factory, "__module__", "")).partition(".")[0]
        if home == "uvloop" or (factory is None and options.get("use_uvloop")):
            return "uvloop"
    return name
