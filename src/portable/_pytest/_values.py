"""The values of the `anyio_backend` fixture, and the backends that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from portable._backends import BACKENDS

Value: TypeAlias = str | tuple[str, dict[str, Any]]

# One object for each backend in the whole run: pytest keeps a fixture of higher scope alive
# as long as the value that it was made with is the same.
_VALUES: dict[str, Value] = {
    name: (backend.anyio_backend, dict(backend.anyio_options))
    if backend.anyio_options
    else backend.anyio_backend
    for name, backend in BACKENDS.items()
}


class NamedOptions(dict[str, Any]):
    """AnyIO's `backend_options` with the name of the backend, which they may not show."""

    def __init__(self, backend: str, options: Mapping[str, Any]) -> None:
        super().__init__(options)
        self.backend = backend


def value_of(name: str) -> Value:
    """Return the fixture's value for a backend."""
    return _VALUES[name]


def split(value: object) -> tuple[str, Mapping[str, Any]] | None:
    """Split a fixture's value into AnyIO's backend name and options; `None`: it is another."""
    match value:
        case str(name):
            return name, {}
        case (str(name), dict(options)):
            return name, options
        case _:
            return None


def name_of(value: object) -> str | None:
    """Return the backend that a fixture's value stands for; `None`: unknown.

    It is unknown for a value that AnyIO does not know: a project's fixture may have any params,
    and make AnyIO's values from them.
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
