#!/usr/bin/env python3
"""Stage 09, subtitle_gen: lays transcripts out as subtitle files."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Optional

from layout import Layout, lay_out
from subtitle_files import SubtitleError, file_language, file_title, srt_text, vtt_text

from shared.config import load_config
from shared.stage_utils import StageIO
from shared.transcript import TranscriptError, read_transcript


def run_stage(job_dir: Path, stage_name: str = "09_subtitle_gen") -> int:
    """Writes <title>.<language>.srt for each transcript, and .vtt with GENERATE_VTT.

    Returns 0 on success, 1 on failure.
    """
    io = StageIO(stage_name, job_dir, enable_manifest=True)
    logger = io.get_stage_logger()
    try:
        config = load_config()
        with_vtt = config.get_bool("GENERATE_VTT", default=False)
        layout = Layout(
            line_length=config.get_int("SUBTITLE_MAX_LINE_LENGTH", default=42),
            lines=config.get_int("SUBTITLE_MAX_LINES", default=2),
        )
        io.set_config({"GENERATE_VTT": with_vtt, "SUBTITLE_MAX_LINES": layout.lines})
        io.add_config("SUBTITLE_MAX_LINE_LENGTH", layout.line_length)

        title = file_title(_title(io.input("probe")))
        written = set()
        for path in io.inputs("segments"):
            transcript = read_transcript(path)
            name = f"{title}.{file_language(transcript.language)}"
            if name in written:
                message = (
                    f"{path.name} is the second transcript in {transcript.language!r}, and both"
                    f" would be {name}.srt. Keep one of them."
                )
                raise TranscriptError(message)
            written.add(name)
            cues = lay_out(transcript.segments, layout)
            # Bytes, because the line ends of a subtitle file must not depend on the machine.
            io.output("subtitles", f"{name}.srt").write_bytes(srt_text(cues).encode("utf-8"))
            if with_vtt:
                io.output("webvtt", f"{name}.vtt").write_bytes(vtt_text(cues).encode("utf-8"))
            logger.info("%s.srt: %d cues", name, len(cues))
            if not cues:
                logger.warning("%s.srt has no cue, because nothing is said.", name)
                io.add_warning(f"{name}.srt has no cue, because nothing is said.")
        io.finalize(status="success")
        return 0
    except (TranscriptError, SubtitleError) as error:  # the transcript is wrong, not the program
        logger.error("%s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1
    except Exception as error:
        logger.exception("Unexpected error: %s", error)
        io.add_error(str(error), error)
        io.finalize(status="failed")
        return 1


def _title(probe: Optional[Path]) -> str:
    """The film's title, as 01_demux found it; empty where that stage did not run."""
    return "" if probe is None else str(json.loads(probe.read_text("utf-8")).get("title", ""))


def main() -> int:
    """Runs the stage on the job that OUTPUT_DIR names."""
    return run_stage(Path(os.environ.get("OUTPUT_DIR", "out")))


if __name__ == "__main__":
    sys.exit(main())
