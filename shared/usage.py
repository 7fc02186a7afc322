"""What the stage itself used, by the operating system's own accounts."""

from __future__ import annotations

import resource
import time
from typing import Dict, Final

KIB_PER_MIB: Final = 1024


class UsageMeter:
    """Measures from its creation on; worker processes count once they have ended."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._cpu_seconds = _cpu_seconds()

    def seconds(self) -> float:
        """How long it has been measuring."""
        return time.monotonic() - self._started

    def read(self) -> Dict[str, float]:
        """CPU in percent of one core and in seconds, the largest resident memory in MiB."""
        cpu_seconds = _cpu_seconds() - self._cpu_seconds
        peak_kib = max(
            resource.getrusage(who).ru_maxrss
            for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        )
        return {
            "cpu_percent": round(100 * cpu_seconds / max(self.seconds(), 1e-3), 1),
            "cpu_time_seconds": round(cpu_seconds, 3),
            "memory_mb": round(peak_kib / KIB_PER_MIB, 1),
        }


def _cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    workers = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime
