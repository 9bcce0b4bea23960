"""How many programs are written: 250 by default, 20,000 with `--hypothesis-profile=long`.

By default they are the same each time, so that a build says something of the change it
builds; the long run writes new ones each time, and is there to find what nobody thought of.
"""

from hypothesis import HealthCheck, Phase, settings

_common = settings(
    deadline=None,
    database=None,
    print_blob=True,
    # Programs are slow to run beside being slow to draw; and what Phase.explain would say,
    # which lines of the statements ran, is no help.
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
)
settings.register_profile("random-programs", _common, max_examples=250, derandomize=True)
# The profile that all tests have writes the same each time.
settings.register_profile("long", _common, max_examples=20_000, derandomize=False)
