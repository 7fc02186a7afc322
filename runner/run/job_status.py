"""Where a job stands as a whole: how much of it is done, and which stage matters now."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from runner.job.folder import Job
from runner.project.pipeline import Project
from runner.run.overview import StageStatus, State, needed_stages, overview


class JobState(StrEnum):
    """How a job stands."""

    DONE = "done"
    FAILED = "failed"
    RUNNING = "running"
    RUNNER_LOST = "runner_lost"
    ELSEWHERE = "elsewhere"
    CHANGED = "changed"
    CANCELLED = "cancelled"
    TO_DO = "to_do"
    REFUSED = "refused"


DECISIVE: Final = {
    State.RUNNER_LOST: JobState.RUNNER_LOST,
    State.RUNNING: JobState.RUNNING,
    State.ELSEWHERE: JobState.ELSEWHERE,
    State.FAILED: JobState.FAILED,
    State.CHANGED: JobState.CHANGED,
    State.CANCELLED: JobState.CANCELLED,
    State.NOT_RUN: JobState.TO_DO,
    State.WAITING: JobState.TO_DO,
}
"""What a stage makes of its job; what stands first here counts before what follows."""


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """One job: how many of the stages that it needs are done, and the stage behind its state.

    ``stage`` is None for a job that is done, or that is none.
    """

    job: Path
    state: JobState
    stages_done: int = 0
    stages_needed: int = 0
    stage: StageStatus | None = None
    reason: str = ""


def job_status(project: Project, job: Job) -> JobStatus:
    """How a job stands; stages that its workflow does not need count only while they run."""
    needed = needed_stages(project, job)
    stages = overview(project, job, needed)
    wanted = [stage for stage in stages if stage.stage in needed]
    live = [stage for stage in stages if stage.state in (State.RUNNING, State.RUNNER_LOST)]
    found = [stage for state in DECISIVE for stage in [*live, *wanted] if stage.state is state]
    decisive = found[0] if found else None
    return JobStatus(
        job=job.root,
        state=JobState.DONE if decisive is None else DECISIVE[decisive.state],
        stages_done=sum(stage.state not in DECISIVE for stage in wanted),
        stages_needed=len(wanted),
        stage=decisive,
        reason="" if decisive is None else decisive.detail,
    )
