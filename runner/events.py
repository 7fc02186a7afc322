"""What happens, as values: the runner emits them, observers show or write them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeAlias

from runner.errors import Verdict

SECONDS: Final = ("s", "seconds")
"""Units of a stage's progress that count seconds of media."""

LONGEST_MEDIA_SECONDS: Final = 1e7
"""Four months: what is said to be longer is no media."""


@dataclass(frozen=True, kw_only=True)
class JobStarted:
    """A job's stages are about to run."""

    job: str
    headline: str
    stages: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PlannedJob:
    """A job that a call will run; ``took`` is how long stages took that are done, in seconds.

    ``input_bytes`` is the size of its input files, ``media_seconds`` the length of its media, where
    a stage said it. Stages that are ``there`` have a result, and run only if it no longer holds.
    """

    job: str
    stages: tuple[str, ...]
    input_bytes: int
    took: Mapping[str, float]
    media_seconds: float | None = None
    there: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class JobsPlanned:
    """These jobs will run, each when its turn comes."""

    jobs: tuple[PlannedJob, ...]


@dataclass(frozen=True, kw_only=True)
class Watching:
    """From now on the call makes jobs of what arrives in a folder."""

    folder: str


@dataclass(frozen=True, kw_only=True)
class JobRefused:
    """What the caller named cannot be run as a job; the others go on."""

    job: str
    reason: str
    exit_code: int


@dataclass(frozen=True, kw_only=True)
class JobTaken:
    """What was refused, by the name that it was refused by, has become a job after all."""

    job: str


class WaitsFor(StrEnum):
    """What a stage waits for."""

    PLACE = "place"
    """An end of any stage on this machine; another stage would have to wait for one, too."""

    RUNNER = "runner"
    """Another runner, which has that stage of that job."""

    PAUSE = "pause"
    """The time between two attempts."""

    RESOURCE = "resource"
    """Memory or a GPU, of which other stages may need less or none."""


@dataclass(frozen=True, kw_only=True)
class StageWaiting:
    """A stage cannot start yet."""

    stage: str
    reason: str
    waits_for: WaitsFor = WaitsFor.RESOURCE


@dataclass(frozen=True, kw_only=True)
class RunStarted:
    """A container is about to start; or one that a dead runner had started is taken over.

    It is for attempt ``attempt`` of at most ``attempts``.
    """

    stage: str
    run_id: str
    image: str
    gpus: tuple[str, ...] = ()
    adopted: bool = False
    attempt: int = 1
    attempts: int = 1


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One line that a stage logged at INFO or above; ``time`` is ISO 8601 UTC."""

    stage: str
    run_id: str
    time: str
    level: str
    message: str
    sequence: int | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far a stage is, in ``unit``; ``total`` is None when unknown."""

    stage: str
    run_id: str
    done: float
    total: float | None
    unit: str

    @property
    def media_seconds(self) -> float | None:
        """The length of the media that the stage works on, where its progress counts seconds."""
        total = self.total or 0.0
        is_length = self.unit in SECONDS and 0 < total < LONGEST_MEDIA_SECONDS
        return float(total) if is_length else None


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What the container uses now, measured from the host, in bytes and seconds."""

    stage: str
    run_id: str
    memory_bytes: int | None
    cpu_seconds: float | None
    gpu_memory_bytes: int | None = None
    gpu_utilisation: float | None = None


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something the user must be told while a stage runs (a fallback, an old image)."""

    stage: str | None
    message: str


@dataclass(frozen=True, kw_only=True)
class AttemptFailed:
    """An attempt of a stage ended badly or was refused, and another one follows.

    ``attempt`` is the one that failed, of at most ``attempts``; the other fields are as in
    ``StageFinished``.
    """

    stage: str
    attempt: int
    attempts: int
    verdict: Verdict
    summary: str
    details: tuple[str, ...] = ()
    run_id: str | None = None
    duration_seconds: float | None = None
    memory_peak_bytes: int | None = None
    record: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class StageFinished:
    """A stage is done for this call: it ran, was cached, skipped or refused.

    ``verdict`` is None where what the caller wrote was refused before there was anything to judge;
    ``exit_code`` is what this stage alone would have the call end with. ``summary`` is the short
    text behind the name (outputs, or the reason); ``details`` are the further lines of an error.
    ``duration_seconds`` and ``memory_peak_bytes`` are None when no container ran.
    """

    stage: str
    verdict: Verdict | None
    summary: str
    exit_code: int = 0
    details: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    run_id: str | None = None
    duration_seconds: float | None = None
    memory_peak_bytes: int | None = None
    record: dict[str, Any] | None = None

    @property
    def good(self) -> bool:
        """Whether consumers can go on."""
        return self.verdict is not None and self.verdict.good


@dataclass(frozen=True, kw_only=True)
class JobFinished:
    """All stages of the call are done; ``result`` are the files that the user came for.

    ``verdict`` and ``exit_code`` are those of the first stage that was not good; the verdict is
    None as in ``StageFinished``.
    """

    job: str
    verdict: Verdict | None
    exit_code: int
    result: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FailedJob:
    """A job that did not end well: the stage that is to blame, or None where it was refused.

    ``verdict`` is None as in ``StageFinished``, ``run_id`` where there was no run to look into. Of
    a fault of the program itself ``log`` is the job's log, which has the place in the program.
    """

    job: str
    stage: str | None
    verdict: Verdict | None
    exit_code: int
    reason: str
    run_id: str | None = None
    log: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobsFinished:
    """All jobs of the call have ended: ``done`` of them well, those in ``failed`` not.

    Of those that are done, in ``up_to_date`` nothing had to run. ``cancelled`` counts those that
    were stopped or did not come to their turn.
    """

    done: int
    up_to_date: int
    failed: tuple[FailedJob, ...]
    cancelled: int
    duration_seconds: float
    exit_code: int


@dataclass(frozen=True, kw_only=True)
class BuildStarted:
    """An image is about to be built; ``reason`` says why."""

    image: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class BuildProgress:
    """A step of a build, or a line that it printed."""

    image: str
    step: str
    line: str | None = None


@dataclass(frozen=True, kw_only=True)
class BuildFinished:
    """An image was built; size in bytes."""

    image: str
    duration_seconds: float
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Copying:
    """A large input file is being copied into a job; sizes in bytes."""

    path: str
    done: int
    total: int


Event: TypeAlias = (
    JobsPlanned | JobStarted | JobRefused | JobTaken | Watching | StageWaiting | RunStarted
    | LogLine | Progress | Resources | Notice | AttemptFailed | StageFinished | JobFinished
    | JobsFinished | BuildStarted | BuildProgress | BuildFinished | Copying
)  # fmt: skip

Observer: TypeAlias = Callable[[Event], None]
