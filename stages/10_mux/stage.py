#!/usr/bin/env python3
"""Stage 10, mux: puts the subtitles into the film."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import List, Optional

from muxing import Cut, write_film
from plan import Plan, Subtitle, choose_container, language_in_name, make_plan
from streams import MuxError, count_cues, read_media
from verification import verify

from shared.config import load_config
from shared.stage_utils import StageIO


def run_stage(job_dir: Path, stage_name: str = "10_mux") -> int:
    """Writes film.mkv or film.mp4: all that the film holds, and the subtitles as further tracks.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        wish = config.get("MUX_CONTAINER", "auto")
        [media] = io.inputs("media")
        container = choose_container(wish, media)
        cut = _cut(io.input("probe"))
        io.set_config({"MUX_CONTAINER": wish, "container": container.ending})

        subtitles = [
            Subtitle(path, language_in_name(path), count_cues(path))
            for path in io.inputs("subtitles")
        ]
        plan = make_plan(read_media(media), container, subtitles)
        for warning in _warnings(plan, subtitles):
            logger.warning("%s", warning)
            io.add_warning(warning)

        film = io.output("film", f"film.{container.ending}")
        _write_verified(io, plan, cut, film)
        logger.info("%s with %d new subtitle tracks", film.name, len(plan.added))
        io.finalize(status="success")
        return 0
    except MuxError as error:  # the film is wrong, not the program
        logger.error("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1
    except Exception as error:
        logger.exception("Unexpected error: %s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def _write_verified(io: StageIO, plan: Plan, cut: Cut, film: Path) -> None:
    """Gives the film its name only after it was looked at; otherwise nothing stays behind."""
    partial = film.with_name(film.name + ".partial")
    end = plan.media.duration if cut.end is None else cut.end
    total = None if end is None else end - cut.start
    try:
        write_film(plan, cut, partial, lambda done: io.progress(done, total, "s"))
        verify(plan, partial, is_whole_film=cut == Cut())
        partial.replace(film)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _cut(probe: Optional[Path]) -> Cut:
    """The clip that 01_demux cut the sound from: cues are relative to its start."""
    clip = None if probe is None else json.loads(probe.read_text("utf-8")).get("clip")
    return Cut(clip["start"], clip["end"]) if clip else Cut()


def _warnings(plan: Plan, subtitles: List[Subtitle]) -> List[str]:
    warnings = [
        f"{plan.container.ending} cannot hold {stream}; it is left out." for stream in plan.left_out
    ]
    warnings += [
        f"{subtitle.path.name} has no cue, so the film gets no such track."
        for subtitle in subtitles
        if not subtitle.cues
    ]
    return warnings + [
        f"{subtitle.language!r} is no language that a film can name; the track's is left open."
        for subtitle in plan.added
        if plan.language_of(subtitle) == "und"
    ]


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
