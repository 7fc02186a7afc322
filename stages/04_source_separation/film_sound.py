"""The film's sound with all its channels, read piece by piece."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Iterator

import numpy as np
import soundfile
import soxr

from shared.recording import SAMPLE_RATE_HZ, RecordingError

_BLOCK_SECONDS = 10


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
