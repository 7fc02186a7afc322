"""Running the jobs of a call side by side, and telling of each of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from runner.cli.context import Context
from runner.cli.jobs import PlannedJobs, WantedJob
from runner.cli.stopping import Running, stopping
from runner.errors import SIGNAL_EXIT_CODES
from runner.events import JobRefused, JobsPlanned, JobTaken
from runner.observers.together import together
from runner.project.pipeline import Project
from runner.run.plan import Plan, as_planned
from runner.run.reckoning import Reckoning
from runner.run.request import RunOptions
from runner.run.scheduler import Schedule
from runner.run.standing import JobOutcome

if TYPE_CHECKING:
    from runner.cli.context import Teller
    from runner.cli.watching import Watcher

MANY: Final = 4
"""From so many jobs on they are told of together, and wait for what others have."""


def is_many(wanted: Sequence[WantedJob]) -> bool:
    """Whether a call has so many jobs that each alone counts for less than all of them."""
    return len(wanted) >= MANY


@dataclass(eq=False)
class Crew:
    """What the jobs of one call have in common: who hears of them, and what counts them."""

    context: Context
    tell: "Teller"
    many: bool
    running: Running
    reckoning: Reckoning
    force: bool

    def announce(self, *plans: Plan) -> None:
        """Tell of jobs that will run when their turn comes, where there are many."""
        if self.many:
            jobs = tuple(as_planned(plan, force=self.force) for plan in plans)
            self.tell(JobsPlanned(jobs=jobs))

    def observed(self, plan: Plan, label: str) -> Plan:
        """The plan with an observer of its own, which holds nothing open while the job waits."""
        emit, log = self.context.job_observer(plan.job, self.tell, label)
        return replace(plan, emit=together(self.running, emit), rest=log.close, log=log.path)

    def refuse(self, refusal: JobRefused) -> None:
        """Count and tell what cannot be run as a job."""
        self.reckoning.refused(refusal)
        self.tell(refusal)

    def take(self, place: str) -> None:
        """Count and show no longer as refused what has become a job after all."""
        if self.reckoning.taken(place):
            self.tell(JobTaken(job=place))


def run_jobs(
    context: Context,
    project: Project,
    jobs: PlannedJobs,
    options: RunOptions,
    *,
    many: bool,
    watcher: "Watcher | None" = None,
) -> int:
    """Run all jobs side by side, and those that ``watcher`` finds until the call is stopped.

    Returns the exit code of the first job that is not good, or that of the signal that stopped it.
    """
    reckoning, running = Reckoning(), Running()
    limits, cancellation = project.settings.limits, context.host.cancellation

    def ended(outcome: JobOutcome) -> None:
        reckoning.ended(outcome)
        if watcher is not None:
            watcher.ended(outcome)

    with context.observing(many=many) as tell:
        crew = Crew(context, tell, many, running, reckoning, options.force)
        schedule = Schedule(project, context.host, options, limits.stages_at_once, tell, ended)
        crew.announce(*jobs.plans)
        for refusal in jobs.refused:
            crew.refuse(refusal)
        for plan, label in zip(jobs.plans, labels(jobs.plans), strict=True):
            schedule.add(crew.observed(plan, label))
        with stopping(cancellation, running, tell, grace_seconds=limits.stop_grace):
            if watcher is None:
                schedule.close()
                schedule.run()
            else:
                with watcher.feeding(schedule, crew, jobs.plans):
                    schedule.run()
        code = reckoning.exit_code(jobs.order)
        if watcher is not None:
            code = SIGNAL_EXIT_CODES.get(cancellation.signal or "", code)
        if many:
            tell(reckoning.event(code))
    return code


def labels(plans: Sequence[Plan]) -> list[str]:
    """What tells the jobs apart in front of a stage's name: nothing where there is only one."""
    if len(plans) == 1:
        return [""]
    names = Counter(plan.job.name for plan in plans)
    return [plan.job.name if names[plan.job.name] == 1 else str(plan.job.root) for plan in plans]
