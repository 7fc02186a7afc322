#!/usr/bin/env python3
"""Stage 04, source_separation: takes music and noise away from the speech."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Optional, Tuple

from film_sound import Sounds
from separation_method import VocalModelError
from separation_report import Outcome, write_report

from shared.config import Config, load_config
from shared.recording import Recording, RecordingError
from shared.stage_utils import StageIO


def run_stage(job_dir: Path, stage_name: str = "04_source_separation") -> int:
    """Writes separation.json and, where speech could be separated, speech.wav.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        [audio] = io.inputs("audio")
        sounds = Sounds(audio, io.input("surround"), io.input("probe"))
        outcome, warning = _separate(io, config, sounds)
        write_report(outcome, io.output("report"))
        logger.info("%s: %s", outcome.decision.method.value, outcome.decision.reason)
        if warning:
            logger.warning("%s", warning)
            io.add_warning(warning)
        io.finalize(status="success", method=outcome.decision.method.value)
        return 0
    except (RecordingError, VocalModelError) as error:  # not the program's fault
        logger.error("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1
    except Exception as error:
        logger.exception("Unexpected error: %s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def _separate(io: StageIO, config: Config, sounds: Sounds) -> Tuple[Outcome, Optional[str]]:
    engine = config.get("SEPARATION_ENGINE", "auto")
    io.add_config("SEPARATION_ENGINE", engine)
    with Recording(sounds.audio) as recording:
        total = recording.seconds

    def on_progress(done: float) -> None:
        io.progress(min(done, total), total, "s")

    if engine != "demucs":
        from film_separation import separate_centre  # onnxruntime is in this engine's image only

        return separate_centre(sounds, lambda: io.output("speech"), on_progress)
    from model_separation import separate_by_model  # torch is in this engine's images only

    device = "cuda" if io.variant == "cuda" else "cpu"
    model = io.model("demucs")
    io.set_config({"SEPARATION_MODEL": model.name, "SEPARATION_DEVICE": device})
    return separate_by_model(sounds, model, device, io.output("speech"), on_progress), None


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
