#!/usr/bin/env python3
"""Stage 06, asr: turns speech into text, with times."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import List, Optional

from recognition import (
    RecognitionError,
    UnsupportedLanguageError,
    check_language,
    recognise,
)
from sentence import as_sentence
from speech import Utterance, find_utterances, read_utterances

from shared.config import load_config
from shared.recording import Recording, RecordingError
from shared.stage_utils import StageIO
from shared.transcript import Transcript, write_transcript


def run_stage(job_dir: Path, stage_name: str = "06_asr") -> int:
    """Writes segments.json: what is said in the recording, and when.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        language = check_language(config.get("SOURCE_LANGUAGE", "en"))
        engine = config.get("ASR_ENGINE", "pocketsphinx")
        io.set_config({"ASR_ENGINE": engine, "SOURCE_LANGUAGE": language})

        [audio] = io.inputs("audio")
        output = io.output("segments")
        with Recording(audio) as recording:
            utterances = _utterances(recording, io.input("speech"))
            logger.info("%d utterances in %.1f s of sound", len(utterances), recording.seconds)
            segments = []
            for utterance, words in recognise(audio, utterances):
                if words:
                    segments.append(as_sentence(words))
                    logger.debug("%.2f s: %s", segments[-1].start, segments[-1].text)
                io.progress(utterance.end, recording.seconds, "s")
            io.progress(recording.seconds, recording.seconds, "s")
        write_transcript(Transcript(language, tuple(segments)), output)
        if not segments:
            logger.warning("No speech was found; the transcript is empty.")
            io.add_warning("No speech was found; the transcript is empty.")
        io.finalize(status="success", segments=len(segments))
        return 0
    except (
        UnsupportedLanguageError,
        RecognitionError,
        RecordingError,
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


def _utterances(recording: Recording, speech: Optional[Path]) -> List[Utterance]:
    """Where an earlier stage heard speech, if the job has such a stage; else where we hear it."""
    return find_utterances(recording) if speech is None else read_utterances(speech, recording)


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
