#!/usr/bin/env python3
"""Stage 01, demux: takes the sound out of a film, in step with its picture."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import List

from clip import Clip, ClipError, read_clip
from film import AudioTrack, Film, MediaError, choose_track, read_film
from loudness import Loudness
from sound import Extracted, Targets, extract, has_surround, missing_sound, wav_seconds

from shared.config import load_config
from shared.stage_utils import StageIO
from shared.stage_warnings import warn


def run_stage(job_dir: Path, stage_name: str = "01_demux") -> int:
    """Writes audio.wav, probe.json and, for more than one channel, surround.flac.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        wanted_track = config.get("AUDIO_TRACK", "")
        true_peak = config.get_bool("MEASURE_TRUE_PEAK", default=False)
        clip = read_clip(config.get("CLIP_START", ""), config.get("CLIP_END", ""))
        io.set_config({"AUDIO_TRACK": wanted_track, "CLIP": asdict(clip)})
        io.set_config({"MEASURE_TRUE_PEAK": true_peak})

        [media] = io.inputs("media")
        film = read_film(media)
        track = choose_track(film, wanted_track)
        logger.info("Audio track %s of %s", track, media.name)

        surround = io.output("surround") if has_surround(track) else None
        targets = Targets(io.output("audio"), surround, true_peak)
        total = clip.length_within(film.duration)
        extracted = extract(film, track, clip, targets, lambda done: io.progress(done, total, "s"))
        warn(io, *_warnings(film, track, clip, extracted, targets))
        probe = _probe_text(film, track, clip, extracted.loudness)
        io.output("probe").write_text(probe, encoding="utf-8")
        logger.info("%.1f s of sound", wav_seconds(targets.audio))
        io.finalize(status="success", loudness=asdict(extracted.loudness))
        return 0
    except (ClipError, MediaError) as error:  # the film or a setting is wrong, not the program
        logger.error("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1
    except Exception as error:
        logger.exception("Unexpected error: %s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def _warnings(
    film: Film, track: AudioTrack, clip: Clip, extracted: Extracted, targets: Targets
) -> List[str]:
    """What the reader of the sound should know. Raises MediaError for a film that is cut off."""
    warnings = []
    if extracted.errors:
        warnings.append(
            f"{film.path.name} is damaged; ffmpeg went on after {extracted.error_count} errors, the"
            f" first: {extracted.errors[0]}"
        )
    if track.channels > 1 and targets.surround is None:
        warnings.append(
            f"{track.channels} channels are more than surround.flac can hold, so that only their"
            " mixture is kept."
        )
    if film.duration is not None and clip.end is not None and clip.end > film.duration:
        warnings.append(f"CLIP_END comes after the film's end at {film.duration:.1f} s.")
    if extracted.loudness.sample_peak_dbfs is None:
        warnings.append(f"Audio track {track} is silent from beginning to end.")
    missing = missing_sound(film, clip, targets.audio)
    return [*warnings, missing] if missing else warnings


def _probe_text(film: Film, track: AudioTrack, clip: Clip, loudness: Loudness) -> str:
    """What later stages want to know about the film, and all that ffprobe said."""
    document = {
        "title": film.path.stem,
        "duration": film.duration,
        "clip": None if clip.is_whole_film else asdict(clip),
        "audio_track": asdict(track),
        "loudness": asdict(loudness),
        **film.document,
    }
    # Escaped, because a file name need not be valid text.
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
