"""The names and paths of a stage that is open."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from shared.open_stages import OpenStage
from shared.stage_order import stage_name, stage_number


class StagePlaces:
    """What a stage is called, and where it reads and writes."""

    def __init__(self, stage: OpenStage) -> None:
        self._stage = stage

    @property
    def job_dir(self) -> Path:
        """The job's folder, absolute."""
        return self._stage.job_dir

    @property
    def output_base(self) -> Path:
        """The same as ``job_dir``."""
        return self._stage.job_dir

    @property
    def stage_dir(self) -> Path:
        """The stage's own folder, the only one it may write to."""
        return self._stage.stage_dir

    @property
    def logs_dir(self) -> Path:
        """Where the job's pipeline logs lie."""
        return self.job_dir / "logs"

    @property
    def stage_log(self) -> Path:
        """The file that has every log line of this stage."""
        return self.stage_dir / "stage.log"

    @property
    def manifest_path(self) -> Path:
        """The stage's manifest."""
        return self.stage_dir / "manifest.json"

    @property
    def stage_id(self) -> str:
        """The name of the stage's folder, ``06_asr``."""
        return self._stage.stage_id

    @property
    def stage_name(self) -> str:
        """The stage's name without its number, ``asr``."""
        return stage_name(self._stage.stage_id)

    @property
    def stage_number(self) -> Optional[int]:
        """The number in front of the folder's name; None without one."""
        return stage_number(self._stage.stage_id)
