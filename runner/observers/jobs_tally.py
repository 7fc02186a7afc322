"""Where many jobs stand: what runs, what waits, what is over, and how long the rest will take."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from runner.errors import Verdict
from runner.events import (
    Event,
    FailedJob,
    JobFinished,
    JobRefused,
    PlannedJob,
    Progress,
    RunStarted,
    StageFinished,
    StageWaiting,
    WaitsFor,
)
from runner.observers.live import Activity, follow
from runner.observers.outlook import Extent, Outlook

DONE: Final = "done"
UP_TO_DATE: Final = "up to date"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"

SURE_AFTER_SECONDS: Final = 5.0
"""From here on what was done so far says how much is done at once."""


@dataclass(eq=False)
class JobView:
    """One job as the table shows it; ``began`` is on the monotonic clock, in seconds."""

    job: str
    name: str
    stages: tuple[str, ...]
    extent: Extent = field(default_factory=Extent)
    began: float | None = None
    ended: dict[str, StageFinished] = field(default_factory=dict)
    waiting: dict[str, StageWaiting] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    """Stages whose result is in place, as long as nobody knows whether it holds."""

    @property
    def blamed(self) -> StageFinished | None:
        """The first stage that did not end well."""
        ends = (self.ended[stage] for stage in self.stages if stage in self.ended)
        return next((end for end in ends if not end.good), None)

    @property
    def is_up_to_date(self) -> bool:
        """Whether nothing had to run."""
        return all(end.duration_seconds is None for end in self.ended.values())


@dataclass(frozen=True, kw_only=True)
class StandingJobs:
    """How many jobs that are not over run, only wait, and have to come to their turn."""

    running: int
    waiting: int
    to_come: int


@dataclass
class JobsTally:
    """Follows the events of many jobs; of one that is over it keeps only that it is."""

    failed: list[FailedJob] = field(default_factory=list)
    views: dict[str, JobView] = field(default_factory=dict)
    outlook: Outlook = field(default_factory=Outlook)
    _ends: dict[str, str] = field(default_factory=dict)
    """As what each job that is over counts."""
    _sums: Counter[str] = field(default_factory=Counter)
    _held: Counter[str] = field(default_factory=Counter)
    _renewed: Counter[str] = field(default_factory=Counter)
    """How often a stage's result that was in place held, and had to be made anew."""
    _worked: float = 0.0
    _since: float | None = None

    @property
    def total(self) -> int:
        """How many jobs there are, however often each is run."""
        return len(self.views) + len(self._ends)

    @property
    def done(self) -> int:
        """How many have ended well."""
        return self._sums[DONE] + self._sums[UP_TO_DATE]

    @property
    def up_to_date(self) -> int:
        """In how many of these nothing had to run."""
        return self._sums[UP_TO_DATE]

    @property
    def cancelled(self) -> int:
        """How many were stopped."""
        return self._sums[CANCELLED]

    def plan(self, planned: PlannedJob, name: str) -> None:
        """Expect a job, and learn from what was done of it earlier."""
        self.forget(planned.job)
        extent = Extent(
            input_bytes=planned.input_bytes,
            media_seconds=planned.media_seconds,
            is_of_old=planned.media_seconds is not None,
        )
        self.views[planned.job] = JobView(
            job=planned.job,
            name=name,
            stages=planned.stages,
            extent=extent,
            there=set(planned.there),
        )
        for stage, seconds in planned.took.items():
            self.outlook.learn(stage, extent, seconds)

    def refuse(self, event: JobRefused) -> None:
        """Count a job that could not be run."""
        self.forget(event.job)
        self._end(event.job, FAILED)
        self.failed.append(
            FailedJob(
                job=event.job,
                stage=None,
                verdict=None,
                exit_code=event.exit_code,
                reason=event.reason,
            )
        )

    def forget(self, job: str) -> None:
        """Count a job no longer as over: it is run again, or by another name than was refused."""
        if (end := self._ends.pop(job, None)) is not None:
            self._sums[end] -= 1
            self.failed = [item for item in self.failed if item.job != job]

    def _end(self, job: str, end: str) -> None:
        self._ends[job] = end
        self._sums[end] += 1

    def follow(self, job: str, event: Event, now: float) -> JobView | None:
        """Take note of an event of a job; returns the job when that was its end."""
        view = self.views.get(job)
        if view is None:
            return None
        follow(view.activities, event, now)
        match event:
            case StageWaiting(stage=stage):
                view.waiting[stage] = event
                # Behind another runner nobody knows yet whether it will have to run.
                if event.waits_for is not WaitsFor.RUNNER:
                    _settle(view, stage, self._renewed)
            case RunStarted(stage=stage):
                _settle(view, stage, self._renewed)
                view.waiting.pop(stage, None)
                view.began = now if view.began is None else view.began
                self._since = now if self._since is None else self._since
            case Progress(media_seconds=float(seconds)):
                view.extent = view.extent.of_length(seconds)
            case StageFinished(stage=stage):
                view.waiting.pop(stage, None)
                view.ended[stage] = event
                _settle(view, stage, self._held)
                self._learn(view, event)
            case JobFinished():
                return self._finish(view)
            case _:
                pass
        return None

    def _learn(self, view: JobView, event: StageFinished) -> None:
        seconds = event.duration_seconds or 0.0
        self._worked += seconds
        if event.verdict in {Verdict.SUCCESS, Verdict.SKIPPED}:
            self.outlook.learn(event.stage, view.extent, seconds)

    def _finish(self, view: JobView) -> JobView:
        del self.views[view.job]
        blamed = view.blamed
        if blamed is None:
            self._end(view.job, UP_TO_DATE if view.is_up_to_date else DONE)
        elif blamed.verdict is Verdict.CANCELLED:
            self._end(view.job, CANCELLED)
        else:
            self._end(view.job, FAILED)
            self.failed.append(
                FailedJob(
                    job=view.job,
                    stage=blamed.stage,
                    verdict=blamed.verdict,
                    exit_code=blamed.exit_code,
                    reason=blamed.summary,
                    run_id=blamed.run_id,
                )
            )
        return view

    def standing(self) -> StandingJobs:
        """How many jobs are how far; each of those that are not over counts once."""
        views = tuple(self.views.values())
        running = sum(bool(view.activities) for view in views)
        waiting = sum(bool(view.waiting) and not view.activities for view in views)
        return StandingJobs(
            running=running, waiting=waiting, to_come=len(views) - running - waiting
        )

    def running(self) -> Iterator[tuple[JobView, Activity]]:
        """What runs at the moment."""
        for view in tuple(self.views.values()):
            for activity in tuple(view.activities.values()):
                yield view, activity

    def waiting(self) -> Iterator[tuple[JobView, StageWaiting]]:
        """What waits for something at the moment."""
        for view in tuple(self.views.values()):
            for event in tuple(view.waiting.values()):
                yield view, event

    def job_left(self, view: JobView, now: float) -> float | None:
        """Seconds until a job will be done, if its stages run one after the other."""
        activities = {item.name: item for item in tuple(view.activities.values())}
        parts = []
        for stage in view.stages:
            if stage in view.ended:
                continue
            seconds = self._expected(view, stage)
            if (activity := activities.get(stage)) is not None:
                told = activity.seconds_left(now)
                if told is None and seconds is not None:
                    told = max(0.0, seconds - (now - activity.began))
                seconds = told
            parts.append(seconds)
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    def _expected(self, view: JobView, stage: str) -> float | None:
        """Seconds that a stage will take; a result in place is likely to hold as others did."""
        seconds = self.outlook.seconds(stage, view.extent)
        if stage not in view.there:
            return seconds
        renewed = self._renewed[stage]
        if not renewed or seconds is None:
            return seconds if renewed else 0.0
        return seconds * renewed / (renewed + self._held[stage])

    def seconds_left(self, now: float) -> float | None:
        """Seconds until everything will be done, at the speed so far; None while nobody knows."""
        jobs = [self.job_left(view, now) for view in tuple(self.views.values())]
        known = [left for left in jobs if left is not None]
        if len(known) < len(jobs) or not known or self._since is None:
            return None
        running = [now - activity.began for _, activity in self.running()]
        span = now - self._since
        at_once = float(max(1, len(running)))
        if span >= SURE_AFTER_SECONDS:
            at_once = max(0.1, (self._worked + sum(running)) / span)
        # The longest job alone takes its time, however much goes on at once.
        return max(sum(known) / at_once, *known)


def _settle(view: JobView, stage: str, counts: Counter[str]) -> None:
    """Count how it turned out with a result that was in place, once."""
    if stage in view.there:
        view.there.discard(stage)
        counts[stage] += 1
