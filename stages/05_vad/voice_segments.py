"""Stretches of speech from the likelihood of speech in each frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional

from shared.speech import Speech


@dataclass(frozen=True)
class VoiceRules:
    """What counts as speech; probabilities from 0 to 1, times in seconds."""

    threshold: float = 0.5
    hysteresis: float = 0.15
    min_speech: float = 0.15
    min_silence: float = 0.3
    padding: float = 0.1

    @property
    def end_threshold(self) -> float:
        """Below this speech may end; above 0, so that it can."""
        return max(0.01, self.threshold - self.hysteresis)


def find_speech(
    probabilities: Iterable[float], frame_seconds: float, duration: float, rules: VoiceRules
) -> List[Speech]:
    """The stretches in order of time, apart from each other and inside the recording.

    Padding that would make two of them overlap is shared between them.
    """
    bare = list(_long_enough(_stretches(probabilities, frame_seconds, duration, rules), rules))
    found = []
    for number, speech in enumerate(bare):
        start = max(0.0, speech.start - rules.padding)
        end = min(duration, speech.end + rules.padding)
        if number > 0:
            start = max(start, (bare[number - 1].end + speech.start) / 2)
        if number + 1 < len(bare):
            end = min(end, (speech.end + bare[number + 1].start) / 2)
        found.append(Speech(round(start, 3), min(duration, round(end, 3))))
    return found


def _stretches(
    probabilities: Iterable[float], frame_seconds: float, duration: float, rules: VoiceRules
) -> Iterator[Speech]:
    """Begins at the first likely frame; ends where a pause begins that lasts long enough."""
    start: Optional[float] = None
    pause: Optional[float] = None
    for number, probability in enumerate(probabilities):
        time = number * frame_seconds
        if probability >= rules.threshold:
            pause = None
            if start is None:
                start = time
        elif start is not None and (pause is not None or probability < rules.end_threshold):
            pause = time if pause is None else pause
            if time + frame_seconds - pause >= rules.min_silence:
                yield Speech(start, pause)
                start = pause = None
    if start is not None:
        yield Speech(start, duration if pause is None else pause)


def _long_enough(stretches: Iterable[Speech], rules: VoiceRules) -> Iterator[Speech]:
    return (speech for speech in stretches if speech.end - speech.start >= rules.min_speech)
