"""The runner's own documents: the run record and the job manifest.

They are published as JSON Schema in ``docs/schema/``, and so is the stage manifest, which is in
``runner.stage_document``.

Sizes are bytes, durations seconds (``*_ms`` milliseconds), times ISO 8601 UTC, digests
``sha256:<hex>``, paths relative to the job directory unless a key says otherwise.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    NonNegativeFloat,
    NonNegativeInt,
)

from runner.attempt_record import AttemptRecord
from runner.errors import Verdict
from runner.stage_document import SCHEMA_VERSION, Digest, StageStatus


class Strict(BaseModel):
    """A document of the runner's own: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Finding(Strict):
    """Where the manifest or the folder departs from the contract."""

    path: str
    problem: str
    severity: Literal["error", "warning"] = "error"


class OutputFile(Strict):
    """An output as the runner found and hashed it."""

    name: str
    path: str
    type: str
    size_bytes: NonNegativeInt
    checksum: Digest


class LogFile(Strict):
    """A stage's own log, ``stage.log``, as it was at the end of its run."""

    size_bytes: NonNegativeInt
    checksum: Digest


class InputFile(Strict):
    """An input as the runner handed it in."""

    name: str
    path: str
    size_bytes: NonNegativeInt
    checksum: Digest


class GivenFile(Strict):
    """A file that the user gave as an output; ``source`` is where it came from, absolute."""

    name: str
    path: str
    source: str


class ModelFiles(Strict):
    """A model that a run used: its folder in the model store, its files with their digests."""

    folder: str
    files: dict[str, Digest]


class ConfigValue(Strict):
    """A resolved configuration value and where it came from."""

    value: str | None
    source: str


class ImageReference(Strict):
    """The image that a run used: the name is for people, the digest counts."""

    name: str
    digest: Digest


class Limits(Strict):
    """What the container may use; None means no limit."""

    memory_bytes: int | None = None
    cpus: float | None = None
    pids: int | None = None
    tmp_bytes: int | None = None
    shm_bytes: int | None = None
    timeout_seconds: float | None = None


class LimitDifference(Strict):
    """A limit that is in force otherwise than the spec asked."""

    name: str
    asked: str
    effective: str
    reason: str


class Usage(Strict):
    """What the run used, measured from the host; None where nothing could be measured."""

    cpu_seconds: NonNegativeFloat | None = None
    memory_peak_bytes: NonNegativeInt | None = None
    read_bytes: NonNegativeInt | None = None
    write_bytes: NonNegativeInt | None = None
    gpu_memory_peak_bytes: NonNegativeInt | None = None
    gpu_utilisation_mean: NonNegativeFloat | None = None
    gpu_energy_joules: NonNegativeFloat | None = None
    gpu_used: bool | None = None
    samples: NonNegativeInt = 0
    gpu_samples: NonNegativeInt = 0


class Evidence(Strict):
    """The facts that the verdict was computed from; None is unknown, not no."""

    exit_code: int | None = None
    oom_event: bool | None = None
    oom_flag: bool | None = None
    oom_kills: int | None = None
    stopped_for: str | None = None
    gpu_error: str | None = None
    engine_error: str | None = None
    disk_free_bytes: int | None = None
    manifest_status: StageStatus | None = None
    manifest_problem: str | None = None


def _listed(value: Any) -> Any:
    """Records of earlier versions have one figure for all GPUs, or null."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


class GpuGrant(Strict):
    """Which GPUs the run asked for and had.

    ``asked`` is bytes on each, or all; None where nothing was known of its need. ``source`` is
    where that was set, or how it was learnt. ``memory_bytes`` was reserved on each of ``uuids``,
    whose models are ``names``.
    """

    need: Literal["none", "optional", "required"]
    asked: NonNegativeInt | Literal["all"] | None = None
    source: str | None = None
    uuids: list[str] = []
    names: list[str] = []
    memory_bytes: Annotated[list[NonNegativeInt], BeforeValidator(_listed)] = []
    fallback: str | None = None


class GpuCurve(Strict):
    """The course of one GPU over the run, in at most 200 stretches of time that each list has.

    ``seconds`` is when a stretch begins, since the runner began to look. Memory is the most that
    the container held in it, everything else a mean of the whole GPU; None where not measured.
    """

    memory_peak_bytes: NonNegativeInt | None = None
    memory_total_bytes: NonNegativeInt | None = None
    utilisation_mean: NonNegativeFloat | None = None
    power_watts_mean: NonNegativeFloat | None = None
    temperature_celsius_peak: int | None = None
    energy_joules: NonNegativeFloat | None = None
    seconds: list[NonNegativeFloat] = []
    memory_bytes: list[NonNegativeInt | None] = []
    utilisation: list[NonNegativeFloat | None] = []
    power_watts: list[NonNegativeFloat | None] = []
    temperature_celsius: list[float | None] = []


class RunnerIdentity(Strict):
    """The process that ran it."""

    pid: int
    pid_started: str
    boot_id: str
    machine_id: str
    version: str


class RunRecord(Strict):
    """``.stagerun/runs/<run id>/record.json``: all that is known about one run.

    ``media_seconds`` is the length of the media that the stage worked on, if its progress said it.
    """

    schema_version: int = SCHEMA_VERSION
    run_id: str
    stage_id: str
    job: str
    variant: str | None
    dev: bool = False
    attempt: AttemptRecord = AttemptRecord()
    verdict: Verdict
    reason: str
    advice: str | None = None
    summary: str = ""
    started_at: datetime
    ended_at: datetime
    duration_seconds: NonNegativeFloat
    media_seconds: NonNegativeFloat | None = None
    image: ImageReference | None = None
    container_id: str | None = None
    fingerprint: Digest | None = None
    components: dict[str, str] = {}
    config: dict[str, ConfigValue] = {}
    models: dict[str, ModelFiles] = {}
    inputs: list[InputFile] = []
    outputs: list[OutputFile] = []
    given: list[GivenFile] = []
    stage_log: LogFile | None = None
    limits_asked: Limits = Limits()
    limits_effective: Limits | None = None
    limit_differences: list[LimitDifference] = []
    usage: Usage = Usage()
    gpu: GpuGrant = GpuGrant(need="none")
    gpu_curve: dict[str, GpuCurve] = {}
    overheads_ms: dict[str, NonNegativeFloat] = {}
    evidence: Evidence = Evidence()
    findings: list[Finding] = []
    findings_total: NonNegativeInt = 0
    warnings: list[str] = []
    runner: RunnerIdentity


class StageEntry(Strict):
    """A stage in the job manifest: the last run, and the result that is in force."""

    verdict: Verdict
    reason: str
    summary: str = ""
    run_id: str | None = None
    good_run_id: str | None = None
    good_is: Literal["in place", "previous"] | None = None
    fingerprint: Digest | None = None
    completed_at: datetime
    duration_seconds: NonNegativeFloat | None = None
    media_seconds: NonNegativeFloat | None = None
    memory_peak_bytes: NonNegativeInt | None = None
    outputs: list[OutputFile] = []
    given: list[GivenFile] = []
    warnings: list[str] = []
    manifest: str | None = None
    manifest_checksum: Digest | None = None
    log: str | None = None
    record: str | None = None


class JobManifest(Strict):
    """``<job>/manifest.json``, written by the runner alone."""

    schema_version: int = SCHEMA_VERSION
    job: str
    workflow: str | None = None
    created_at: datetime
    updated_at: datetime
    stages: dict[str, StageEntry] = {}
