"""Running the jobs of a call side by side, and telling of each of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from runner.cli.context import Context
from runner.cli.jobs import PlannedJobs, WantedJob
from runner.cli.stopping import Running, stopping
from runner.events import JobsPlanned
from runner.observers.together import together
from runner.project.pipeline import Project
from runner.run.plan import Plan, as_planned
from runner.run.reckoning import Reckoning
from runner.run.request import RunOptions
from runner.run.scheduler import Schedule

if TYPE_CHECKING:
    from runner.cli.context import Teller

MANY: Final = 4
"""From so many jobs on they are told of together, and wait for what others have."""


def is_many(wanted: Sequence[WantedJob]) -> bool:
    """Whether a call has so many jobs that each alone counts for less than all of them."""
    return len(wanted) >= MANY


def run_jobs(
    context: Context, project: Project, jobs: PlannedJobs, options: RunOptions, *, many: bool
) -> int:
    """Run all jobs side by side; returns the exit code of the first that is not good."""
    reckoning = Reckoning()
    with context.observing(many=many) as tell:
        running = Running()
        limits = project.settings.limits
        schedule = Schedule(
            project, context.host, options, limits.stages_at_once, tell, reckoning.ended
        )
        if many:
            tell(JobsPlanned(jobs=tuple(as_planned(plan) for plan in jobs.plans)))
        for refusal in jobs.refused:
            reckoning.refused(refusal)
            tell(refusal)
        for plan, label in zip(jobs.plans, labels(jobs.plans), strict=True):
            schedule.add(observed(context, plan, tell, label, running))
        schedule.close()
        with stopping(context.host.cancellation, running, tell, grace_seconds=limits.stop_grace):
            schedule.run()
        code = reckoning.exit_code(jobs.order)
        if many:
            tell(reckoning.event(code))
    return code


def labels(plans: Sequence[Plan]) -> list[str]:
    """What tells the jobs apart in front of a stage's name: nothing where there is only one."""
    if len(plans) == 1:
        return [""]
    names = Counter(plan.job.name for plan in plans)
    return [plan.job.name if names[plan.job.name] == 1 else str(plan.job.root) for plan in plans]


def observed(
    context: Context,
    plan: Plan,
    tell: "Teller",
    label: str,
    running: Running,
) -> Plan:
    """The plan with an observer of its own, which holds nothing open while the job only waits."""
    emit, rest = context.job_observer(plan.job, tell, label)
    return replace(plan, emit=together(running, emit), rest=rest)
