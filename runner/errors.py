"""What can go wrong, one class per cause, and what the shell is told about it.

StagerunError                      exit code
├── UsageError                     2     what the caller wrote is wrong
│   ├── SettingsError                    stagerun.yaml
│   ├── SpecError                        stage.yaml, or the graph that the specs make
│   ├── JobFileError                     job.yaml
│   ├── ConfigError                      a value of a configuration key
│   ├── FixtureError                     a stage's fixture.yaml or expect.yaml, or what they name
│   ├── UnknownStageError                no such stage
│   ├── UnknownWorkflowError             no such workflow
│   └── JobFolderError                   missing, no job, on another file system inside
│       └── JobAccessError               the system refuses a file of it, which may pass
├── StageFailedError               1     the stage says failed, or exits non-zero
├── ContractViolationError         3     the manifest is missing, invalid or contradicted
├── InputMissingError              4     an upstream stage has no good result, or a file is absent
├── EngineError                    5
│   ├── EngineUnavailableError           no engine answers
│   ├── RemoteEngineError                the engine runs on another machine
│   ├── ImageMissingError                the image is not built
│   ├── ImageMismatchError               the image is not the one that was pinned, or does not fit
│   ├── BuildError                       a step of a build failed
│   └── ModelMissingError                a model is absent or changed
├── GpuError                       6
│   ├── GpuUnavailableError              the GPU that was required is not there
│   ├── GpuLostError                     it vanished during the run
│   └── GpuMismatchError                 it was declared and never used
├── OutOfMemoryError               7
├── TimeLimitError                 8
├── DiskFullError                  9
├── RunnerLostError                10    the runner of that run died
├── NotAdmittedError               11    limits refuse the run at present
│   └── StageBusyError                   another runner has the stage
└── CancelledError                 130   SIGINT; 143 for SIGTERM, 129 for SIGHUP
"""

from enum import StrEnum
from typing import ClassVar, Final


class Verdict(StrEnum):
    """The typed cause of a run's end."""

    SUCCESS = "success"
    CACHED = "cached"
    SKIPPED = "skipped"
    STAGE_FAILED = "stage_failed"
    CONTRACT_VIOLATION = "contract_violation"
    INPUT_MISSING = "input_missing"
    ENGINE_UNAVAILABLE = "engine_unavailable"
    IMAGE_MISSING = "image_missing"
    IMAGE_MISMATCH = "image_mismatch"
    MODEL_MISSING = "model_missing"
    GPU_UNAVAILABLE = "gpu_unavailable"
    GPU_LOST = "gpu_lost"
    GPU_MISMATCH = "gpu_mismatch"
    OOM_MEMORY = "oom_memory"
    OOM_GPU = "oom_gpu"
    TIMEOUT = "timeout"
    DISK_FULL = "disk_full"
    RUNNER_LOST = "runner_lost"
    BUSY = "busy"
    NOT_ADMITTED = "not_admitted"
    CANCELLED = "cancelled"

    @property
    def good(self) -> bool:
        """Whether consumers may use what the run left."""
        return self in GOOD


GOOD: Final = frozenset({Verdict.SUCCESS, Verdict.CACHED, Verdict.SKIPPED})

EXIT_CODES: Final[dict[Verdict, int]] = {
    Verdict.SUCCESS: 0,
    Verdict.CACHED: 0,
    Verdict.SKIPPED: 0,
    Verdict.STAGE_FAILED: 1,
    Verdict.CONTRACT_VIOLATION: 3,
    Verdict.INPUT_MISSING: 4,
    Verdict.ENGINE_UNAVAILABLE: 5,
    Verdict.IMAGE_MISSING: 5,
    Verdict.IMAGE_MISMATCH: 5,
    Verdict.MODEL_MISSING: 5,
    Verdict.GPU_UNAVAILABLE: 6,
    Verdict.GPU_LOST: 6,
    Verdict.GPU_MISMATCH: 6,
    Verdict.OOM_MEMORY: 7,
    Verdict.OOM_GPU: 7,
    Verdict.TIMEOUT: 8,
    Verdict.DISK_FULL: 9,
    Verdict.RUNNER_LOST: 10,
    Verdict.BUSY: 11,
    Verdict.NOT_ADMITTED: 11,
    Verdict.CANCELLED: 130,
}

