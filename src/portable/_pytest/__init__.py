"""The parts of `portable.pytest_plugin`, one module each.

pytest loads the plugin in every run of everyone who has portable installed. So the plugin
imports a module of this package only in a run that uses it.
"""
