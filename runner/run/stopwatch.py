"""What the runner's own work costs, step by step, in milliseconds."""

import time
from dataclasses import dataclass, field


@dataclass
class Stopwatch:
    """Names the time since the last lap."""

    _last: float = field(default_factory=time.monotonic)
    laps_ms: dict[str, float] = field(default_factory=dict)

    def lap(self, name: str) -> None:
        """The time since the last lap was spent on ``name``."""
        now = time.monotonic()
        self.laps_ms[name] = self.laps_ms.get(name, 0.0) + (now - self._last) * 1000
        self._last = now

    def split(self, **parts_ms: float) -> None:
        """The time since the last lap had these parts, measured elsewhere."""
        self.laps_ms.update(parts_ms)
        self._last = time.monotonic()
