"""``run --watch``: jobs of what arrives in a folder, until the call is stopped."""

import contextlib
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.cli.hushed import Hushed
from runner.cli.jobs import film_input, make_film_job
from runner.errors import (
    CancelledError,
    JobFolderError,
    NotAdmittedError,
    StageFailedError,
    StagerunError,
)
from runner.events import Event, JobRefused, Notice, Observer, Watching
from runner.host.machine import ProcessIdentity
from runner.job.folder import Job, find_job, open_job
from runner.run.faults import refusal_of
from runner.run.patience import Patience
from runner.run.plan import Plan
from runner.run.scheduler import Schedule
from runner.run.standing import JobOutcome
from runner.run.watch_note import WatchNote, claim, note_ended, note_file, read_note
from runner.run.watched_jobs import INTERRUPTED, JobEnd, NamedJob, has_failed, passes, renew_input
from runner.run.watching import Arrival, WatchedFolder, files_of_job, is_same, stamp_of

if TYPE_CHECKING:
    from runner.cli.many_jobs import Crew

LOOK_EVERY_SECONDS: Final = 1.0
AGAIN_AFTER_SECONDS: Final = 60.0
"""When it is looked again at a job that another call, or this one by its name, has."""

SHOWN_DIGITS: Final = 12
"""Of the digest that stands for a machine."""


