"""Turns speech into words with pocketsphinx, in several processes."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

from asr_errors import RecognitionError, UnsupportedLanguageError
from hearing import Heard
from pocketsphinx import Decoder, Endpointer
from sentence import as_sentence
from utterances import Utterance, prepared, read_utterances

from shared.logger import get_logger
from shared.recording import SAMPLE_RATE_HZ, Recording
from shared.transcript import Segment, Word
from shared.worker_processes import WorkerKilledError, map_in_processes

_LOGGER = get_logger(__name__)

# The endpointer's strictest setting: it finds the pauses that a film's sound bed would hide.
_STRICTEST = 3
# Decoding holds Python's interpreter lock, so only processes run side by side. Each needs about
# 150 MB, and the stage's memory limit holds two.
_PROCESSES = 2
_FRAMES_IN_A_SECOND = 100
_ENGLISH = {"en", "eng", "english"}
# The dictionary marks a word's second pronunciation as "read(2)".
_VARIANT = re.compile(r"\(\d+\)$")
_IN_THE_AIR = "heard only in the air around the speech"


def check_language(language: str) -> str:
    """The language's code, as the transcript names it.

    Raises UnsupportedLanguageError for anything but English.
    """
    if re.split("[-_]", language.strip().lower())[0] in _ENGLISH:
        return "en"
    message = (
        f"SOURCE_LANGUAGE is {language!r}, and pocketsphinx understands English only. Set"
        " SOURCE_LANGUAGE to en if the film is in English, or ASR_ENGINE to whisper."
    )
    raise UnsupportedLanguageError(message)


class PocketsphinxEngine:
    """Listens to a recording where an earlier stage heard speech, or else where it hears some.

    Raises UnsupportedLanguageError.
    """

    def __init__(self, recording: Path, speech: Optional[Path], language: str) -> None:
        self.language = check_language(language)
        self.warnings: Sequence[str] = ()
        self._recording = recording
        self._speech = speech

    def listen(self) -> Iterator[Heard]:
        """What is said, utterance by utterance. Raises RecognitionError and SpeechError."""
        with Recording(self._recording) as recording:
            if self._speech is None:
                utterances = prepared(_heard(recording), recording)
            else:
                utterances = read_utterances(self._speech, recording)
        left_out = 0
        for utterance, found in _recognised(self._recording, utterances):
            # The engine's own endpointer is not exact enough to say what was no speech.
            words = [word for word in found if self._speech is None or utterance.is_spoken(word)]
            left_out += len(found) - len(words) if words else 0
            yield Heard(_segment(words, found), utterance.end)
        if left_out:
            _LOGGER.info("%d words heard in the air around speech were left out", left_out)


def _segment(words: Sequence[Word], found: Sequence[Word]) -> Optional[Segment]:
    """The words that were spoken; where there is none, what was heard instead, as doubtful."""
    if words:
        return as_sentence(words)
    return replace(as_sentence(found), suspect=_IN_THE_AIR) if found else None


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


def _recognised(
    recording: Path, utterances: Sequence[Utterance]
) -> Iterator[Tuple[Utterance, List[Word]]]:
    """The words of each utterance, in order and as soon as they are known.

    Each utterance is decoded as if it were the first, so that the result does not depend on how
    many processes there are. Raises RecognitionError when a process was killed.
    """
    found = map_in_processes(
        _Worker.listen,
        utterances,
        processes=_PROCESSES,
        start=_Worker.start,
        arguments=(recording,),
    )
    try:
        for index, words in enumerate(found):
            yield utterances[index], words
    except WorkerKilledError as error:
        message = (
            "A process that listens was killed, most likely because the memory limit is too low:"
            f" each of the {_PROCESSES} needs about 150 MB. Give the stage more memory."
        )
        raise RecognitionError(message) from error
    finally:
        found.close()


class _Worker:
    """What each process holds: loading the model takes longer than many an utterance."""

    decoder: Optional[Decoder] = None
    recording: Optional[Recording] = None

    @classmethod
    def start(cls, recording: Path) -> None:
        cls.decoder = Decoder(samprate=SAMPLE_RATE_HZ, loglevel="FATAL")
        cls.recording = Recording(recording)

    @classmethod
    def listen(cls, utterance: Utterance) -> List[Word]:
        assert cls.decoder is not None
        assert cls.recording is not None
        decoder = cls.decoder
        # Forgets the voice of the utterance before, which would make results depend on the order.
        decoder.reinit_feat()
        decoder.start_utt()
        decoder.process_raw(cls.recording.read(utterance.start, utterance.end), full_utt=True)
        decoder.end_utt()
        if decoder.hyp() is None:
            return []
        return [
            Word(
                word=_VARIANT.sub("", part.word),
                start=_time(utterance, part.start_frame),
                end=_time(utterance, part.end_frame + 1),
                confidence=round(min(1.0, part.prob), 3),
            )
            for part in decoder.seg()
            if part.word[0] not in "<[+"  # silence and noise
        ]


def _time(utterance: Utterance, frame: int) -> float:
    return round(min(utterance.start + frame / _FRAMES_IN_A_SECOND, utterance.end), 3)
