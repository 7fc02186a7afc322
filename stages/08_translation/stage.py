#!/usr/bin/env python3
"""Stage 08, translation: says in other languages what is said in the film."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Callable, List, Tuple

from engine_choice import (
    APERTIUM,
    EngineMaker,
    apertium_engines,
    ctranslate_engines,
    model_name,
    settings_used,
)
from segment_translation import Translation, translate_segments
from target_languages import LanguageError, Languages, choose_languages
from term_masking import TermFinder
from text_pieces import in_one_line
from translation_engine import EngineError

from shared.config import Config, load_config
from shared.errors import ConfigError, InputMissingError
from shared.glossary import GlossaryError, Term, read_terms
from shared.stage_utils import StageIO
from shared.stage_warnings import warn
from shared.transcript import Transcript, TranscriptError, read_transcript, write_transcript

_MOST_REASONS_TOLD = 3


def run_stage(job_dir: Path, stage_name: str = "08_translation") -> int:
    """Writes segments_<language>.json and transcript_<language>.txt for each target language.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        wished = config.get_list("TARGET_LANGUAGES")
        if not wished:
            return _skip(io, "TARGET_LANGUAGES names no language to translate into.")
        [path] = io.inputs("segments")
        transcript = read_transcript(path)
        languages = _languages(io, config, transcript, wished)
        if not languages.targets:
            return _skip(io, "There is nothing to translate into but what is spoken.")
        terms, engines = _terms(io), _engines(io, config, languages)
        untranslated = {}
        for number, (target, make) in enumerate(
            zip(languages.targets, engines)  # noqa: B905 (strict= came with Python 3.10)
        ):
            done = number * len(transcript.segments)
            tell = _teller(io, done, len(engines) * len(transcript.segments))
            finder = TermFinder(terms, target)
            translation = translate_segments(transcript.segments, make(), finder, tell)
            _write(io, target, translation)
            _report(io, target, translation)
            untranslated[target] = len(translation.untranslated)
        if not transcript.segments:
            warn(io, "The transcript is empty, and so are its translations.")
        io.finalize(status="success", segments=len(transcript.segments), untranslated=untranslated)
        return 0
    except (
        ConfigError,
        EngineError,
        GlossaryError,
        InputMissingError,
        LanguageError,
        TranscriptError,
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


def _languages(io: StageIO, config: Config, transcript: Transcript, wished: List[str]) -> Languages:
    languages = choose_languages(transcript.language, config.get("SOURCE_LANGUAGE", "auto"), wished)
    io.set_config({"LANGUAGE": languages.source, "TARGET_LANGUAGES": list(languages.targets)})
    warn(io, *languages.warnings)
    return languages


def _terms(io: StageIO) -> Tuple[Term, ...]:
    path = io.input("terms")
    return () if path is None else read_terms(path)


def _engines(io: StageIO, config: Config, languages: Languages) -> List[EngineMaker]:
    """An engine for each target, before anything is translated: one that is missing stops all."""
    used = settings_used(config)
    io.set_config(used)
    if used["TRANSLATION_ENGINE"] == APERTIUM:
        return apertium_engines(languages.source, languages.targets)
    folder = io.model(model_name(config))
    try:
        return ctranslate_engines(folder, config, languages.source, languages.targets)
    except ModuleNotFoundError as error:
        message = (
            f"TRANSLATION_ENGINE is ctranslate2, which the image of variant {io.variant} does not"
            f" hold: {error}. Run the variant cpu, or choose another engine."
        )
        raise EngineError(message) from error


def _teller(io: StageIO, before: int, total: int) -> Callable[[int], None]:
    return lambda done: io.progress(before + done, total, "segments")


def _write(io: StageIO, target: str, translation: Translation) -> None:
    output = io.output("segments", f"segments_{target}.json")
    write_transcript(Transcript(target, translation.segments), output)
    lines = [in_one_line(segment.text) + "\n" for segment in translation.segments]
    text = io.output("text", f"transcript_{target}.txt")
    text.write_text("".join(lines), encoding="utf-8")


def _report(io: StageIO, target: str, translation: Translation) -> None:
    total, missing = len(translation.segments), translation.untranslated
    io.get_stage_logger().info("%d segments in %s", total, target)
    if translation.in_parts:
        warn(
            io,
            f"{translation.in_parts} of {total} segments were translated into {target} in parts,"
            " around their terms, because the engine did not leave the terms alone.",
        )
    if missing:
        told = "; ".join(
            f"at {segment.start:.1f} s {segment.untranslated}"
            for segment in missing[:_MOST_REASONS_TOLD]
        )
        more = f", and {len(missing) - _MOST_REASONS_TOLD} more" * (
            len(missing) > _MOST_REASONS_TOLD
        )
        warn(
            io,
            f"{len(missing)} of {total} segments have no translation into {target}: {told}{more}."
            " Names belong in the glossary, which keeps them.",
        )


def _skip(io: StageIO, reason: str) -> int:
    io.get_stage_logger().info("%s", reason)
    io.finalize(status="skipped", reason=reason)
    return 0


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
