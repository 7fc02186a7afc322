"""Where in a recording somebody speaks."""

from __future__ import annotations

import array
import json
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, List, Optional

from pocketsphinx import Endpointer

SAMPLE_RATE_HZ = 16000
# The endpointer's strictest setting: it finds the pauses that a film's sound bed would hide.
_STRICTEST = 3
# It notices a soft first word late, and an edge without air around it costs a word; more air than
# this changes nothing in clean speech and brings in noise elsewhere.
_LEAD_SECONDS = 0.3
_TAIL_SECONDS = 0.2
# One utterance is decoded as a whole, in memory that grows with its length.
_LONGEST_SECONDS = 30.0


class RecordingError(Exception):
    """The sound cannot be listened to; the message says why and what to do."""


@dataclass(frozen=True)
class Utterance:
    """A stretch of speech with a little air around it, in seconds from the recording's start."""

    start: float
    end: float


class Recording:
    """A WAV file with 16 kHz mono sound, read piece by piece.

    Raises RecordingError for any other kind of file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = wave.open(str(path), "rb")  # noqa: SIM115 (closed by close())
        except (wave.Error, EOFError) as error:
            message = f"{path.name} is not a WAV file: {error}. Run 01_demux again."
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
        """The samples between two times in seconds."""
        first = min(round(start * SAMPLE_RATE_HZ), self._file.getnframes())
        self._file.setpos(first)
        return self._file.readframes(max(0, round(end * SAMPLE_RATE_HZ) - first))


def find_utterances(recording: Recording) -> List[Utterance]:
    """Every stretch of speech that pocketsphinx's endpointer hears, in order."""
    return _prepared(_heard(recording), recording)


def read_utterances(path: Path, recording: Recording) -> List[Utterance]:
    """The stretches of speech that an earlier stage found, from its JSON file."""
    segments = json.loads(path.read_text(encoding="utf-8"))["segments"]
    return _prepared([Utterance(part["start"], part["end"]) for part in segments], recording)


def _heard(recording: Recording) -> Iterator[Utterance]:
    endpointer = Endpointer(vad_mode=_STRICTEST, sample_rate=SAMPLE_RATE_HZ)
    frame_seconds, position = endpointer.frame_bytes / 2 / SAMPLE_RATE_HZ, 0
    start: Optional[float] = None
    while frame := recording.read(position * frame_seconds, (position + 1) * frame_seconds):
        position += 1
        if len(frame) < endpointer.frame_bytes:
            break
        endpointer.process(frame)
        if start is None and endpointer.in_speech:
            start = endpointer.speech_start
        elif start is not None and not endpointer.in_speech:
            yield Utterance(start, endpointer.speech_end)
            start = None
    if start is not None:
        yield Utterance(start, recording.seconds)


def _prepared(spoken: Iterable[Utterance], recording: Recording) -> List[Utterance]:
    """With air around each, but never over a neighbour's speech; none too long to decode."""
    found = list(spoken)
    padded = []
    for index, utterance in enumerate(found):
        earliest = found[index - 1].end if index else 0.0
        latest = found[index + 1].start if index + 1 < len(found) else recording.seconds
        start = max(utterance.start - _LEAD_SECONDS, earliest, 0.0)
        end = min(utterance.end + _TAIL_SECONDS, latest)
        padded += list(_pieces(Utterance(start, end), recording))
    return [piece for piece in padded if piece.start < piece.end]


def _pieces(utterance: Utterance, recording: Recording) -> Iterator[Utterance]:
    """The utterance, cut at its quietest moments until no piece is too long."""
    start = utterance.start
    while utterance.end - start > _LONGEST_SECONDS:
        end = _quietest_moment(recording, start + _LONGEST_SECONDS / 2, start + _LONGEST_SECONDS)
        yield Utterance(start, end)
        start = end
    yield Utterance(start, utterance.end)


def _quietest_moment(recording: Recording, start: float, end: float) -> float:
    samples = array.array("h", recording.read(start, end))
    window = SAMPLE_RATE_HZ // 10
    loudness = {
        first: sum(map(abs, samples[first : first + window]))
        for first in range(0, len(samples) - window, window // 2)
    }
    return start + (min(loudness, key=loudness.__getitem__) + window / 2) / SAMPLE_RATE_HZ
