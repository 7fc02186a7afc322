"""The stages' names and their order: which folder a name means, and which stage comes before."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Callable, Final, Optional, Sequence

from shared.errors import StageNameError

# Known where no spec says which stages the project has.
STAGE_IDS: Final = (
    "01_demux",
    "02_tmdb",
    "03_glossary_load",
    "04_source_separation",
    "05_vad",
    "06_asr",
    "07_alignment",
    "08_translation",
    "09_subtitle_gen",
    "10_mux",
)
RESERVED: Final = ("input", "logs", "manifest.json", "job.yaml")

_NUMBERED = re.compile(r"([0-9]+)_(.+)", re.DOTALL)


def stage_number(stage_id: str) -> Optional[int]:
    """6 of ``06_asr``; None for a name without a number."""
    match = _NUMBERED.fullmatch(stage_id)
    return int(match[1]) if match else None


def stage_name(stage_id: str) -> str:
    """``asr`` of ``06_asr``; a name without a number stays whole."""
    match = _NUMBERED.fullmatch(stage_id)
    return match[2] if match else stage_id


def resolve_stage_id(name: str, known: Sequence[str]) -> str:
    """The folder that a name means: a known stage's, by id or bare name, else exactly the name.

    Raises StageNameError for a name that cannot be a stage's folder.
    """
    check_stage_name(name)
    if name in known:
        return name
    return next((stage for stage in known if stage_name(stage) == name), name)


def check_stage_name(name: str) -> None:
    """Raises StageNameError unless the name is one plain folder name of a job."""
    plain = len(PurePosixPath(name).parts) == 1 and "/" not in name and "\0" not in name
    if not plain or name.startswith(".") or name in RESERVED:
        message = (
            f"{name!r} cannot be a stage's folder: it must be one plain folder name, not hidden "
            f"and none of {', '.join(RESERVED)}. Name the stage as its folder is named."
        )
        raise StageNameError(message)


def stage_before(
    stage_id: str, known: Sequence[str], left_out: Callable[[str], bool]
) -> Optional[str]:
    """The nearest lower stage that is not left out; None for the first and for unknown stages."""
    number = stage_number(stage_id)
    if stage_id not in known or number is None:
        return None
    lower = [
        (its_number, stage)
        for stage in known
        if (its_number := stage_number(stage)) is not None and its_number < number
    ]
    return next((stage for _, stage in sorted(lower, reverse=True) if not left_out(stage)), None)