@dataclass(eq=False)
class Watcher:
    """Makes jobs of what arrives, ``planned`` by the call, and keeps note of them in their folders.

    What failed is not tried again until its file changes.
    """

    watched: WatchedFolder
    planned: Callable[[Job], Plan]
    _held: dict[str, tuple[Arrival, WatchNote]] = field(default_factory=dict)
    _named: dict[str, NamedJob] = field(default_factory=dict)
    _patience: Patience = field(default_factory=Patience)
    _broken: str = ""
    _stop: threading.Event = field(default_factory=threading.Event)
    _tell: Observer = lambda _: None

    @contextlib.contextmanager
    def feeding(self, schedule: Schedule, crew: "Crew", plans: Sequence[Plan]) -> Iterator[None]:
        """While the block runs, look into the folder and add to the schedule what is there.

        It has the ``plans`` of the jobs that the call names already.
        """
        problems: list[Exception] = []

        def work() -> None:
            try:
                while not self._stop.is_set():
                    self._look(schedule, crew)
                    self._stop.wait(LOOK_EVERY_SECONDS)
            except Exception as problem:
                problems.append(problem)
                with contextlib.suppress(Exception):  # it may be what ended the watching
                    crew.tell(Notice(stage=None, message=self._nothing_more(problem)))
            finally:
                schedule.close()

        self._tell = crew.tell
        for job in (plan.job for plan in plans):
            self._named[str(job.root)] = NamedJob(stamp=stamp_of(files_of_job(job.root)))
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
        """Note how a job ended; one that was stopped is gone on with by the next call."""
        root, end = str(outcome.job.root), JobEnd.of(outcome)
        held = self._held.pop(root, None)
        if held is not None:
            self._conclude(*held, end)
        elif root in self._named:
            self._named[root] = replace(self._named[root], end=end)

    def _conclude(self, arrival: Arrival, note: WatchNote, end: JobEnd) -> None:
        root = str(end.job.root)
        if end.passes:
            if (pause := self._postpone(arrival, root, end.trouble)) is not None:
                again = f"{root} is tried again by itself, in {pause:g} s at first."
                self._tell(Notice(stage=None, message=again))
            return
        self._patience.over(root)
        # Who stopped a job, or a fault of our own, says nothing against the film: it is left to the
        # next call.
        if end.verdict not in INTERRUPTED:
            note_ended(end.job, note, end.exit_code)

    def _nothing_more(self, problem: Exception) -> str:
        fault = refusal_of(problem, self.watched.folder)
        return f"nothing is watched any more, and the call ends when what runs has ended: {fault}"

    def _look(self, schedule: Schedule, crew: "Crew") -> None:
        try:
            arrivals = self.watched.look(self._stop.is_set)
            self._broken = ""
        except StagerunError as problem:
            if str(problem) != self._broken:
                self._broken = str(problem)
                crew.tell(Notice(stage=None, message=self._broken))
            return
        for text in self.watched.news():
            crew.tell(Notice(stage=None, message=text))
        for arrival in arrivals:
            if self._stop.is_set():
                return
            try:
                self._take(arrival, schedule, crew)
            except CancelledError:
                return
            except Exception as problem:  # one fault is not to end the watching
                self._refuse(arrival, problem, crew)

    def _refuse(self, arrival: Arrival, problem: Exception, crew: "Crew") -> None:
        refusal = refusal_of(problem, _place(arrival))
        if passes(problem):
            self._put_off(arrival, f"{arrival.path} is not taken at present: {refusal}", crew)
            return
        self.watched.settle(arrival)
        reason, code = str(refusal), refusal.exit_code
        crew.refuse(JobRefused(job=_word(arrival), reason=reason, exit_code=code))

    def _put_off(self, arrival: Arrival, trouble: str, crew: "Crew") -> None:
        """Look at it again after a pause, and tell why unless that was told."""
        if self._postpone(arrival, arrival.path, trouble) is not None:
            crew.tell(Notice(stage=None, message=f"{trouble} It is tried again by itself."))

    def _postpone(self, arrival: Arrival, whose: Hashable, trouble: str) -> float | None:
        """Look at it again after a pause, whose seconds are returned where the trouble is news."""
        is_news = not self._patience.knows(whose, trouble)
        pause = self._patience.pause(whose, trouble)
        self.watched.postpone(arrival, pause)
        return pause if is_news else None

    def _take(self, arrival: Arrival, schedule: Schedule, crew: "Crew") -> None:
        """Have a job run of what arrived, if it is its turn and nobody else's."""
        note = WatchNote(
            source=str(arrival.path.absolute()),
            stamp=arrival.stamp,
            runner=ProcessIdentity.current(),
        )
        job = self._claimed(arrival, note, crew)
        if job is None:
            return
        self.watched.settle(arrival)
        crew.take(_word(arrival))
        named = self._named.pop(str(job.root), None)
        if named is not None and named.end is not None and named.is_of(arrival):
            self._conclude(arrival, note, named.end)
        else:
            self._run(job, arrival, note, schedule, crew)
        self._patience.over(arrival.path)

    def _run(
        self, job: Job, arrival: Arrival, note: WatchNote, schedule: Schedule, crew: "Crew"
    ) -> None:
        self._held[str(job.root)] = (arrival, note)
        try:
            # What was asked to stop before does not mean it.
            plan = replace(self.planned(job), asked_at=datetime.now(UTC))
            self._begin(plan, schedule, crew)
        except Exception as problem:
            del self._held[str(job.root)]
            if isinstance(problem, StagerunError) and not passes(problem):
                note_ended(job, note, problem.exit_code)
            raise

    def _begin(self, plan: Plan, schedule: Schedule, crew: "Crew") -> None:
        """Have a plan run; one that is tried again is told of when it goes otherwise."""
        root, observed = str(plan.job.root), crew.observed(plan, plan.job.name)
        if observed.emit is not None and self._patience.troubled(root):
            emit = Hushed(
                observed.emit,
                lambda: crew.announce(plan),
                lambda trouble: self._patience.knows(root, trouble),
            )
            observed = replace(observed, emit=emit)
        else:
            crew.announce(plan)
        schedule.add(observed)

    def _claimed(self, arrival: Arrival, note: WatchNote, crew: "Crew") -> Job | None:
        """The job of what arrived, ours from now on; None where it is not to be run now."""
        place = _place(arrival)
        root = str(place.resolve())
        if root in self._held:  # its file has changed meanwhile: first it has to end
            return None
        if (named := self._named.get(root)) is not None and named.end is None:
            self.watched.postpone(arrival, AGAIN_AFTER_SECONDS)
            return None
        there = read_note(find_job(place)) if (place / "job.yaml").is_file() else None
        if there is not None and there.source == note.source and there.has_ended_with(note.stamp):
            self.watched.settle(arrival)
            return None
        if not self.watched.is_as_it_was(arrival):
            return None
        job = self._job(arrival, note, there, crew)
        if there is None and named is None and has_failed(job):  # somebody ran it by hand
            note_ended(job, note, StageFailedError.exit_code)
        if claim(job, note):
            return job
        self._leave(arrival, job, crew)
        return None

    def _leave(self, arrival: Arrival, job: Job, crew: "Crew") -> None:
        """Leave alone what has ended, and look again later at what another call has."""
        there = read_note(job)
        if there is not None and there.has_ended_with(arrival.stamp):
            self.watched.settle(arrival)
        elif there is not None and there.is_held and there.is_elsewhere:
            machine = there.runner.machine_id[:SHOWN_DIGITS]
            text = (
                f"{job.root} is left alone: a call on another machine ({machine}) has it, or had "
                f"it before this machine was set up anew. If none does, remove {note_file(job)}."
            )
            self._put_off(arrival, text, crew)
        else:
            self.watched.postpone(arrival, AGAIN_AFTER_SECONDS)

    def _unless_stopped(self, tell: Observer) -> Observer:
        """An observer by which a copy that takes its time is broken off with the call."""

        def observer(event: Event) -> None:
            tell(event)
            if self._stop.is_set():
                msg = "the copy was broken off; the next call makes it anew"
                raise CancelledError(msg)

        return observer

    def _job(self, arrival: Arrival, note: WatchNote, there: WatchNote | None, crew: "Crew") -> Job:
        """The job of what arrived, made or with its film renewed if need be."""
        if arrival.is_job:
            return open_job(arrival.path)
        place, project = _place(arrival), crew.context.project
        emit = self._unless_stopped(crew.tell)

        def check() -> None:
            if not is_same(arrival):
                msg = f"{arrival.path} changed while it was copied. The copy was thrown away."
                raise NotAdmittedError(msg)

        if there is None:
            make_film_job(project, place, arrival.path, emit, check)
        elif there.source != note.source:
            msg = (
                f"{arrival.path} would become the job {place}, which was made of {there.source}. "
                "Give the film another name."
            )
            raise JobFolderError(msg)
        elif there.stamp != note.stamp and not there.is_held:
            renew_input(find_job(place), film_input(project), arrival.path, emit, check)
            self._named.pop(str(place.resolve()), None)
        return open_job(place)


def _place(arrival: Arrival) -> Path:
    """Where the job of an arrival lies, or will."""
    return arrival.path if arrival.is_job else Path("out") / arrival.path.stem


def _word(arrival: Arrival) -> str:
    """What it is refused as, the same as where the call names it."""
    return str(arrival.path.absolute())
