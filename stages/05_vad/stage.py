#!/usr/bin/env python3
"""Stage 05, vad: finds where somebody speaks."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Iterator, List

from voice_model import FRAME_SECONDS, VoiceDetector
from voice_segments import VoiceRules, find_speech

from shared.config import Config, load_config
from shared.errors import ConfigError
from shared.recording import Recording, RecordingError
from shared.speech import Speech, write_speech
from shared.stage_utils import StageIO
from shared.stage_warnings import warn


def run_stage(job_dir: Path, stage_name: str = "05_vad") -> int:
    """Writes segments.json: the stretches of the recording in which somebody speaks.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        rules = _rules(load_config())
        io.set_config({f"VAD_{name.upper()}": value for name, value in asdict(rules).items()})

        [audio] = io.inputs("audio")
        output = io.output("segments")
        with Recording(audio) as recording:
            found = _listen(io, recording, rules)
            duration = recording.seconds
        write_speech(found, output)
        speech = sum(segment.end - segment.start for segment in found)
        logger.info("%d segments, %.1f s of speech in %.1f s", len(found), speech, duration)
        if not found:
            warning = (
                f"No speech was found in {audio.name} ({duration:.1f} s); if there is some,"
                " a lower VAD_THRESHOLD finds more."
            )
            warn(io, warning)
        io.finalize(status="success", segments=len(found), speech_seconds=round(speech, 3))
        return 0
    except (ConfigError, RecordingError) as error:  # not the program's fault
        logger.error("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1
    except Exception as error:
        logger.exception("Unexpected error: %s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def _rules(config: Config) -> VoiceRules:
    usual = VoiceRules()
    return VoiceRules(
        threshold=config.get("VAD_THRESHOLD", usual.threshold),
        hysteresis=config.get("VAD_HYSTERESIS", usual.hysteresis),
        min_speech=config.get("VAD_MIN_SPEECH", usual.min_speech),
        min_silence=config.get("VAD_MIN_SILENCE", usual.min_silence),
        padding=config.get("VAD_PADDING", usual.padding),
    )


def _listen(io: StageIO, recording: Recording, rules: VoiceRules) -> List[Speech]:
    total = recording.seconds

    def frames() -> Iterator[float]:
        done = 0
        for batch in VoiceDetector().probabilities(recording):
            yield from batch
            done += len(batch)
            io.progress(min(done * FRAME_SECONDS, total), total, "s")

    return find_speech(frames(), FRAME_SECONDS, total, rules)


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
