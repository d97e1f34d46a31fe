"""How many CPUs this process may use."""

from __future__ import annotations

import math
import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_QUOTA_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")
_PERIOD_V1 = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")


def available_cpus() -> int:
    """CPUs that this process may run on, and that its container's quota pays for; at least 1.

    Libraries start a thread for each core they see. More threads than the quota pays for are stopped together for the
    rest of each period, the one that the others wait for among them.
    """
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota()
    return own if quota is None else max(1, min(own, math.ceil(quota)))


def _quota() -> float | None:
    """CPUs that the container's quota pays for; None where there is none."""
    for files in ((_QUOTA,), (_QUOTA_V1, _PERIOD_V1)):
        try:
            quota, period = " ".join(file.read_text("ascii") for file in files).split()
            return int(quota) / int(period) if int(quota) > 0 else None
        except (OSError, ValueError):  # no such file; or "max", which is no number
            continue
    return None
