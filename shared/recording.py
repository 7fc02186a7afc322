"""The sound that the stages hand on: a WAV file with 16 kHz mono samples of 16 bits."""

from __future__ import annotations

import wave
from pathlib import Path

SAMPLE_RATE_HZ = 16000


class RecordingError(Exception):
    """The sound cannot be used; the message says why and what to do."""


class Recording:
    """A WAV file with 16 kHz mono sound, read piece by piece.

    Raises RecordingError for any other kind of file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = wave.open(str(path), "rb")  # noqa: SIM115 (closed by close())
        except (wave.Error, EOFError) as error:
            message = f"{path.name} is not a WAV file: {error}. Run the stage that wrote it again."
            raise RecordingError(message) from error
        kind = (self._file.getnchannels(), self._file.getsampwidth(), self._file.getframerate())
        if kind != (1, 2, SAMPLE_RATE_HZ):
            self.close()
            message = (
                f"{path.name} has {kind[0]} channels of {8 * kind[1]} bits at {kind[2]} Hz;"
                f" needed are one of 16 bits at {SAMPLE_RATE_HZ} Hz, as 01_demux writes them."
            )
            raise RecordingError(message)
        self.seconds = self._file.getnframes() / SAMPLE_RATE_HZ

    def __enter__(self) -> Recording:  # noqa: PYI034 (Self came with Python 3.11)
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def read(self, start: float, end: float) -> bytes:
        """The samples between two times in seconds, little-endian."""
        first = min(round(start * SAMPLE_RATE_HZ), self._file.getnframes())
        self._file.setpos(first)
        return self._file.readframes(max(0, round(end * SAMPLE_RATE_HZ) - first))
