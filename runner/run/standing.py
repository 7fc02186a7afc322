"""Where one job stands in a call: what of it waits, what runs, what has ended."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.errors import (
    SIGNAL_EXIT_CODES,
    CancelledError,
    InputMissingError,
    JobFolderError,
    StagerunError,
    Verdict,
)
from runner.events import JobFinished, JobStarted, Observer
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.inputs import switch
from runner.run.outcome import Outcome, refused
from runner.run.plan import Plan
from runner.run.request import Host


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """How one job ended in this call; ``log`` is where it was written down, if it was."""

    job: Job
    outcomes: tuple[Outcome, ...]
    result: tuple[str, ...]
    log: Path | None = None

    @property
    def blamed(self) -> Outcome | None:
        """The first stage that was not good."""
        return next((item for item in self.outcomes if not item.good), None)

    @property
    def exit_code(self) -> int:
        """That of the first stage that was not good."""
        return self.blamed.exit_code if self.blamed else 0

    @property
    def verdict(self) -> Verdict | None:
        """That of the first stage that was not good; None where its call itself was refused."""
        return self.blamed.verdict if self.blamed else Verdict.SUCCESS


@dataclass(eq=False)
class Standing:
    """Where one plan stands; ``tell`` hears of it. Changed by the scheduler's thread alone."""

    plan: Plan
    host: Host
    tell: Observer
    waiting: list[str]
    running: set[str] = field(default_factory=set)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    _begun: bool = False

    def begin(self) -> None:
        """Tell that the job has begun, unless that was told."""
        if not self._begun:
            self._begun = True
            plan = self.plan
            self.tell(
                JobStarted(job=str(plan.job.root), headline=plan.headline, stages=plan.stages)
            )

    def ready(self, project: Project) -> Iterator[str]:
        """The stages that wait for no other one."""
        for stage in self.waiting:
            upstream = self._upstream(project, stage)
            if not any(other in self.running or other in self.waiting for other in upstream):
                yield stage

    def hold_up(self, project: Project) -> None:
        """Refuse what can no longer run, because of a failure upstream or a request to stop."""
        for stage in tuple(self.waiting):
            problem = self._obstacle(project, stage)
            if problem is not None:
                self.waiting.remove(stage)
                spec = project.stages[stage]
                self.outcomes[stage] = refused_stage(spec, problem, self.host, self.tell)

    def _obstacle(self, project: Project, stage: str) -> StagerunError | None:
        if self.host.cancellation.requested:
            return cancelled(str(self.host.cancellation.signal))
        for other in self._upstream(project, stage):
            if other in self.outcomes and not self.outcomes[other].good:
                bad, spec = self.outcomes[other], project.stages[stage]
                return InputMissingError(_held_up(spec, bad, self.plan.job))
        return None

    def _upstream(self, project: Project, stage: str) -> tuple[str, ...]:
        return () if stage in self.plan.given else project.upstream(project.stages[stage])

    def finish(self) -> JobOutcome:
        """Tell how the job ended."""
        outcomes = tuple(self.outcomes[stage] for stage in self.plan.stages)
        job = self.plan.job
        result, log = _result_files(self.plan), self.plan.log
        outcome = JobOutcome(job=job, outcomes=outcomes, result=result, log=log)
        if outcome.verdict is not Verdict.CANCELLED:
            self.begin()
        self.tell(
            JobFinished(
                job=str(job.root),
                verdict=outcome.verdict,
                exit_code=outcome.exit_code,
                result=outcome.result if outcome.exit_code == 0 else (),
            )
        )
        return outcome


def _held_up(stage: StageSpec, bad: Outcome, job: Job) -> str:
    other = bad.stage
    text = f"not started: it reads from {other}, which did not end well"
    readers = [it for it in stage.inputs if any(source.stage == other for source in it.sources)]
    can_do_without = all(
        item.optional or any(source.stage != other for source in item.sources) for item in readers
    )
    # Who could not even start may do so the next time: that is no reason to do without it.
    if can_do_without and bad.run_id is not None:
        text += f". To go on without it, switch it off: {switch(other)} in {job.file}"
    return text


def cancelled(by: str) -> CancelledError:
    """The refusal of what somebody asked to stop."""
    return CancelledError(f"not started: cancelled by {by}")


def refused_stage(
    stage: StageSpec,
    problem: StagerunError,
    host: Host,
    emit: Observer,
    *,
    details: Sequence[str] = (),
) -> Outcome:
    """Tell that a stage was refused; ``details`` are lines that say more."""
    code = problem.exit_code
    if isinstance(problem, CancelledError):
        code = SIGNAL_EXIT_CODES.get(host.cancellation.signal or "", code)
    return refused(stage, problem, code, emit, details=details)


def _result_files(plan: Plan) -> tuple[str, ...]:
    try:
        entries = read_entries(plan.job)
    except JobFolderError:  # it was damaged at the last moment, and the stages have ended
        return ()
    return tuple(
        str(plan.job.root / output["path"])
        for name in plan.results
        if (entry := entries.get(name.split("/")[0])) and entry["verdict"] != Verdict.SKIPPED
        for output in entry["outputs"]
        if output["name"] == name.split("/")[1]
    )
