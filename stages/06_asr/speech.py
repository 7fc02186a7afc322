"""Where in a recording somebody speaks."""

from __future__ import annotations

import array
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Iterator, List, Optional

from pocketsphinx import Endpointer

from shared.recording import SAMPLE_RATE_HZ, Recording
from shared.speech import read_speech

# The endpointer's strictest setting: it finds the pauses that a film's sound bed would hide.
_STRICTEST = 3
# It notices a soft first word late, and an edge without air around it costs a word; more air than
# this changes nothing in clean speech and brings in noise elsewhere.
_LEAD_SECONDS = 0.3
_TAIL_SECONDS = 0.2
# One utterance is decoded as a whole, in memory that grows with its length.
_LONGEST_SECONDS = 30.0


@dataclass(frozen=True)
class Utterance:
    """A stretch of speech with a little air around it, in seconds from the recording's start."""

    start: float
    end: float


def find_utterances(recording: Recording) -> List[Utterance]:
    """Every stretch of speech that pocketsphinx's endpointer hears, in order."""
    return _prepared(_heard(recording), recording)


def read_utterances(path: Path, recording: Recording) -> List[Utterance]:
    """The stretches of speech that an earlier stage found, from its JSON file."""
    spoken = [Utterance(part.start, part.end) for part in read_speech(path)]
    return _prepared(spoken, recording)


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
