"""The film's sound with all its channels, read piece by piece, and its levels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, Optional, Tuple

import numpy as np
import soundfile
import soxr
from separation_method import Levels
from sound_layout import Layout, find_layout, stated_layout

from shared.recording import SAMPLE_RATE_HZ, RecordingError

_BLOCK_SECONDS = 10

Progress = Callable[[float], None]
"""Gets the seconds done."""


@dataclass(frozen=True)
class Sounds:
    """The recording that all stages share, and what it was made of, if there is more."""

    audio: Path
    surround: Optional[Path]
    probe: Optional[Path]


class FilmSound:
    """A file with any number of channels and any sample rate, opened.

    Raises RecordingError for a file that cannot be read, also while it is read.
    """

    def __init__(self, path: Path) -> None:
        self._name = path.name
        try:
            self._file = soundfile.SoundFile(str(path))
        except soundfile.LibsndfileError as error:
            raise self._damaged(error) from error
        self.channels = int(self._file.channels)
        self.rate = int(self._file.samplerate)
        self.seconds = int(self._file.frames) / self.rate

    def __enter__(self) -> FilmSound:  # noqa: PYI034 (Self came with Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def blocks(self) -> Iterator[np.ndarray]:
        """All of it from the start: floats from -1 to 1, shape (samples, channels)."""
        try:
            self._file.seek(0)
            while len(block := self._file.read(_BLOCK_SECONDS * self.rate, "float32", True)):
                yield block
        except soundfile.LibsndfileError as error:
            raise self._damaged(error) from error

    def resampled(
        self, choose: Callable[[np.ndarray], np.ndarray], rate: int = SAMPLE_RATE_HZ
    ) -> Iterator[np.ndarray]:
        """The channels that `choose` makes of each block, at another sample rate; no delay."""
        resampler, nothing = None, np.zeros((0, 1), np.float32)
        for block in self.blocks():
            chosen = np.ascontiguousarray(choose(block), dtype=np.float32)
            if self.rate == rate:
                yield chosen
                continue
            if resampler is None:
                resampler = soxr.ResampleStream(self.rate, rate, chosen.shape[1], "float32")
                nothing = chosen[:0]
            yield resampler.resample_chunk(chosen)
        if resampler is not None:
            yield resampler.resample_chunk(nothing, last=True)

    def _damaged(self, error: Exception) -> RecordingError:
        return RecordingError(
            f"{self._name} cannot be read: {error}. Run the stage that wrote it again."
        )


def open_sound(sounds: Sounds) -> Tuple[FilmSound, Layout]:
    """The sound with all its channels, or the recording where that is all there is."""
    sound = FilmSound(sounds.surround or sounds.audio)
    stated = stated_layout(sounds.probe) if sounds.surround and sounds.probe else None
    return sound, find_layout(sound.channels, stated)


def measure(sound: FilmSound) -> Levels:
    """The levels of all of the sound; one channel is its own left and right."""
    totals, middle, sides, count = np.zeros(sound.channels), 0.0, 0.0, 0
    for block in sound.blocks():
        left, right = block[:, 0], block[:, min(1, sound.channels - 1)]
        totals += np.square(block).sum(axis=0, dtype=np.float64)
        middle += float(np.square((left + right) / 2).sum(dtype=np.float64))
        sides += float(np.square((left - right) / 2).sum(dtype=np.float64))
        count += len(block)
    powers = tuple(float(total) / max(count, 1) for total in totals)
    return Levels(powers, middle / max(count, 1), sides / max(count, 1))
