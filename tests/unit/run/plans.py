"""Plans that are all there from the beginning, run to their end."""

from collections.abc import Sequence

from runner.events import Observer
from runner.project.pipeline import Project
from runner.run.plan import Plan
from runner.run.request import Host, RunOptions
from runner.run.scheduler import Schedule
from runner.run.standing import JobOutcome


def run_plans(
    plans: Sequence[Plan],
    project: Project,
    host: Host,
    *,
    options: RunOptions,
    at_once: int,
    emit: Observer,
) -> list[JobOutcome]:
    """Run all plans as a ``Schedule`` does; returns how the jobs ended, the first to end first."""
    ended: list[JobOutcome] = []
    schedule = Schedule(project, host, options, at_once, emit, ended.append)
    for plan in plans:
        schedule.add(plan)
    schedule.close()
    schedule.run()
    return ended
