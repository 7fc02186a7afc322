"""What the runner hands to the stage: the run's request.json."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Mapping, Optional, Tuple

from shared.errors import RequestError
from shared.spec import OutputSpec

RUN_VARIABLE: Final = "STAGERUN_RUN_ID"
STAGE_VARIABLE: Final = "STAGERUN_STAGE"
JOB_VARIABLE: Final = "OUTPUT_DIR"
VARIANT_VARIABLE: Final = "STAGERUN_VARIANT"


@dataclass(frozen=True)
class HandedFile:
    """An input as the runner measured it; the path is relative to the job."""

    path: str
    size_bytes: Optional[int]
    checksum: Optional[str]


@dataclass(frozen=True)
class HandedValue:
    """A resolved configuration value, and where it came from; None is unset."""

    value: Optional[str]
    source: str


@dataclass(frozen=True)
class HandedModel:
    """A model as the runner found it: its folder in the container, its files with their digests."""

    folder: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Request:
    """All that the runner resolved for one run."""

    file: Path
    run_id: str
    stage_id: str
    stages: Tuple[str, ...]
    skipped: Tuple[str, ...]
    config: Mapping[str, HandedValue]
    inputs: Mapping[str, Tuple[HandedFile, ...]]
    outputs: Mapping[str, OutputSpec]
    notices: Tuple[str, ...]
    secrets: Tuple[str, ...]
    variant: str
    models: Mapping[str, HandedModel]

    def handed_file(self, path: str) -> Optional[HandedFile]:
        """The handed-in input at a path relative to the job; None for any other file."""
        files = (file for group in self.inputs.values() for file in group)
        return next((file for file in files if file.path == path), None)


def current_run_id() -> Optional[str]:
    """The id of the run that the runner started this process for; None without a runner."""
    return os.environ.get(RUN_VARIABLE) or None


def job_folder(job_dir: os.PathLike[str] | str | None = None) -> Path:
    """The job's folder: the given one, else ``OUTPUT_DIR``, else ``out``; always absolute."""
    return Path(job_dir or os.environ.get(JOB_VARIABLE) or "out").absolute()


def load_request(job_dir: Path, run_id: str) -> Request:
    """Read the request of one run. Raises RequestError when it is missing or broken."""
    path = job_dir / ".stagerun" / "runs" / run_id / "request.json"
    try:
        return _request(path, json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = (
            f"The request of run {run_id} cannot be read from {path}: "
            f"{type(error).__name__}: {error}. The runner writes it before it starts the stage; "
            f"to run the stage without the runner, unset {RUN_VARIABLE}."
        )
        raise RequestError(message) from error


def _request(path: Path, data: Mapping[str, Any]) -> Request:
    return Request(
        file=path,
        run_id=str(data["run_id"]),
        stage_id=str(data["stage_id"]),
        stages=tuple(data.get("stages", ())),
        skipped=tuple(data.get("skipped", ())),
        config={
            key: HandedValue(part["value"], str(part["source"]))
            for key, part in data.get("config", {}).items()
        },
        inputs={
            name: tuple(_handed_file(part) for part in parts)
            for name, parts in data.get("inputs", {}).items()
        },
        outputs={
            name: OutputSpec(part["file"], part["type"], bool(part.get("optional")))
            for name, part in data.get("outputs", {}).items()
        },
        notices=tuple(data.get("notices", ())),
        secrets=tuple(data.get("secrets", ())),
        variant=str(data.get("variant", "main")),
        models={
            name: HandedModel(str(part["folder"]), dict(part["files"]))
            for name, part in data.get("models", {}).items()
        },
    )


def _handed_file(part: Mapping[str, Any]) -> HandedFile:
    return HandedFile(part["path"], part.get("size_bytes"), part.get("checksum"))
