"""Say whether a tag may be published: `python .ci/release.py v1.2.0`."""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def problems(tag: str) -> list[str]:
    """Return what speaks against it, in words that say what to do."""
    configured = (ROOT / "pyproject.toml").read_text("utf-8")
    version = tomllib.loads(configured)["project"]["version"]
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## (.+)$", changelog, re.MULTILINE)
    found = []
    if tag != f"v{version}":
        found.append(f"the tag is {tag!r} and the version {version!r}: make them agree")
    if newest is None or newest[1] != version:
        found.append(f"CHANGELOG.md has to begin with `## {version}`, without `(unreleased)`")
    if ".example" in configured:
        found.append("pyproject.toml has addresses below `.example`: write the project's own")
    return found


if __name__ == "__main__":
    against = problems(sys.argv[1] if len(sys.argv) > 1 else "")
    sys.exit("\n".join(against) or None)
