"""How long a stage will take, learnt from how long it took for inputs of other sizes."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

SAME_SIZE: Final = 1e-6
"""Sizes that differ by less, squared and relative to their mean, tell nothing about a slope."""


@dataclass
class _Seen:
    """Sums over what was seen of one stage: sizes in bytes, times in seconds."""

    count: int = 0
    sizes: float = 0.0
    times: float = 0.0
    squares: float = 0.0
    products: float = 0.0

    def seconds(self, size: float) -> float:
        """A start and a rate that fit what was seen best, neither of them below nothing."""
        mean_size, mean_time = self.sizes / self.count, self.times / self.count
        spread = self.squares / self.count - mean_size**2
        if spread <= SAME_SIZE * mean_size**2:
            return mean_time * size / mean_size if mean_size else mean_time
        slope = (self.products / self.count - mean_size * mean_time) / spread
        start = mean_time - slope * mean_size
        if slope < 0:
            return mean_time
        return start + slope * size if start > 0 else size * self.products / self.squares


@dataclass
class Outlook:
    """Learns of stages that have ended, and says what to expect of others."""

    _seen: defaultdict[str, _Seen] = field(default_factory=lambda: defaultdict(_Seen))

    def learn(self, stage: str, input_bytes: int, seconds: float) -> None:
        """Take note of how long a stage took in a job with so many bytes of input."""
        seen, size = self._seen[stage], float(input_bytes)
        seen.count += 1
        seen.sizes += size
        seen.times += seconds
        seen.squares += size * size
        seen.products += size * seconds

    def seconds(self, stage: str, input_bytes: int) -> float | None:
        """What to expect; of a stage that was never seen, what others take on average.

        None while nothing was seen at all.
        """
        if stage in self._seen:
            return self._seen[stage].seconds(input_bytes)
        known = [seen.seconds(input_bytes) for seen in tuple(self._seen.values())]
        return sum(known) / len(known) if known else None
