"""Plans that are all there from the beginning, run to their end, and who is in their way."""

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TextIO

from runner.events import Observer
from runner.project.pipeline import Project
from runner.run.plan import Plan
from runner.run.request import Host, RunOptions
from runner.run.runtime_folder import runtime_folder
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


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait until something is so that another thread does; it may take 20 seconds."""
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


@contextlib.contextmanager
def no_place() -> Iterator[TextIO]:
    """A stage of another call has the first place, which is the only one where there is one.

    It has ended when the file is closed, or with the block.
    """
    with (runtime_folder("slots") / "0.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
