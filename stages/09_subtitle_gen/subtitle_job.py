"""One transcript after the other becomes the subtitle files of its language."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Set, Tuple

from caption_text import clean
from cue import Cue, Rules, RulesError
from film_facts import FilmFacts
from layout import lay_out
from spoken_pieces import milliseconds
from subtitle_files import WRITERS
from subtitle_names import file_language, file_title
from subtitle_quality import Quality, judge

from shared.config import Config
from shared.speech import Speech
from shared.stage_utils import StageIO
from shared.transcript import Segment, Transcript, TranscriptError

# The name in stage.yaml of what each format is written to.
_OUTPUTS = {"srt": "subtitles", "vtt": "webvtt", "ass": "ass"}


@dataclass(frozen=True)
class Settings:
    """What the configuration asks for."""

    rules: Rules
    formats: Tuple[str, ...]
    drops_suspect: bool

    def as_config(self) -> Dict[str, Any]:
        """The settings by the names of their keys."""
        rules = self.rules
        return {
            "SUBTITLE_FORMATS": ",".join(self.formats),
            "SUBTITLE_MAX_LINE_LENGTH": rules.line_length,
            "SUBTITLE_MAX_LINES": rules.lines,
            "SUBTITLE_READING_SPEED": rules.reading_speed,
            "SUBTITLE_READING_SPEED_CAP": rules.reading_speed_cap,
            "SUBTITLE_MIN_DURATION": rules.shortest_ms / 1000,
            "SUBTITLE_MAX_DURATION": rules.longest_ms / 1000,
            "SUBTITLE_SUSPECT": "drop" if self.drops_suspect else "keep",
        }

    def limits(self) -> Dict[str, Any]:
        """What the cues are held to, for the report; times in seconds."""
        rules = self.rules
        return {
            "line_length": rules.line_length,
            "line_length_wide": rules.columns(is_wide=True),
            "lines": rules.lines,
            "reading_speed": rules.reading_speed,
            "reading_speed_cap": rules.reading_speed_cap,
            "min_duration": rules.shortest_ms / 1000,
            "max_duration": rules.longest_ms / 1000,
            "gap": rules.gap_ms / 1000,
        }


@dataclass(frozen=True)
class Result:
    """What was written for one language, and what its reader should know."""

    language: str
    file: str
    quality: Quality
    report: Dict[str, Any]
    warnings: Sequence[str]


def read_settings(config: Config, facts: FilmFacts) -> Settings:
    """The settings, with the gap of two of the film's pictures.

    Raises RulesError for settings that contradict each other and for an unknown format.
    """
    wanted = [name.lower() for name in config.get_list("SUBTITLE_FORMATS", ["srt"])]
    unknown = sorted(set(wanted) - set(WRITERS))
    if unknown:
        message = (
            f"SUBTITLE_FORMATS names {', '.join(unknown)}, and the formats are"
            f" {', '.join(WRITERS)}. Take that out."
        )
        raise RulesError(message)
    rules = Rules(
        line_length=config.get_int("SUBTITLE_MAX_LINE_LENGTH", 42),
        lines=config.get_int("SUBTITLE_MAX_LINES", 2),
        reading_speed=config.get_float("SUBTITLE_READING_SPEED", 17.0),
        reading_speed_cap=config.get_float("SUBTITLE_READING_SPEED_CAP", 20.0),
        shortest_ms=milliseconds(config.get_float("SUBTITLE_MIN_DURATION", 0.833)),
        longest_ms=milliseconds(config.get_float("SUBTITLE_MAX_DURATION", 7.0)),
        gap_ms=facts.two_frames_ms,
    )
    return Settings(
        rules=rules,
        # SRT in any case, because it is what goes into the film.
        formats=tuple(name for name in WRITERS if name == "srt" or name in wanted),
        drops_suspect=config.get("SUBTITLE_SUSPECT", "keep") == "drop",
    )


class SubtitleJob:
    """Writes the subtitles of one film."""

    def __init__(
        self, io: StageIO, facts: FilmFacts, settings: Settings, speech: Sequence[Speech]
    ) -> None:
        self._io = io
        self._title = file_title(facts.title)
        self._settings = settings
        self._speech = speech
        self._written: Set[str] = set()

    def write(self, path: Path, transcript: Transcript) -> Result:
        """Writes the files of a transcript, which was read from ``path``.

        Raises TranscriptError for a second one in the same language, SubtitleError when a file
        would not hold the cues.
        """
        language = file_language(transcript.language)
        name = f"{self._title}.{language}"
        if name in self._written:
            message = (
                f"{path.name} is the second transcript in {transcript.language!r}, and both"
                f" would be {name}.srt. Keep one of them."
            )
            raise TranscriptError(message)
        self._written.add(name)
        cues = lay_out(
            self._shown(transcript),
            self._settings.rules,
            language=transcript.language,
            speech=self._speech,
        )
        self._write_files(name, cues)
        quality = judge(cues, self._settings.rules)
        report = {"file": f"{name}.srt", **quality.report(), **self._segments(transcript)}
        return Result(
            language, f"{name}.srt", quality, report, self._warnings(name, cues, transcript)
        )

    def _shown(self, transcript: Transcript) -> List[Segment]:
        return [
            segment
            for segment in transcript.segments
            if segment.untranslated is None and not (segment.suspect and self._is_dropping)
        ]

    @property
    def _is_dropping(self) -> bool:
        return self._settings.drops_suspect

    def _write_files(self, name: str, cues: Sequence[Cue]) -> None:
        for file_format in self._settings.formats:
            path = self._io.output(_OUTPUTS[file_format], f"{name}.{file_format}")
            # Bytes, because the line ends of a subtitle file must not depend on the machine.
            path.write_bytes(WRITERS[file_format](cues).encode("utf-8"))

    def _segments(self, transcript: Transcript) -> Dict[str, Any]:
        """What became of the segments that are not simply shown."""
        suspect = [segment for segment in transcript.segments if segment.suspect]
        return {
            "segments": len(transcript.segments),
            "suspect": {
                "kept": 0 if self._is_dropping else len(suspect),
                "dropped": len(suspect) if self._is_dropping else 0,
            },
            "without_text": sum(
                1
                for segment in transcript.segments
                if segment.untranslated is None and not clean(segment.text)
            ),
            "untranslated": [
                {
                    "segment": index,
                    "start": segment.start,
                    "end": segment.end,
                    "reason": segment.untranslated,
                    "source_text": segment.source_text,
                }
                for index, segment in enumerate(transcript.segments)
                if segment.untranslated is not None
            ],
        }

    def _warnings(self, name: str, cues: Sequence[Cue], transcript: Transcript) -> List[str]:
        warnings = []
        if not cues:
            warnings.append(f"{name}.srt has no cue, because there is nothing to show.")
        dropped = sum(1 for segment in transcript.segments if segment.suspect)
        if dropped and self._is_dropping:
            warnings.append(f"{name}.srt leaves out {dropped} segments that may not be speech.")
        missing = sum(1 for segment in transcript.segments if segment.untranslated is not None)
        if missing:
            warnings.append(
                f"{name}.srt lacks {missing} segments that were not translated; quality.json lists"
                " them."
            )
        return warnings
