#!/usr/bin/env python3
"""Stage 09, subtitle_gen: lays transcripts out as subtitle files."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Dict

from cue import RulesError
from film_facts import FilmFactsError, read_film_facts
from subtitle_files import SubtitleError
from subtitle_job import SubtitleJob, read_settings

from shared.config import load_config
from shared.speech import SpeechError, read_speech
from shared.stage_utils import StageIO
from shared.stage_warnings import warn
from shared.transcript import TranscriptError, read_transcript


def run_stage(job_dir: Path, stage_name: str = "09_subtitle_gen") -> int:
    """Writes <title>.<language>.srt, and .vtt and .ass as asked, for each transcript; quality.json.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        facts = read_film_facts(io.input("probe"))
        settings = read_settings(load_config(), facts)
        io.set_config(settings.as_config())

        speech = io.input("speech")
        job = SubtitleJob(io, facts, settings, () if speech is None else read_speech(speech))
        paths = [*io.inputs("segments"), *io.inputs("translations")]
        languages: Dict[str, Any] = {}
        summaries: Dict[str, Any] = {}
        for done, path in enumerate(paths):
            io.progress(done, len(paths), "files")
            result = job.write(path, read_transcript(path))
            languages[result.language] = result.report
            summaries[result.language] = result.quality.summary()
            logger.info("%s: %s", result.file, result.quality)
            warn(io, *result.warnings)
        report = {"limits": settings.limits(), "languages": languages}
        text = json.dumps(report, ensure_ascii=False, indent=1)
        io.output("quality").write_text(text + "\n", encoding="utf-8", errors="backslashreplace")
        io.finalize(status="success", quality=summaries)
        return 0
    except (
        TranscriptError,
        SpeechError,
        FilmFactsError,
        RulesError,
        SubtitleError,
    ) as error:  # an input or a setting is wrong, not the program
        logger.error("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1
    except Exception as error:
        logger.exception("Unexpected error: %s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
