"""``run --watch``: jobs of what arrives in a folder, until the call is stopped."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.cli.jobs import film_input, make_film_job
from runner.errors import (
    CancelledError,
    JobFolderError,
    StageFailedError,
    StagerunError,
    Verdict,
)
from runner.events import Event, JobRefused, Notice, Observer, Watching
from runner.host.machine import ProcessIdentity
from runner.job.folder import Job, find_job, open_job
from runner.run.plan import Plan
from runner.run.scheduler import Schedule
from runner.run.standing import JobOutcome
from runner.run.watch_note import WatchNote, claim, note_ended, read_note
from runner.run.watched_jobs import has_failed, renew_input
from runner.run.watching import Arrival, WatchedFolder

if TYPE_CHECKING:
    from runner.cli.many_jobs import Crew

LOOK_EVERY_SECONDS: Final = 1.0
AGAIN_AFTER_SECONDS: Final = 60.0
"""When a job is tried again that ended by something that passes, or that another call has."""

PASSING: Final = frozenset(
    {
        Verdict.ENGINE_UNAVAILABLE,
        Verdict.GPU_UNAVAILABLE,
        Verdict.GPU_LOST,
        Verdict.NOT_ADMITTED,
        Verdict.BUSY,
        Verdict.DISK_FULL,
    }
)
"""Causes that say nothing of the film: it is tried again by itself."""


@dataclass(eq=False)
class Watcher:
    """Makes jobs of what arrives, ``planned`` by the call, and keeps note of them in their folders.

    What failed is not tried again until its file changes.
    """

    watched: WatchedFolder
    planned: Callable[[Job], Plan]
    _held: dict[str, tuple[Arrival, WatchNote]] = field(default_factory=dict)
    _broken: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def feeding(self, schedule: Schedule, crew: "Crew") -> Iterator[None]:
        """While the block runs, look into the folder and add to the schedule what is there."""

        problems: list[Exception] = []

        def work() -> None:
            try:
                while not self._stop.is_set():
                    self._look(schedule, crew)
                    self._stop.wait(LOOK_EVERY_SECONDS)
            except Exception as problem:
                problems.append(problem)
            finally:
                schedule.close()

        crew.tell(Watching(folder=str(self.watched.folder.absolute())))
        looking = threading.Thread(target=work, name="watch", daemon=True)
        with crew.context.host.cancellation.listening(self._stop.set):
            looking.start()
            try:
                yield
            finally:
                self._stop.set()
                looking.join()
        if problems:  # what nobody foresaw is not to look like a call that was stopped
            raise problems[0]

    def ended(self, outcome: JobOutcome) -> None:
        """Note how a job ended; one that was stopped with the call is gone on with by the next."""
        arrival, note = self._held.pop(str(outcome.job.root), (None, None))
        if arrival is None or note is None or self._stop.is_set():
            return
        if outcome.verdict in PASSING:
            self.watched.postpone(arrival, AGAIN_AFTER_SECONDS)
            return
        note_ended(outcome.job, note, outcome.exit_code)

    def _look(self, schedule: Schedule, crew: "Crew") -> None:
        try:
            arrivals = self.watched.look()
            self._broken = ""
        except StagerunError as problem:
            if str(problem) != self._broken:
                self._broken = str(problem)
                crew.tell(Notice(stage=None, message=self._broken))
            return
        for arrival in arrivals:
            if self._stop.is_set():
                return
            try:
                plan = self._taken(arrival, crew)
            except CancelledError:
                return
            except (StagerunError, OSError) as problem:
                self.watched.settle(arrival)
                code = problem.exit_code if isinstance(problem, StagerunError) else 2
                reason = str(problem)
                crew.refuse(JobRefused(job=str(arrival.path), reason=reason, exit_code=code))
            else:
                if plan is not None:
                    crew.announce(plan)
                    schedule.add(crew.observed(plan, plan.job.name))

    def _taken(self, arrival: Arrival, crew: "Crew") -> Plan | None:
        """The plan for what arrived; None where it is nobody's turn, or somebody else's."""
        note = WatchNote(
            source=str(arrival.path.absolute()),
            stamp=arrival.stamp,
            runner=ProcessIdentity.current(),
        )
        job = self._job(arrival, note, crew)
        if str(job.root) in self._held:  # its file has changed meanwhile: first it has to end
            return None
        there = read_note(job)
        if there is None and has_failed(job):  # somebody ran it by hand
            note_ended(job, note, StageFailedError.exit_code)
        if not claim(job, note):
            if (now := read_note(job)) is not None and now.is_held:
                self.watched.postpone(arrival, AGAIN_AFTER_SECONDS)
            else:
                self.watched.settle(arrival)
            return None
        self.watched.settle(arrival)
        self._held[str(job.root)] = (arrival, note)
        try:
            # What was asked to stop before does not mean it.
            return replace(self.planned(job), asked_at=datetime.now(UTC))
        except (StagerunError, OSError) as problem:
            del self._held[str(job.root)]
            note_ended(job, note, getattr(problem, "exit_code", JobFolderError.exit_code))
            raise

    def _unless_stopped(self, tell: Observer) -> Observer:
        """An observer by which a copy that takes its time is broken off with the call."""

        def observer(event: Event) -> None:
            tell(event)
            if self._stop.is_set():
                msg = "the copy was broken off; the next call makes it anew"
                raise CancelledError(msg)

        return observer

    def _job(self, arrival: Arrival, note: WatchNote, crew: "Crew") -> Job:
        """The job of what arrived, made or with its film renewed if need be."""
        if arrival.is_job:
            return open_job(arrival.path)
        place = Path("out") / arrival.path.stem
        project, emit = crew.context.project, self._unless_stopped(crew.tell)
        there = read_note(find_job(place)) if (place / "job.yaml").is_file() else None
        if there is None:
            make_film_job(project, place, arrival.path, emit)
        elif there.source != note.source:
            msg = (
                f"{arrival.path} would become the job {place}, which was made of {there.source}. "
                "Give the film another name."
            )
            raise JobFolderError(msg)
        elif there.stamp != note.stamp and not self._is_in_work(find_job(place), there):
            renew_input(find_job(place), film_input(project), arrival.path, emit)
        return open_job(place)

    def _is_in_work(self, job: Job, note: WatchNote) -> bool:
        return note.is_held or str(job.root) in self._held
