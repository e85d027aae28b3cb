"""What holds for every test: no example of a property has a deadline.

Hypothesis fails an example that takes more than 200 ms, and a test whose examples are
drawn slowly.  A busy machine is slow at both, and a slow machine is not a fault.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "unhurried",
    parent=settings(),
    deadline=None,
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.too_slow],
)
settings.load_profile("unhurried")
