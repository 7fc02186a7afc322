"""A transcript in which every word has its time, from whatever text the job has."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Callable, Counter, Dict, Iterable, List, Optional, Sequence, Tuple

import passages
from forced_alignment import Times, UnsupportedLanguageError, align, is_english
from passages import Passage
from speech_clock import SpeechMap
from user_text import read_sentences
from word_times import timed

from shared.speech import Speech
from shared.transcript import Segment, Transcript, Word

Progress = Callable[[float, float, str], None]
_Aligned = Tuple[Passage, Optional[List[Optional[Times]]]]
_EXAMPLES = 3


class NothingToAlignError(Exception):
    """There is no text, or no sound to which it could belong."""


@dataclass(frozen=True)
class Settings:
    """How to align, as the stage's configuration says."""

    engine: str = "auto"
    language: str = "en"


@dataclass
class Report:
    """What became of the words, and where a text did not fit the sound."""

    language: str
    timings: Counter[str] = field(default_factory=collections.Counter)
    misfits: List[Passage] = field(default_factory=list)
    listened: bool = True
    guessed_pieces: int = 0

    @property
    def words(self) -> int:
        """How many words there are."""
        return sum(self.timings.values())

    def __str__(self) -> str:
        counts = ", ".join(f"{count} {timing}" for timing, count in sorted(self.timings.items()))
        return f"{self.words} words: {counts}" if counts else "no words"

    def warnings(self, *, has_segments: bool) -> List[str]:
        """What the user must know."""
        found = []
        if not has_segments:
            found.append("Nothing is said; the transcript is empty.")
        if self.misfits:
            places = ", ".join(
                f"{passage.start:.1f} s ({' '.join(passage.words)[:40]!r})"
                for passage in self.misfits[:_EXAMPLES]
            )
            found.append(
                f"The text does not fit the sound in {len(self.misfits)} places, where words have"
                f" estimated times: {places}{' …' if len(self.misfits) > _EXAMPLES else ''}"
            )
        if self.guessed_pieces:
            found.append(
                f"The text is long and nothing was recognised in which its parts could be found: it"
                f" was cut into {self.guessed_pieces} pieces by length, and times may be seconds"
                " off. Let 06_asr run first."
            )
        estimated = self.timings["interpolated"]
        if estimated and not self.listened:
            found.append(
                f"{estimated} words have estimated times: nothing listens for words in"
                f" {self.language!r} (ALIGN_ENGINE)."
            )
        return found


