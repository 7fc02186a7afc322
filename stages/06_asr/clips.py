"""Utterances, put together so that a recogniser with windows of 30 seconds wastes few of them."""

from __future__ import annotations

from typing import List, Sequence

from utterances import LONGEST_SECONDS, Utterance

# Each clip costs a whole window, however short it is; but in a longer silence than this Whisper
# is known to make things up.
_LONGEST_PAUSE_SECONDS = 3.0
# The engine computes the spectrum of all that it is given at once, and takes about 1 MB a second.
PORTION_SECONDS = 300.0


def clips_of(utterances: Sequence[Utterance]) -> List[Utterance]:
    """Neighbours with no long pause between them, as one clip of at most one window."""
    clips: List[Utterance] = []
    for utterance in utterances:
        last = clips[-1] if clips else None
        if (
            last is not None
            and utterance.start - last.end <= _LONGEST_PAUSE_SECONDS
            and utterance.end - last.start <= LONGEST_SECONDS
        ):
            clips[-1] = Utterance(last.start, utterance.end)
        else:
            clips.append(utterance)
    return clips


def portions_of(clips: Sequence[Utterance]) -> List[List[Utterance]]:
    """The clips in groups, none of which takes more than five minutes of the recording."""
    portions: List[List[Utterance]] = []
    for clip in clips:
        if portions and clip.end - portions[-1][0].start <= PORTION_SECONDS:
            portions[-1].append(clip)
        else:
            portions.append([clip])
    return portions
