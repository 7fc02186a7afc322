"""Finds when each word of a known text is said, with pocketsphinx in several processes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

from passages import Passage
from pocketsphinx import Decoder
from speech_clock import SpeechClock
from spelling import spellings

from shared.recording import SAMPLE_RATE_HZ, Recording
from shared.worker_processes import WorkerKilledError, map_in_processes

Times = Tuple[float, float]
# The engine holds Python's interpreter lock, so only processes run side by side.
_PROCESSES = 2
# At most, with the longest passage of five minutes; one of eight seconds takes 51 MB.
_MEGABYTES_A_PROCESS = 80
_FRAMES_IN_A_SECOND = 100
# Nobody says more letters in a second; a text that would need it belongs somewhere else.
_MOST_LETTERS_PER_SECOND = 40.0
_SHORTEST_SECONDS = 0.1
_ENGLISH = {"en", "eng", "english"}


class AlignmentError(Exception):
    """The engine could not finish."""


class UnsupportedLanguageError(Exception):
    """The engine has no model for the language of the speech."""


def is_english(language: str) -> bool:
    """Whether the engine understands the language of a tag."""
    return re.split("[-_]", language.strip().lower())[0] in _ENGLISH


def align(
    recording: Path, passages: Sequence[Passage]
) -> Iterator[Optional[List[Optional[Times]]]]:
    """When each word of each passage is said, in seconds; None for words that it does not know.

    None in the place of a whole passage whose text is not what is said there. Passages do not
    influence each other. Raises AlignmentError when a process was killed.
    """
    if not passages:
        return
    found = map_in_processes(
        _Worker.align,
        passages,
        processes=min(_PROCESSES, len(passages)),
        start=_Worker.start,
        arguments=(recording,),
    )
    try:
        yield from found
    except WorkerKilledError as error:
        message = (
            "A process that aligns was killed, most likely because the memory limit is too low:"
            f" each of the {_PROCESSES} needs up to {_MEGABYTES_A_PROCESS} MB. Give the stage more"
            " memory."
        )
        raise AlignmentError(message) from error


class _Worker:
    """What each process holds: loading the model takes longer than many a passage."""

    decoder: Optional[Decoder] = None
    recording: Optional[Recording] = None

    @classmethod
    def start(cls, recording: Path) -> None:
        cls.decoder = Decoder(samprate=SAMPLE_RATE_HZ, loglevel="FATAL", lm=None)
        cls.recording = Recording(recording)

    @classmethod
    def align(cls, passage: Passage) -> Optional[List[Optional[Times]]]:
        spoken = [cls._known_spelling(word) for word in passage.words]
        sound = cls._sound(passage, sum(len(part) for parts in spoken for part in parts))
        parts = cls._listen(sound, [part for parts in spoken for part in parts])
        if parts is None:
            return None
        rest = iter(parts)
        own = [[next(rest) for _ in parts] for parts in spoken]
        clock = SpeechClock(passage.sound)
        return [_times(clock, frames) if frames else None for frames in own]

    @classmethod
    def _known_spelling(cls, word: str) -> Tuple[str, ...]:
        assert cls.decoder is not None
        for spelling in spellings(word):
            if all(cls.decoder.lookup_word(part) is not None for part in spelling):
                return spelling
        return ()

    @classmethod
    def _sound(cls, passage: Passage, letters: int) -> bytes:
        """The passage's samples; none where so many letters have no room."""
        assert cls.recording is not None
        sound = b"".join(cls.recording.read(start, end) for start, end in passage.sound)
        least = max(_SHORTEST_SECONDS, letters / _MOST_LETTERS_PER_SECOND)
        return sound if letters and len(sound) >= least * SAMPLE_RATE_HZ * 2 else b""

    @classmethod
    def _listen(cls, sound: bytes, text: Sequence[str]) -> Optional[List[Tuple[int, int]]]:
        """The first frame of each word and the one behind its last."""
        assert cls.decoder is not None
        if not sound:
            return None
        # Forgets the voice of the passage before, which would make results depend on the order.
        cls.decoder.reinit_feat()
        cls.decoder.set_align_text(" ".join(text))
        cls.decoder.start_utt()
        cls.decoder.process_raw(sound, full_utt=True)
        cls.decoder.end_utt()
        if cls.decoder.hyp() is None:
            return None
        found = [
            (part.start_frame, part.end_frame + 1)
            for part in cls.decoder.seg()
            if part.word[0] not in "<[+("  # silence and noise
        ]
        return found if len(found) == len(text) else None


def _times(clock: SpeechClock, frames: Sequence[Tuple[int, int]]) -> Times:
    first, last = frames[0][0] / _FRAMES_IN_A_SECOND, frames[-1][1] / _FRAMES_IN_A_SECOND
    return (clock.time(first), clock.time(last, is_end=True))
