"""The tests, a folder for each room.

Properties are tried with the same values every time, and however long that takes: a test fails because of the
code, not of the day or the machine.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "same every time", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same every time")
