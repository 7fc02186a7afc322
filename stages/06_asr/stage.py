#!/usr/bin/env python3
"""Stage 06, asr: turns speech into text, with times."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Optional, Tuple

from asr_errors import AsrError, EngineMissingError
from hearing import Engine
from suspicion import Limits, mark_suspects

from shared.config import Config, load_config
from shared.errors import ConfigError, InputMissingError
from shared.glossary import GlossaryError, read_names
from shared.recording import Recording, RecordingError
from shared.speech import SpeechError
from shared.stage_utils import StageIO
from shared.stage_warnings import warn
from shared.transcript import Segment, Transcript, write_transcript

WHISPER = "whisper"


def run_stage(job_dir: Path, stage_name: str = "06_asr") -> int:
    """Writes segments.json: what is said in the recording, and when.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        limits = _limits(io, config)
        [audio] = io.inputs("audio")
        with Recording(audio) as recording:
            seconds = recording.seconds
        engine = _open_engine(io, config, audio)
        output = io.output("segments")
        segments = mark_suspects(_listen(engine, io, seconds), limits)
        write_transcript(Transcript(engine.language, segments), output)
        io.set_config({"LANGUAGE": engine.language})
        _report(io, engine, segments)
        io.finalize(status="success", segments=len(segments), suspects=_count_suspects(segments))
        return 0
    except (
        AsrError,
        ConfigError,
        GlossaryError,
        InputMissingError,
        RecordingError,
        SpeechError,
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


def _open_engine(io: StageIO, config: Config, audio: Path) -> Engine:
    name, language = config.get("ASR_ENGINE", "pocketsphinx"), config.get("SOURCE_LANGUAGE", "en")
    io.set_config({"ASR_ENGINE": name, "SOURCE_LANGUAGE": language})
    speech, names = io.input("speech"), _names(io)
    try:
        if name == WHISPER:
            return _open_whisper(io, config, audio, speech, names)
        from pocketsphinx_engine import PocketsphinxEngine

        if names:
            told = "The %d names of the glossary are not used: pocketsphinx knows fixed words only."
            io.get_stage_logger().info(told, len(names))
        return PocketsphinxEngine(audio, speech, language)
    except ModuleNotFoundError as error:
        message = (
            f"ASR_ENGINE is {name}, which this image (variant {io.variant}) does not hold:"
            f" {error}. Run the variant that is made for it, or choose another engine."
        )
        raise EngineMissingError(message) from error


def _open_whisper(
    io: StageIO, config: Config, audio: Path, speech: Optional[Path], names: Tuple[str, ...]
) -> Engine:
    from whisper_engine import Task, WhisperEngine
    from whisper_settings import read_settings

    settings = read_settings(config, io.variant)
    io.set_config({"ASR_MODEL": config.get("ASR_MODEL"), **settings.recorded()})
    unheeded = settings.unheeded()
    if unheeded is not None:
        warn(io, unheeded)
    task = Task(audio, speech, io.model("whisper"), config.get("SOURCE_LANGUAGE", "en"), names)
    return WhisperEngine(task, settings, io.get_stage_logger())


def _listen(engine: Engine, io: StageIO, seconds: float) -> Tuple[Segment, ...]:
    logger, segments = io.get_stage_logger(), []
    for heard in engine.listen():
        if heard.segment is not None:
            segments.append(heard.segment)
            logger.debug("%.2f s: %s", heard.segment.start, heard.segment.text)
        io.progress(heard.until, seconds, "s")
    io.progress(seconds, seconds, "s")
    logger.info("%d segments in %.1f s of sound", len(segments), seconds)
    return tuple(segments)


def _names(io: StageIO) -> Tuple[str, ...]:
    path = io.input("names")
    return () if path is None else read_names(path)


def _limits(io: StageIO, config: Config) -> Limits:
    limits = Limits(
        confidence=config.get_float("ASR_MIN_CONFIDENCE"),
        compression_ratio=config.get_float("ASR_COMPRESSION_RATIO_THRESHOLD"),
        repeats=config.get_int("ASR_MAX_REPEATS"),
    )
    io.set_config(
        {
            "ASR_MIN_CONFIDENCE": limits.confidence,
            "ASR_COMPRESSION_RATIO_THRESHOLD": limits.compression_ratio,
            "ASR_MAX_REPEATS": limits.repeats,
        }
    )
    return limits


def _report(io: StageIO, engine: Engine, segments: Tuple[Segment, ...]) -> None:
    warn(io, *engine.warnings)
    if not segments:
        warn(io, "No speech was found; the transcript is empty.")
    suspects = _count_suspects(segments)
    if suspects:
        warn(io, f"{suspects} of {len(segments)} segments are doubtful; each says why (suspect).")


def _count_suspects(segments: Tuple[Segment, ...]) -> int:
    return sum(segment.suspect is not None for segment in segments)


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
