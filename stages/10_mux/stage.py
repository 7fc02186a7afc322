#!/usr/bin/env python3
"""Stage 10, mux: puts the subtitles into the film."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import List, Optional

from container_kinds import choose_container
from left_out import what_may_be_left_out
from muxing import Cut, write_film
from plan import Plan, make_plan
from srt_file import read_srt
from streams import MediaFile, MuxError, key_frame_before, read_media
from track_wishes import Subtitle, Wishes, language_in_name
from verification import verify

from shared.config import Config, load_config
from shared.stage_utils import StageIO
from shared.stage_warnings import warn

_LEAD_WORTH_TELLING_SECONDS = 0.05


def run_stage(job_dir: Path, stage_name: str = "10_mux") -> int:
    """Writes film.mkv, .mp4 or .webm: all that the film holds, and the subtitles as tracks.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        container_wish, wishes = config.get("MUX_CONTAINER", "auto"), _wishes(config)
        [media] = io.inputs("media")
        container = choose_container(container_wish, media)
        may_leave_out = what_may_be_left_out(config.get_list("MUX_LEAVE_OUT"))
        cut = _cut(io.input("probe"))
        io.set_config({"MUX_CONTAINER": container_wish, "container": container.ending})
        io.set_config({"MUX_LEAVE_OUT": " ".join(sorted(may_leave_out))})
        io.set_config({"subtitle_wishes": asdict(wishes)})

        subtitles = [
            Subtitle(path, language_in_name(path), read_srt(path))
            for path in io.inputs("subtitles")
        ]
        film_before = read_media(media)
        plan = make_plan(film_before, container, subtitles, wishes, may_leave_out)
        lead = cut.start - key_frame_before(film_before, cut.start)
        warn(io, *plan.warnings, *_about_lead(plan, cut, lead))

        film = io.output("film", f"film.{container.ending}")
        _write_verified(io, plan, cut, lead, film)
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


def _write_verified(io: StageIO, plan: Plan, cut: Cut, lead: float, film: Path) -> None:
    """Gives the film its name only after it was looked at; otherwise nothing stays behind."""
    partial = film.with_name(film.name + ".partial")
    total = cut.length_within(plan.media.duration)
    try:
        write_film(plan, cut, partial, lambda done: io.progress(done, total, "s"))
        lead_of_cues = 0.0 if plan.container.hides_lead else lead
        verify(plan, partial, seconds=_least_seconds(plan.media, cut), lead=lead_of_cues)
        partial.replace(film)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def _least_seconds(media: MediaFile, cut: Cut) -> float:
    """How long the film must be; 0 where its own length is not stated and may be an estimate."""
    length = None if media.duration is None else cut.length_within(media.duration)
    return length or 0.0


def _cut(probe: Optional[Path]) -> Cut:
    """The clip that 01_demux cut the sound from: cues are relative to its start."""
    clip = None if probe is None else json.loads(probe.read_text("utf-8")).get("clip")
    return Cut(clip["start"], clip["end"]) if clip else Cut()


def _wishes(config: Config) -> Wishes:
    """Without a wish the translations come first, as they were ordered, then the rest."""
    order = config.get_list("SUBTITLE_ORDER") or config.get_list("TARGET_LANGUAGES")
    return Wishes(
        order=tuple(order),
        default=config.get("SUBTITLE_DEFAULT", "").strip(),
        forced=tuple(config.get_list("SUBTITLE_FORCED")),
        sdh=tuple(config.get_list("SUBTITLE_SDH")),
    )


def _about_lead(plan: Plan, cut: Cut, lead: float) -> List[str]:
    if lead < _LEAD_WORTH_TELLING_SECONDS:
        return []
    begins = (
        f"The clip's picture is a copy and begins at a key frame, {lead:.2f} s before CLIP_START"
        f" ({cut.start:g} s)"
    )
    if plan.container.hides_lead:
        return [f"{begins}; the {plan.container.ending} tells players to skip that."]
    return [f"{begins}; subtitles are moved by as much, so that they fit."]


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
