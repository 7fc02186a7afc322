"""Which stage next: the stages of one or several jobs, side by side as far as they can."""

from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from errno import ENOSPC

from runner.errors import (
    SIGNAL_EXIT_CODES,
    CancelledError,
    DiskFullError,
    InputMissingError,
    JobFolderError,
    StagerunError,
    UsageError,
    Verdict,
)
from runner.events import JobFinished, Observer
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.conclusion import stop_asked
from runner.run.given import stock_of
from runner.run.inputs import is_enabled, switch
from runner.run.outcome import Outcome, refused, skipped
from runner.run.request import Host, RunOptions
from runner.run.retrying import run_attempts
from runner.run.switched_off import record_skipped


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What shall be run in one job: stages in an order that respects their inputs.

    The user gave the results of those in ``given``, which wait for nothing. ``emit`` hears of this
    job alone, instead of the observer of the whole call.
    """

    job: Job
    stages: tuple[str, ...]
    given: frozenset[str] = frozenset()
    results: tuple[str, ...] = ()
    emit: Observer | None = None


@dataclass(frozen=True, kw_only=True)
class JobOutcome:
    """How one job ended in this call."""

    job: Job
    outcomes: tuple[Outcome, ...]
    result: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """That of the first stage that was not good."""
        return next((item.exit_code for item in self.outcomes if not item.good), 0)

    @property
    def verdict(self) -> Verdict | None:
        """That of the first stage that was not good; None where its call itself was refused."""
        return next((item.verdict for item in self.outcomes if not item.good), Verdict.SUCCESS)


def plan_job(
    project: Project, job: Job, *, start: str | None = None, upto: str | None = None
) -> Plan:
    """The stages that the job's workflow needs, cut at ``start`` and ``upto`` if given.

    Raises UnknownStageError, UnknownWorkflowError or UsageError.
    """
    wanted = project.workflow(job.workflow)
    targets = (project.stage(upto).id,) if upto else tuple(dict.fromkeys(s.stage for s in wanted))
    unknown = [target for target in targets if target not in project.stages]
    if unknown:
        msg = (
            f"the workflow names the stage {unknown[0]}, which the project does not have. "
            "Correct it in stagerun.yaml."
        )
        raise UsageError(msg)
    for source in () if upto else wanted:
        if project.output(source) is None:
            names = ", ".join(item.name for item in project.stages[source.stage].outputs) or "none"
            msg = (
                f"the workflow asks for {source}, and {source.stage} declares no such output; "
                f"there are: {names}. Correct it in stagerun.yaml."
            )
            raise UsageError(msg)
    stock = stock_of(project, job)
    stages = project.needed_for(targets, stock)
    if start:
        first = project.stage(start).id
        if first not in stages:
            msg = f"{first} is not part of what shall run: {', '.join(stages)}."
            raise UsageError(msg)
        stages = tuple(item for item in stages if item not in _before(project, first, stages))
    results = () if upto else tuple(str(source) for source in wanted)
    given = frozenset(stage for stage in stages if stock.has_result(stage))
    return Plan(job=job, stages=stages, given=given, results=results)


def _before(project: Project, first: str, stages: tuple[str, ...]) -> set[str]:
    """Stages that do not depend on ``first``: they are taken as they are."""
    downstream = {first}
    for stage in stages:
        if downstream & set(project.upstream(project.stages[stage])):
            downstream.add(stage)
    return set(stages) - downstream


@dataclass
class _Progress:
    """Where one plan stands."""

    plan: Plan
    waiting: list[str]
    running: set[str] = field(default_factory=set)
    outcomes: dict[str, Outcome] = field(default_factory=dict)


def run_plans(
    plans: Sequence[Plan],
    project: Project,
    host: Host,
    *,
    options: RunOptions,
    at_once: int,
    emit: Observer,
) -> list[JobOutcome]:
    """Run all plans, at most ``at_once`` stages at a time, older plans first.

    A stage that does not end well holds up what reads from it, and nothing else.
    """
    states = [_Progress(plan=plan, waiting=list(plan.stages)) for plan in plans]
    futures: dict[Future[Outcome], tuple[_Progress, str]] = {}
    ended = [_finish(state, state.plan.emit or emit) for state in states if not state.waiting]
    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="stage") as pool:
        while True:
            for state in states:
                for stage in _ready(state, project):
                    if len(futures) < at_once:
                        state.waiting.remove(stage)
                        state.running.add(stage)
                        tell = state.plan.emit or emit
                        future = pool.submit(
                            execute, stage, project, state.plan.job, host, options, tell
                        )
                        futures[future] = (state, stage)
            if not futures:
                break
            for future in wait(futures, return_when=FIRST_COMPLETED).done:
                state, stage = futures.pop(future)
                state.running.discard(stage)
                state.outcomes[stage] = future.result()
                _hold_up(state, project, host, state.plan.emit or emit)
                if not state.waiting and not state.running:
                    ended.append(_finish(state, state.plan.emit or emit))
    return ended


def _ready(state: _Progress, project: Project) -> list[str]:
    return [
        stage
        for stage in state.waiting
        if not any(
            other in state.running or other in state.waiting
            for other in _upstream(state, project, stage)
        )
    ]


def _upstream(state: _Progress, project: Project, stage: str) -> tuple[str, ...]:
    return () if stage in state.plan.given else project.upstream(project.stages[stage])


def _hold_up(state: _Progress, project: Project, host: Host, emit: Observer) -> None:
    """Refuse what can no longer run, because of a failure upstream or a request to stop."""
    for stage in tuple(state.waiting):
        upstream = _upstream(state, project, stage)
        bad = [
            other
            for other in upstream
            if other in state.outcomes and not state.outcomes[other].good
        ]
        problem: StagerunError | None = None
        if host.cancellation.requested:
            problem = _cancelled(str(host.cancellation.signal))
        elif bad:
            problem = InputMissingError(_held_up(project.stages[stage], bad[0], state.plan.job))
        if problem is not None:
            state.waiting.remove(stage)
            state.outcomes[stage] = _refused(project.stages[stage], problem, host, emit)


def _held_up(stage: StageSpec, bad: str, job: Job) -> str:
    text = f"not started: it reads from {bad}, which did not end well"
    readers = [it for it in stage.inputs if any(source.stage == bad for source in it.sources)]
    if all(
        item.optional or any(source.stage != bad for source in item.sources) for item in readers
    ):
        text += f". To go on without it, switch it off: {switch(bad)} in {job.file}"
    return text


def _cancelled(by: str) -> CancelledError:
    return CancelledError(f"not started: cancelled by {by}")


def _refused(stage: StageSpec, problem: StagerunError, host: Host, emit: Observer) -> Outcome:
    code = problem.exit_code
    if isinstance(problem, CancelledError):
        code = SIGNAL_EXIT_CODES.get(host.cancellation.signal or "", code)
    return refused(stage, problem, code, emit)


def _finish(state: _Progress, emit: Observer) -> JobOutcome:
    job = state.plan.job
    outcomes = tuple(state.outcomes[stage] for stage in state.plan.stages)
    outcome = JobOutcome(job=job, outcomes=outcomes, result=_result_files(state.plan))
    emit(
        JobFinished(
            job=str(job.root),
            verdict=outcome.verdict,
            exit_code=outcome.exit_code,
            result=outcome.result if outcome.exit_code == 0 else (),
        )
    )
    return outcome


def _result_files(plan: Plan) -> tuple[str, ...]:
    entries = read_entries(plan.job)
    return tuple(
        str(plan.job.root / output["path"])
        for name in plan.results
        if (entry := entries.get(name.split("/")[0])) and entry["verdict"] != Verdict.SKIPPED
        for output in entry["outputs"]
        if output["name"] == name.split("/")[1]
    )


def execute(
    stage_id: str, project: Project, job: Job, host: Host, options: RunOptions, emit: Observer
) -> Outcome:
    """Run one stage; every refusal becomes an outcome that observers heard of."""
    stage = project.stages[stage_id]
    try:
        if by := stop_asked(stage, job, host)():
            raise _cancelled(by)
        if not is_enabled(stage_id, project, job):
            reason = record_skipped(stage, job, host, options, emit)
            return skipped(stage, reason, emit)
        return run_attempts(stage, project, job, host, options=options, emit=emit)
    except StagerunError as problem:
        return _refused(stage, problem, host, emit)
    except OSError as problem:
        return _refused(stage, _translated(problem, job), host, emit)


def _translated(problem: OSError, job: Job) -> StagerunError:
    if problem.errno == ENOSPC:
        return DiskFullError(
            f"there is no space left for the runner's own files in {job.root}. Free some: "
            f"stagerun clean {job.root} shows what would go."
        )
    return JobFolderError(
        f"the job directory {job.root} cannot be used: {problem.strerror or problem} "
        f"({problem.filename or 'no file named'}). Check its owner and its file system."
    )
