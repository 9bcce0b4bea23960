"""What the hooks of `portable.pytest_plugin` do, one module a part.

The plugin is loaded in every pytest run of everyone who has portable installed, so nothing
here is imported before a run makes use of it.
"""
