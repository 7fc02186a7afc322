#!/usr/bin/env python3
"""Stage 07, alignment: gives every word its time."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Tuple

from forced_alignment import AlignmentError, UnsupportedLanguageError
from timed_transcript import NothingToAlignError, Report, Settings, Timing
from user_text import UserTextError

from shared.config import load_config
from shared.recording import Recording, RecordingError
from shared.speech import SpeechError, read_speech
from shared.stage_utils import StageIO
from shared.stage_warnings import warn
from shared.transcript import (
    Transcript,
    TranscriptError,
    read_transcript,
    write_transcript,
)


def run_stage(job_dir: Path, stage_name: str = "07_alignment") -> int:
    """Writes segments.json with a time for every word, and the text alone in transcript.txt.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        settings = Settings(
            engine=config.get("ALIGN_ENGINE", "auto"),
            language=config.get("SOURCE_LANGUAGE", "en").strip(),
        )
        io.set_config({"ALIGN_ENGINE": settings.engine, "SOURCE_LANGUAGE": settings.language})
        transcript, report = _timed(io, settings)
        logger.info("%s", report)
        warn(io, *report.warnings(has_segments=bool(transcript.segments)))
        write_transcript(transcript, io.output("segments"))
        _write_text(transcript, io.output("text"))
        io.finalize(status="success", segments=len(transcript.segments), words=report.words)
        return 0
    except (
        NothingToAlignError,
        UserTextError,
        TranscriptError,
        SpeechError,
        RecordingError,
        UnsupportedLanguageError,
        AlignmentError,
    ) as error:  # not the program's fault
        logger.error("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1
    except Exception as error:
        logger.exception("Unexpected error: %s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def _timed(io: StageIO, settings: Settings) -> Tuple[Transcript, Report]:
    [audio] = io.inputs("audio")
    speech, text, recognised = io.input("speech"), io.input("transcript"), io.input("recognised")
    with Recording(audio) as recording:
        seconds = recording.seconds
    timing = Timing(
        audio, seconds, () if speech is None else read_speech(speech), settings, io.progress
    )
    heard = None if recognised is None else read_transcript(recognised)
    if text is not None:
        return timing.of_user_text(text, heard)
    if heard is not None:
        return timing.of_recognised(heard)
    message = (
        "There is no text to align: neither a result of 06_asr nor a file `transcript` in the"
        " job's input. Run 06_asr, or hand in what is said."
    )
    raise NothingToAlignError(message)


def _write_text(transcript: Transcript, path: Path) -> None:
    """One segment a line; what a segment has of line ends and blanks becomes one blank."""
    lines = [" ".join(segment.text.split()) for segment in transcript.segments]
    text = "".join(f"{line}\n" for line in lines if line)
    path.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
