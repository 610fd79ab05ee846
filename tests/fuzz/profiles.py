"""How long the fuzz goes on: a fixed and repeatable part in `make test`, more in `make fuzz`.

`FUZZ` is the number of examples of each test; without it, few, and the same each time.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

LONG = int(os.environ.get("FUZZ", "0"))

budget = settings(
    max_examples=LONG or 60,
    derandomize=not LONG,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
