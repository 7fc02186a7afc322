"""The stage manifest as the runner demands it.

The stage side writes it with the standard library; the runner reads it through ``StageManifest``
as it would a stranger's. It is published as JSON Schema in ``docs/schema/``, and its units are
those of ``runner.manifest``.
"""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
)

SCHEMA_VERSION: Final = 1
MOMENT: Final = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII
)
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


def _moment(value: Any) -> Any:
    """Pydantic takes more for a time than RFC 3339, which is what the schema's format means."""
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        problem = "Input should be a time as RFC 3339 has it, such as 2026-11-21T09:14:02Z"
        raise ValueError(problem)
    return value


Moment = Annotated[datetime, Field(strict=False), BeforeValidator(_moment)]


class StageStatus(StrEnum):
    """What a stage may say of itself."""

    RUNNING = "running"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"


class Lenient(BaseModel):
    """A part of the stage manifest: further keys are the stage's own and kept.

    A value is taken as the schema has it or not at all: no text for a number.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, allow_inf_nan=False)


class TrackedFile(Lenient):
    """An input or output as the stage tracked it; the caller's metadata lies flat beside."""

    type: str
    path: str
    size_bytes: NonNegativeInt | None = None
    checksum: Digest | None = None
    exists: bool = True


class IntermediateFile(Lenient):
    """A scratch file that the stage owns up to."""

    path: str
    retained: bool = False
    reason: str | None = None
    size_bytes: NonNegativeInt | None = None


class StageErrorEntry(Lenient):
    """One error that the stage reported."""

    message: str
    timestamp: Moment | None = None
    exception_type: str | None = None
    traceback: str | None = None


class StageManifest(Lenient):
    """``<job>/<stage id>/manifest.json``, written by the stage."""

    stage: str
    stage_number: int | None
    status: StageStatus
    duration_seconds: NonNegativeFloat | None = None
    inputs: Annotated[list[TrackedFile], FailFast()]
    outputs: Annotated[list[TrackedFile], FailFast()]
    intermediate_files: Annotated[list[IntermediateFile], FailFast()] = []
    config: dict[str, Any] = {}
    models: dict[str, Any] = {}
    resources: dict[str, Any] = {}
    warnings: Annotated[list[str], FailFast()] = []
    errors: Annotated[list[StageErrorEntry | str], FailFast()] = []
    schema_version: int = SCHEMA_VERSION
    stage_id: str | None = None
    run_id: str | None = None
    timestamp: Moment | None = None
    completed_at: Moment | None = None
    reason: str | None = None
    error: str | None = None
    exit_code: int | None = None
