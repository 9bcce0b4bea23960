"""Stands in for maturin where a package's sources are wanted and nothing is built of them.

pip asks a package's own build backend for its metadata before it hands out an sdist, and
maturin asks Rust's registry for that. An sdist has its metadata in `PKG-INFO`.
"""

from __future__ import annotations

import pathlib
import re


def get_requires_for_build_wheel(config_settings: object = None) -> list[str]:
    """Need nothing."""
    return []


def prepare_metadata_for_build_wheel(folder: str, config_settings: object = None) -> str:
    """Return the folder that the metadata was laid into."""
    text = pathlib.Path("PKG-INFO").read_text("utf-8")
    name, version = (
        re.search(rf"^{key}: (.+)$", text, re.MULTILINE) for key in ("Name", "Version")
    )
    assert name is not None
    assert version is not None
    place = pathlib.Path(folder) / f"{name[1].replace('-', '_')}-{version[1]}.dist-info"
    place.mkdir()
    (place / "METADATA").write_text(text, "utf-8")
    (place / "WHEEL").write_text("Wheel-Version: 1.0\nTag: py3-none-any\n")
    return place.name
