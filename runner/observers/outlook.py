"""How long a stage will take, learnt from how long it took for media of other lengths."""

from dataclasses import dataclass, field, replace
from typing import Final

SAME_SIZE: Final = 1e-6
"""Sizes that differ by less, squared and relative to their mean, tell nothing about a slope."""


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much there is of a job: bytes of input, and seconds of media where somebody said it.

    A length that ``is_of_old`` was said in an earlier call, perhaps of another film.
    """

    input_bytes: int = 0
    media_seconds: float | None = None
    is_of_old: bool = False

    def of_length(self, seconds: float) -> "Extent":
        """The same when a stage says how long its media is; some see a part of the whole only."""
        least = 0.0 if self.is_of_old else self.media_seconds or 0.0
        return replace(self, media_seconds=max(seconds, least), is_of_old=False)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Sums over what was seen of one stage: sizes in bytes or in seconds, times in seconds."""

    count: int = 0
    sizes: float = 0.0
    times: float = 0.0
    squares: float = 0.0
    products: float = 0.0

    def and_one(self, size: float, seconds: float) -> "_Seen":
        """With one more."""
        return _Seen(
            count=self.count + 1,
            sizes=self.sizes + size,
            times=self.times + seconds,
            squares=self.squares + size * size,
            products=self.products + size * seconds,
        )

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
    """Learns of stages that have ended, and says what to expect of others.

    The length of the media says more than the size of the files, which is known from the start.
    One thread may learn while others ask: what was seen of a stage is replaced whole.
    """

    _by_bytes: dict[str, _Seen] = field(default_factory=dict)
    _by_length: dict[str, _Seen] = field(default_factory=dict)

    def learn(self, stage: str, extent: Extent, seconds: float) -> None:
        """Take note of how long a stage took in a job of that extent."""
        _take(self._by_bytes, stage, extent.input_bytes, seconds)
        if extent.media_seconds:
            _take(self._by_length, stage, extent.media_seconds, seconds)

    def seconds(self, stage: str, extent: Extent) -> float | None:
        """What to expect; None of a stage that was never seen: stages have little in common."""
        if stage not in self._by_bytes:
            return None
        if extent.media_seconds and stage in self._by_length:
            return self._by_length[stage].seconds(extent.media_seconds)
        return self._by_bytes[stage].seconds(extent.input_bytes)


def _take(seen: dict[str, _Seen], stage: str, size: float, seconds: float) -> None:
    seen[stage] = seen.get(stage, _Seen()).and_one(size, seconds)
