"""The stretches of a recording that are listened to, cut to what an engine can take at once."""

from __future__ import annotations

import array
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Iterable, Iterator, List

from shared.recording import SAMPLE_RATE_HZ, Recording
from shared.speech import read_speech
from shared.transcript import Word

# A detector notices a soft first word late, and an edge without air around it costs a word; more
# air than this changes nothing in clean speech and brings in noise elsewhere.
_LEAD_SECONDS = 0.3
_TAIL_SECONDS = 0.2
# One utterance is decoded as a whole, in memory that grows with its length; Whisper has windows
# of this length.
LONGEST_SECONDS = 30.0


@dataclass(frozen=True)
class Utterance:
    """A stretch of speech with a little air around it, in seconds from the recording's start.

    The speech itself, as it was found, lasts from `speech_start` to `speech_end`.
    """

    start: float
    end: float
    speech_start: float = field(default=float("-inf"), compare=False)
    speech_end: float = field(default=float("inf"), compare=False)

    def is_spoken(self, word: Word) -> bool:
        """Whether the word lies in the speech, not in the air, where only noise can sound like one.

        Its middle counts: a detector hears a soft beginning late, but never by half a word.
        """
        return self.speech_start <= (word.start + word.end) / 2 <= self.speech_end


def read_utterances(path: Path, recording: Recording) -> List[Utterance]:
    """The stretches of speech in an earlier stage's JSON file. Raises SpeechError."""
    return prepared((Utterance(part.start, part.end) for part in read_speech(path)), recording)


def prepared(spoken: Iterable[Utterance], recording: Recording) -> List[Utterance]:
    """With air around each, but never over a neighbour's speech; none too long to decode."""
    found = list(_apart(spoken, recording))
    padded = []
    for index, utterance in enumerate(found):
        earliest = found[index - 1].end if index else 0.0
        latest = found[index + 1].start if index + 1 < len(found) else recording.seconds
        start = max(utterance.start - _LEAD_SECONDS, earliest)
        end = min(utterance.end + _TAIL_SECONDS, latest)
        found_speech = (utterance.start, utterance.end)
        padded += list(_pieces(Utterance(start, end, *found_speech), recording))
    return padded


def _apart(spoken: Iterable[Utterance], recording: Recording) -> Iterator[Utterance]:
    """In order, inside the recording, and no moment twice."""
    heard_up_to = 0.0
    for utterance in sorted(spoken, key=lambda part: part.start):
        start = max(utterance.start, heard_up_to)
        end = min(utterance.end, recording.seconds)
        if start < end:
            yield Utterance(start, end)
            heard_up_to = end


def _pieces(utterance: Utterance, recording: Recording) -> Iterator[Utterance]:
    """The utterance, cut at its quietest moments until no piece is too long."""
    start = utterance.start
    while utterance.end - start > LONGEST_SECONDS:
        end = _quietest_moment(recording, start + LONGEST_SECONDS / 2, start + LONGEST_SECONDS)
        yield replace(utterance, start=start, end=end)
        start = end
    yield replace(utterance, start=start)


def _quietest_moment(recording: Recording, start: float, end: float) -> float:
    samples = array.array("h", recording.read(start, end))
    if sys.byteorder == "big":
        samples.byteswap()
    window = SAMPLE_RATE_HZ // 10
    loudness = {
        first: sum(map(abs, samples[first : first + window]))
        for first in range(0, len(samples) - window, window // 2)
    }
    return start + (min(loudness, key=loudness.__getitem__) + window / 2) / SAMPLE_RATE_HZ
