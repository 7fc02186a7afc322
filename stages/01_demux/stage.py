#!/usr/bin/env python3
"""Stage 01, demux: takes the sound out of a film, in step with its picture."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import List, Optional

from clip import Clip, ClipError, read_clip
from film import AudioTrack, Film, MediaError, choose_track, read_film
from sound import extract, has_surround, missing_sound, wav_seconds

from shared.config import load_config
from shared.stage_utils import StageIO


def run_stage(job_dir: Path, stage_name: str = "01_demux") -> int:
    """Writes audio.wav, probe.json and, for more than one channel, surround.flac.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        wanted_track = config.get("AUDIO_TRACK", "")
        clip = read_clip(config.get("CLIP_START", ""), config.get("CLIP_END", ""))
        io.set_config({"AUDIO_TRACK": wanted_track, "CLIP": asdict(clip)})

        [media] = io.inputs("media")
        film = read_film(media)
        track = choose_track(film, wanted_track)
        logger.info("Audio track %s of %s", track, media.name)

        probe = io.output("probe")
        probe.write_text(_probe_text(film, track, clip), encoding="utf-8")
        audio = io.output("audio")
        surround = io.output("surround") if has_surround(track) else None
        for warning in _demux(io, film, track, clip, audio, surround):
            logger.warning("%s", warning)
            io.add_warning(warning)
        logger.info("%.1f s of sound", wav_seconds(audio))
        io.finalize(status="success")
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


def _demux(
    io: StageIO, film: Film, track: AudioTrack, clip: Clip, audio: Path, surround: Optional[Path]
) -> List[str]:
    """Writes the sound; returns what its reader should know."""
    total = clip.length_within(film.duration)
    complaints = extract(
        film,
        track,
        clip,
        audio=audio,
        surround=surround,
        on_progress=lambda done: io.progress(done, total, "s"),
    )
    warnings = []
    if complaints:
        warnings.append(
            f"{film.path.name} is damaged; ffmpeg went on after {len(complaints)} errors, the"
            f" first: {complaints[0]}"
        )
    if film.duration is not None and clip.end is not None and clip.end > film.duration:
        warnings.append(f"CLIP_END comes after the film's end at {film.duration:.1f} s.")
    missing = missing_sound(film, clip, audio)
    return [*warnings, missing] if missing else warnings


def _probe_text(film: Film, track: AudioTrack, clip: Clip) -> str:
    """What later stages want to know about the film, and all that ffprobe said."""
    document = {
        "title": film.path.stem,
        "duration": film.duration,
        "clip": None if clip.is_whole_film else asdict(clip),
        "audio_track": asdict(track),
        **film.document,
    }
    # Escaped, because a file name need not be valid text.
    return json.dumps(document, indent=1, ensure_ascii=True) + "\n"


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
