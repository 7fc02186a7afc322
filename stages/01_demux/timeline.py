"""Lays pieces of sound where their times say, with silence between them."""

from __future__ import annotations

from typing import Iterator, Optional

_BYTES_AT_ONCE = 1 << 16  # a gap may last for hours; its silence must not lie in memory
_TOLERANCE_SECONDS = 0.05  # Matroska rounds times to milliseconds, and clocks of tuners drift


class Timeline:
    """The sound of a clip, from sample `first` to before sample `last` of the film.

    Without a `last` it ends with the sound. `sample_bytes` is the size of one moment, that is of
    one sample of every channel.
    """

    def __init__(self, rate_hz: int, sample_bytes: int, first: int, last: Optional[int]) -> None:
        self._tolerance = round(_TOLERANCE_SECONDS * rate_hz)
        self._sample_bytes = sample_bytes
        self._first = first
        self._last = last
        self._position = 0
        self._silence = bytes(_BYTES_AT_ONCE // sample_bytes * sample_bytes)
        self.is_begun = False

    @property
    def is_complete(self) -> bool:
        """Whether whatever comes now is after the clip."""
        return self._last is not None and self._position >= self._last

    @property
    def written(self) -> int:
        """How many samples of the clip are laid."""
        return max(0, self._position - self._first)

    def lay(self, start: int, sound: bytes) -> Iterator[bytes]:
        """What to write for sound that starts at this sample of the film: silence before, and it.

        What would cover sound that is laid already, or comes before the film's start, is dropped.
        """
        gap = start - self._position
        if self.is_begun and abs(gap) <= self._tolerance:
            gap = 0
        self.is_begun = True
        if gap > 0:
            yield from self._silence_of(gap)
        kept = sound[max(0, -gap) * self._sample_bytes :]
        yield from self._within_clip(kept)

    def _silence_of(self, samples: int) -> Iterator[bytes]:
        missing = samples * self._sample_bytes
        while missing > 0 and not self.is_complete:
            piece = self._silence[:missing]
            missing -= len(piece)
            yield from self._within_clip(piece)

    def _within_clip(self, sound: bytes) -> Iterator[bytes]:
        begin, end = self._position, self._position + len(sound) // self._sample_bytes
        self._position = end
        first = max(begin, self._first)
        last = end if self._last is None else min(end, self._last)
        if first < last:
            size = self._sample_bytes
            yield sound[(first - begin) * size : (last - begin) * size]
