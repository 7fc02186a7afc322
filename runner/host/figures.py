"""What many measurements of one figure say together, in constant space."""

from dataclasses import dataclass
from typing import TypeVar

Figure = TypeVar("Figure", int, float)


def largest(first: Figure | None, second: Figure | None) -> Figure | None:
    """The larger of two figures of which either may be unknown."""
    if first is None or second is None:
        return second if first is None else first
    return max(first, second)


@dataclass(slots=True)
class TimeMean:
    """Mean over time: a figure counts for the time since the one before."""

    _weighted: float = 0.0
    _seconds: float = 0.0
    _last: float | None = None

    def add(self, figure: float | None, seconds: float) -> None:
        """Take a figure in that was measured that long after the one before; None is unknown."""
        if figure is None:
            return
        self._last = figure
        self._weighted += figure * seconds
        self._seconds += seconds

    def merge(self, later: "TimeMean") -> None:
        """Take in what was measured in the time that followed."""
        self._weighted += later._weighted
        self._seconds += later._seconds
        self._last = self._last if later._last is None else later._last

    def value(self) -> float | None:
        """The mean up to now; None where the figure was never known."""
        return self._weighted / self._seconds if self._seconds else self._last
