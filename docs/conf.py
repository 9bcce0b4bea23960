"""The site: `tox -e docs` builds it, and takes every warning for an error."""

import sys
from importlib import metadata
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "portable"
author = "the authors of portable"
copyright = author  # noqa: A001 - the name that Sphinx reads
version = release = metadata.version("portable-tasks")

extensions = [
    "listings",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]

# -- pages -------------------------------------------------------------------------------
# Directives stand between colons. A fence of backticks is a program or its output, and the
# tests run it.
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4
nitpicky = True
smartquotes = False
linkcheck_timeout = 20

# -- docstrings --------------------------------------------------------------------------
# They are Markdown of the simplest kind: one pair of backticks is code.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False
# Other projects' names lead nowhere: their indexes are not here when the site is built.
# Nor do type variables, and what stands in a module that is not public.
nitpick_ignore_regex = [
    ("py:.*", r"(?!portable\b).*"),
    ("py:class", r"portable\.(_\w+|\w+\.\w+)\.\w+"),
]

# -- looks -------------------------------------------------------------------------------
html_theme = "furo"
html_title = f"portable {release}"
html_copy_source = False
html_static_path = ["pictures"]  # the README's, for whoever reads it elsewhere
html_show_sphinx = False
html_theme_options = {"footer_icons": [], "top_of_page_buttons": []}
# What a reader copies of a terminal is what is typed.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True
copybutton_line_continuation_character = "\\"
