"""How much of the machine the container may use."""

from __future__ import annotations

import os
from pathlib import Path

# stagerun: ignore[ST306] the kernel's
_CONTROL = Path("/sys/fs/cgroup")


def processors(control: Path = _CONTROL) -> int:
    """How many processors the container's limit stands for; those of the machine without one."""
    for quota, period in (
        ("cpu.max", "cpu.max"),
        ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us"),
    ):
        try:
            allowed = (control / quota).read_text().split()[0]
            window = (control / period).read_text().split()[-1]
            limit = round(int(allowed) / int(window))
        except (OSError, ValueError, IndexError):  # no such file, or "max"
            continue
        if int(allowed) > 0:  # -1 is no limit
            return max(1, limit)
    return os.cpu_count() or 1
