"""Paths inside a job, as a stage names them."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Optional

from shared.files import PathLike
from shared.open_stages import OpenStage
from shared.stage_order import resolve_stage_id, stage_before


def checked_name(name: PathLike) -> PurePosixPath:
    """A file name relative to a folder. Raises ValueError for absolute names and ``..``."""
    relative = PurePosixPath(os.fspath(name))
    if relative.is_absolute() or ".." in relative.parts:
        message = (
            f"{os.fspath(name)!r} leaves the folder it belongs to: give a name relative to it, "
            f"without '..'."
        )
        raise ValueError(message)
    return relative


def input_path(stage: OpenStage, name: PathLike, from_stage: Optional[str]) -> Path:
    """Where a file of an earlier stage lies, whether it is there or not.

    Raises ValueError for a name that leaves the folder.
    """
    return input_folder(stage, from_stage) / checked_name(name)


def input_folder(stage: OpenStage, from_stage: Optional[str] = None) -> Path:
    """The folder of the named stage, else of the one before, else ``input/`` of the job."""
    if from_stage is not None:
        known = resolve_stage_id_or_folder(from_stage, stage)
        return stage.job_dir / known
    before = stage_before(stage.stage_id, stage.known_stages, lambda other: _left_out(stage, other))
    return stage.job_dir / (before or "input")


def resolve_stage_id_or_folder(name: str, stage: OpenStage) -> str:
    """A known stage's folder, else a folder of exactly that name, such as ``input``."""
    checked_name(name)
    return name if name == "input" else resolve_stage_id(name, stage.known_stages)


def _left_out(stage: OpenStage, other: str) -> bool:
    """Whether another stage was skipped or is not in the job."""
    if stage.request is not None:
        return other in stage.request.skipped
    folder = stage.job_dir / other
    if not folder.is_dir():
        return True
    with suppress(OSError, ValueError, AttributeError):
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        return bool(manifest.get("status") == "skipped")
    return False
