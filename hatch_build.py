"""What the wheel holds besides the package: the text of the documentation.

A hook, and no table `force-include`: an editable install, which reads the pages where they are,
would get copies that grow old.
"""

from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Pages(BuildHookInterface):
    """Puts the pages of `docs/` where `portable docs` looks for them."""

    def initialize(self, version, build_data):
        """Name each page and its place in the wheel."""
        if version == "editable":
            return
        docs = Path(self.root, "docs")
        for page in docs.glob("*/*.md"):
            build_data["force_include"][str(page)] = (
                f"portable/_docs/{page.parent.name}/{page.name}"
            )
