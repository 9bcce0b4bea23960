"""What other files of a project do with names, as entries of one set of strings.

`neighbours` makes the set for each file, and `Source.foreign` keeps it for the rules. A bare
name stands for a private attribute that another file uses. All else has an entry of its kind.
"""

from __future__ import annotations

import re

TEST_FILE = "file of tests"
"""Stands in `foreign` of a file that has tests, by its name or folder."""
MODULE = "module "
"""Begins each entry of `module_entry()`."""


def is_private(name: str) -> bool:
    """Say whether a name is private, and no special method's."""
    return name.startswith("_") and not name.endswith("__")


def kept_as(name: str) -> str:
    """Return the private name that Python keeps as `_Door__lock`: `__lock`; or the name."""
    found = _KEPT_AS.fullmatch(name)
    return name if found is None else found[1]


_KEPT_AS = re.compile(r"_[^\W_]\w*?(__\w*[^\W_]_?)")


def handled_entry(name: str) -> str:
    """Return the entry for a private attribute that another file does not only enter."""
    return f"handled {name}"


UNLIKE = ("clear", "locked")
"""The methods of events and locks that AnyIO's have not, or in another way."""


def unlike_entry(name: str) -> str:
    """Return the entry for a name of which another file asks what AnyIO's objects have not."""
    return f"unlike {name}"


def method_entry(name: str) -> str:
    """Return the entry for a method that a class with bases defines."""
    return f"def {name}"


def attribute_entry(name: str) -> str:
    """Return the entry for an attribute that another file uses or binds."""
    return f"attribute {name}"


def event_entry(name: str) -> str:
    """Return the entry for an attribute that another file binds to an event."""
    return f"event {name}"


def bound_entry(name: str) -> str:
    """Return the entry for an attribute that another file binds otherwise."""
    return f"bound {name}"


def package_entry(name: str) -> str:
    """Return the entry for a package of the same project."""
    return f"package {name}"


def free_entry(name: str) -> str:
    """Return the entry for an import of the project's that needs no loop of asyncio's."""
    return f"free {name}"


def needing_entry(name: str) -> str:
    """Return the entry for an import of the project's that is seen to need asyncio's loop."""
    return f"needing {name}"


def module_entry(name: str) -> str:
    """Return the entry for the first word of an import of another file."""
    return f"{MODULE}{name}"


def import_entry(name: str) -> str:
    """Return the entry for a name that is imported from a file."""
    return f"import {name}"


def patched_entry(name: str, module: str = "") -> str:
    """Return the entry for a name that another file replaces in a module, by its last word.

    Args:
        name: the name.
        module: the module's last word; empty: this file's.
    """
    return f"patched {module} {name}"


def star_entry(module: str) -> str:
    """Return the entry for a star import of a module, by its last word; empty: a package."""
    return f"star {module}"


def fixture_entry(name: str) -> str:
    """Return the entry for a fixture that another file has by pytest-asyncio."""
    return f"fixture {name}"


def request_entry(name: str) -> str:
    """Return the entry for a fixture that a function of another file takes."""
    return f"request {name}"