@dataclass(frozen=True)
class Timing:
    """Times the words of a text against one recording."""

    audio: Path
    seconds: float
    speech: Tuple[Speech, ...]
    settings: Settings
    progress: Progress

    def of_recognised(self, heard: Transcript) -> Tuple[Transcript, Report]:
        """A recognised text: words that have times keep them, the rest is aligned.

        Raises UnsupportedLanguageError and AlignmentError.
        """
        segments = _sound_segments(heard.segments)
        listens = self._listens(heard.language)
        every = self.settings.engine == "pocketsphinx"
        owners = [
            number for number, segment in enumerate(segments) if every or not _is_timed(segment)
        ]
        report = Report(heard.language, listened=listens)
        found: Dict[int, List[Word]] = {owner: [] for owner in owners}
        work = list(passages.of_segments(segments, owners, SpeechMap(self.speech)))
        for passage, words in self._timed(work, report, listens=listens):
            found[passage.owner] += words
        result = [
            _with_words(segment, found[number]) if number in found else segment
            for number, segment in enumerate(segments)
        ]
        for segment in result:
            report.timings.update(word.timing for word in segment.words)
        return Transcript(heard.language, tuple(result)), report

    def of_user_text(self, path: Path, heard: Optional[Transcript]) -> Tuple[Transcript, Report]:
        """The user's own text; what was recognised says where its parts lie.

        Raises UserTextError, NothingToAlignError, UnsupportedLanguageError and AlignmentError.
        """
        sentences = read_sentences(path)
        language = self._language(heard)
        recognised = _words(heard.segments) if heard is not None else []
        if not recognised and not self.speech and not self._listens(language):
            raise NothingToAlignError(_no_basis(path, language))
        if heard is not None and not recognised and not self.speech:
            raise NothingToAlignError(_no_speech(path))
        report = Report(language, listened=self._listens(language))
        flat = [word for sentence in sentences for word in sentence]
        work = list(passages.of_text(flat, recognised, SpeechMap(self.speech), self.seconds))
        report.guessed_pieces = len(work) if len(work) > 1 and not recognised else 0
        words = [
            word for _, part in self._timed(work, report, listens=report.listened) for word in part
        ]
        report.timings.update(word.timing for word in words)
        return Transcript(language, tuple(_segments(sentences, words))), report

    def _language(self, heard: Optional[Transcript]) -> str:
        if self.settings.language.lower() != "auto":
            return "en" if is_english(self.settings.language) else self.settings.language
        if heard is not None:
            return heard.language
        message = (
            "SOURCE_LANGUAGE is 'auto', and nothing was recognised that would tell the language of"
            " the transcript. Set SOURCE_LANGUAGE to it."
        )
        raise NothingToAlignError(message)

    def _listens(self, language: str) -> bool:
        if self.settings.engine == "pocketsphinx" and not is_english(language):
            message = (
                f"The text is in {language!r}, and pocketsphinx understands English only. Set"
                " ALIGN_ENGINE to auto, which estimates times for other languages."
            )
            raise UnsupportedLanguageError(message)
        return self.settings.engine != "none" and is_english(language)

    def _timed(
        self, work: Sequence[Passage], report: Report, *, listens: bool
    ) -> Iterable[Tuple[Passage, List[Word]]]:
        """Each passage with its words, all of them timed, in order."""
        speech = SpeechMap(self.speech)
        for passage, times in self._aligned(work, speech) if listens else _unheard(work):
            if times is None and listens:
                report.misfits.append(passage)
            yield passage, timed(passage, times, speech)

    def _aligned(self, work: Sequence[Passage], speech: SpeechMap) -> List[_Aligned]:
        """Each passage as aligned; what does not fit as a whole is tried again in parts."""
        found: List[List[_Aligned]] = []
        for passage, times in zip(work, align(self.audio, work)):  # noqa: B905 (Python 3.10)
            found.append([(passage, times)])
            self.progress(len(found), len(work), "passages")
        lost = [number for number, [(_, times)] in enumerate(found) if times is None]
        parts = {number: passages.in_parts(work[number], speech) for number in lost}
        again = align(self.audio, [part for row in parts.values() for part in row])
        for number, row in parts.items():
            found[number] = [(part, next(again)) for part in row]
        return [entry for row in found for entry in row]


def _unheard(work: Sequence[Passage]) -> List[_Aligned]:
    return [(passage, None) for passage in work]


def _sound_segments(segments: Sequence[Segment]) -> List[Segment]:
    """The segments in order of time, none with an end before its start."""
    ordered = sorted(segments, key=lambda segment: segment.start)
    starts = [max(0.0, segment.start) for segment in ordered]
    return [
        replace(segment, start=start, end=max(start, segment.end))
        for segment, start in zip(ordered, starts)  # noqa: B905 (Python 3.10)
    ]


def _is_timed(segment: Segment) -> bool:
    """Whether the words with times are the words of the text, which somebody may have edited."""
    said = "".join("".join(word.word.split()) for word in segment.words)
    return said == "".join(segment.text.split())


def _with_words(segment: Segment, words: Sequence[Word]) -> Segment:
    if all(word.timing == "interpolated" for word in words):
        return replace(segment, words=tuple(words))
    return replace(segment, start=words[0].start, end=words[-1].end, words=tuple(words))


def _words(segments: Sequence[Segment]) -> List[Word]:
    return [word for segment in _sound_segments(segments) for word in segment.words]


def _segments(sentences: Sequence[Sequence[str]], words: Sequence[Word]) -> Iterable[Segment]:
    place = 0
    for sentence in sentences:
        own = tuple(words[place : place + len(sentence)])
        place += len(sentence)
        yield Segment(own[0].start, own[-1].end, " ".join(sentence), words=own)


def _no_basis(path: Path, language: str) -> str:
    return (
        f"Nothing says when the words of {path.name} are said: no engine listens for {language!r}"
        " with these settings, and neither 06_asr nor 05_vad found speech. Run one of them first."
    )


def _no_speech(path: Path) -> str:
    return (
        f"Nobody speaks in the sound as far as 06_asr can tell, and {path.name} has words. Check"
        " that the audio track is the one that the text belongs to (AUDIO_TRACK)."
    )
