"""How many processor cores there are for this process."""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path

# What a container may use: "max 100000", or microseconds of processor time in a period of so many.
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Those it is bound to (by taskset, for one), and no more than its container is given."""
    cores = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = _QUOTA.read_text().split()
        if quota != "max":
            cores = min(cores, math.ceil(int(quota) / int(period)))
    return max(1, cores)