SIGNAL_EXIT_CODES: Final[dict[str, int]] = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


class StagerunError(Exception):
    """The root: its text is what the user reads (what happened, why, what to do next)."""

    exit_code: ClassVar[int] = 1
    verdict: ClassVar[Verdict | None] = None


class UsageError(StagerunError):
    """What the caller wrote is wrong."""

    exit_code = 2


class SettingsError(UsageError):
    """``stagerun.yaml`` cannot be used."""


class SpecError(UsageError):
    """A ``stage.yaml`` cannot be used, or the stages do not fit together."""


class JobFileError(UsageError):
    """``job.yaml`` cannot be used."""


class ConfigError(UsageError):
    """A configuration key is unknown, or its value does not fit."""


class FixtureError(UsageError):
    """A stage's fixture is missing or wrong."""


class UnknownStageError(UsageError):
    """No stage of the project has that name."""


class UnknownWorkflowError(UsageError):
    """No workflow of the project has that name."""


class JobFolderError(UsageError):
    """The job directory cannot be used as it is."""


class JobAccessError(JobFolderError):
    """The system refuses a file of a job at present: rights, or a disk that is not there."""


class StageFailedError(StagerunError):
    """The stage says failed, or exits non-zero."""

    exit_code = 1
    verdict = Verdict.STAGE_FAILED


class ContractViolationError(StagerunError):
    """The manifest is missing, invalid, or contradicted by the files."""

    exit_code = 3
    verdict = Verdict.CONTRACT_VIOLATION


class InputMissingError(StagerunError):
    """An upstream stage has no good result, or an input file is not there."""

    exit_code = 4
    verdict = Verdict.INPUT_MISSING


class EngineError(StagerunError):
    """The engine, or what it should run, is not usable."""

    exit_code = 5
    verdict = Verdict.ENGINE_UNAVAILABLE


class EngineUnavailableError(EngineError):
    """No engine answers, or it stopped in the middle."""


class RemoteEngineError(EngineError):
    """The engine runs on another machine, whose paths are not ours."""


class ImageMissingError(EngineError):
    """The image is not built."""

    verdict = Verdict.IMAGE_MISSING


class ImageMismatchError(EngineError):
    """The image is not the one that was asked for, or does not fit."""

    verdict = Verdict.IMAGE_MISMATCH


class BuildError(EngineError):
    """A step of an image build failed."""

    verdict = Verdict.IMAGE_MISSING


class ModelMissingError(EngineError):
    """A model is absent from the model store, or incomplete."""

    verdict = Verdict.MODEL_MISSING


class GpuError(StagerunError):
    """A GPU is not what the stage needs."""

    exit_code = 6


class GpuUnavailableError(GpuError):
    """The GPU that the stage requires is not there, or too full."""

    verdict = Verdict.GPU_UNAVAILABLE


class GpuLostError(GpuError):
    """The GPU vanished during the run."""

    verdict = Verdict.GPU_LOST


class GpuMismatchError(GpuError):
    """The GPU was declared and never used."""

    verdict = Verdict.GPU_MISMATCH


class OutOfMemoryError(StagerunError):
    """The container's memory limit, the machine's memory or the GPU's was reached."""

    exit_code = 7
    verdict = Verdict.OOM_MEMORY


class TimeLimitError(StagerunError):
    """The stage ran into its time limit."""

    exit_code = 8
    verdict = Verdict.TIMEOUT


class DiskFullError(StagerunError):
    """No space for outputs or images."""

    exit_code = 9
    verdict = Verdict.DISK_FULL


class RunnerLostError(StagerunError):
    """The runner of that run died before it could close it."""

    exit_code = 10
    verdict = Verdict.RUNNER_LOST


class NotAdmittedError(StagerunError):
    """Memory, or the limit on stages at once, refuses the run at present."""

    exit_code = 11
    verdict = Verdict.NOT_ADMITTED


class StageBusyError(NotAdmittedError):
    """Another runner has the stage."""

    verdict = Verdict.BUSY


class CancelledError(StagerunError):
    """Somebody told the runner to stop before the container was started."""

    exit_code = 130
    verdict = Verdict.CANCELLED
