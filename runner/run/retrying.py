"""The attempts of one stage in one call: it is run, and run again where a rule says so."""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from runner.errors import CancelledError, StageBusyError, StagerunError, Verdict
from runner.events import (
    AttemptFailed,
    Event,
    Observer,
    StageFinished,
    StageWaiting,
    WaitsFor,
)
from runner.host.machine import memory_total_bytes
from runner.job.folder import Job
from runner.job.lock import stage_lock
from runner.project.config import resolve_retry
from runner.project.pipeline import Project
from runner.project.retry import RetryRule
from runner.project.stage import StageSpec
from runner.run.conclusion import stop_asked
from runner.run.lifecycle import run_stage
from runner.run.outcome import Outcome
from runner.run.request import Host, RunOptions
from runner.run.retry import Attempt, Next, Tried, listed, next_attempt
from runner.run.variant import allowed_variants, needs_gpu

if TYPE_CHECKING:
    from runner.run.gpu_ladder import FullGpu, Ladder

LOOK_EVERY_SECONDS: Final = 0.2
MOVED: Final = "It runs again where there is a GPU, which does not count as an attempt."


def run_attempts(
    stage: StageSpec, project: Project, job: Job, host: Host, *, options: RunOptions, emit: Observer
) -> Outcome:
    """Run one stage as ``run_stage`` does, and again while it fails and its rules allow it.

    It begins with what fitted into the memory of a GPU before. A stage that can do without a GPU
    does where it gets none; one whose GPU was lost runs again on another, which is no attempt of
    its own. Observers hear of one end of the stage. Raises what the last attempt raises,
    ConfigError for rules that do not fit, and CancelledError.
    """
    course = _Course(stage=stage, project=project, job=job, host=host, options=options)
    attempt = course.first()
    while True:
        held: list[StageFinished] = []
        try:
            outcome = run_stage(
                stage,
                project,
                job,
                host,
                options=replace(options, attempt=attempt),
                emit=_without_end(held, emit),
            )
        except StagerunError as problem:
            after = course.after_refusal(attempt, problem)
            if after is None:
                raise
            if after.attempt.number > attempt.number:
                emit(_refused_attempt(stage, attempt, after, problem))
        else:
            if outcome.ran is not None:
                # One that a dead runner began has the attempts before it on its account.
                attempt = outcome.ran.request.options.attempt
            after = course.after_end(attempt, outcome)
            if after is None:
                emit(_last_end(held[-1], attempt))
                return outcome
            emit(_failed_attempt(held[-1], attempt, after, job))
        _pause(stage, job, after, course.stopped, host, emit)
        attempt = after.attempt


@dataclass(kw_only=True)
class _Course:
    """What decides on the next attempt of one stage in one call."""

    stage: StageSpec
    project: Project
    job: Job
    host: Host
    options: RunOptions
    moves: int = 0
    full: "FullGpu | None" = None

    @cached_property
    def rules(self) -> tuple[RetryRule, ...]:
        if not self.options.retry:
            return ()
        return resolve_retry(self.stage, self.project, self.job.layer)

    @cached_property
    def stopped(self) -> Callable[[], str | None]:
        return stop_asked(self.stage, self.job, self.host)

    @property
    def has_ladder(self) -> bool:
        return self.stage.gpu != "none" and any(
            rule.changes and Verdict.OOM_GPU in rule.on for rule in self.rules
        )

    def first(self) -> Attempt:
        attempts = max((rule.attempts for rule in self.rules), default=1)
        if not self.has_ladder or not self._has_rungs():
            return Attempt(of=attempts)
        return self._ladder.first_attempt(attempts)

    def after_refusal(self, attempt: Attempt, problem: StagerunError) -> Next | None:
        after = self._by_rules(attempt, problem.verdict)
        is_without = self.stage.gpu == "optional" and attempt.without_gpu is None
        if after is None and is_without and problem.verdict is Verdict.GPU_UNAVAILABLE:
            # It was free a moment ago, or was waited for long enough.
            return Next(attempt=replace(attempt, without_gpu=str(problem)), pause_seconds=0)
        return after

    def after_end(self, attempt: Attempt, outcome: Outcome) -> Next | None:
        if outcome.good:
            self._remember(outcome)
            return None
        if outcome.verdict is Verdict.OOM_GPU:
            self._note_full_gpu(outcome)
        if outcome.verdict is Verdict.GPU_LOST and self._may_move(outcome):
            self.moves += 1
            moved = replace(attempt, moved_from=outcome.run_id)
            return Next(attempt=moved, pause_seconds=0)
        return self._by_rules(attempt, outcome.verdict, _tried(outcome))

    def _by_rules(
        self, attempt: Attempt, cause: Verdict | None, tried: Tried | None = None
    ) -> Next | None:
        if cause is None or self.stopped():
            return None
        return next_attempt(
            cause,
            attempt,
            [rule for rule in self.rules if not (rule.takes_gpu_away and self._needs_gpu(tried))],
            tried=tried,
            keys=self.stage.config,
            most_memory=memory_total_bytes(),
        )

    def _needs_gpu(self, tried: Tried | None) -> bool:
        """Whether the settings of a run leave nothing but a GPU, whatever its stage can do."""
        return tried is not None and needs_gpu(
            self.stage, allowed_variants(self.stage, tried.config)
        )

    def _note_full_gpu(self, outcome: Outcome) -> None:
        from runner.run.gpu_ladder import FullGpu

        grant = outcome.ran.request.grant if outcome.ran else None
        if grant and grant.names and (self.full is None or grant.shares[0] < self.full.share_bytes):
            self.full = FullGpu(name=grant.names[0], share_bytes=grant.shares[0])

    def _may_move(self, outcome: Outcome) -> bool:
        if not self.options.retry or self.stopped():
            return False
        from runner.run.gpu_ladder import may_move

        return may_move(self.project, self.host, outcome, self.moves)

    def _has_rungs(self) -> bool:
        """Whether anything was ever remembered: to look for GPUs takes a quick call too long."""
        from runner.gpu.rungs import RUNGS
        from runner.run.gpu_request import notes_folder

        with contextlib.suppress(OSError):
            return (notes_folder(self.project.settings.gpu) / RUNGS).is_dir()
        return False

    def _remember(self, outcome: Outcome) -> None:
        if self.has_ladder and self.full is not None:
            self._ladder.remember(outcome, self.full)

    @cached_property
    def _ladder(self) -> "Ladder":
        from runner.run.gpu_ladder import Ladder

        return Ladder(
            stage=self.stage,
            project=self.project,
            job=self.job,
            host=self.host,
            options=self.options,
            rules=self.rules,
        )


def _without_end(held: list[StageFinished], emit: Observer) -> Observer:
    """An observer that tells all but the end, which may turn out to be none."""

    def tell(event: Event) -> None:
        if isinstance(event, StageFinished):
            held.append(event)
        else:
            emit(event)

    return tell


def _tried(outcome: Outcome) -> Tried | None:
    if outcome.ran is None:
        return None
    request = outcome.ran.request
    return Tried(
        run_id=outcome.ran.id,
        variant=request.variant,
        config=request.config,
        limits=request.limits.values,
    )


def _last_end(end: StageFinished, attempt: Attempt) -> StageFinished:
    """The end as observers hear of it: of a failure, how often it was tried."""
    if end.good or attempt.number == 1:
        return end
    changes = f", with {listed(attempt.changes)}" if attempt.changes else ""
    return replace(end, details=(f"This was {attempt}{changes}.", *end.details))


def _failed_attempt(end: StageFinished, attempt: Attempt, after: Next, job: Job) -> AttemptFailed:
    run_id = str(end.run_id)
    log = f"stagerun logs {end.stage} {job.root} --run {run_id}"
    return AttemptFailed(
        stage=end.stage,
        attempt=attempt.number,
        attempts=after.attempt.of,
        verdict=Verdict(end.verdict or ""),
        summary=end.summary,
        details=(
            *_changes(attempt, after),
            *([MOVED] if after.attempt.number == attempt.number else []),
            f"log: {log} · record: {job.run_folder(run_id)}",
        ),
        run_id=run_id,
        duration_seconds=end.duration_seconds,
        memory_peak_bytes=end.memory_peak_bytes,
        record=end.record,
    )


def _refused_attempt(
    stage: StageSpec, attempt: Attempt, after: Next, problem: StagerunError
) -> AttemptFailed:
    return AttemptFailed(
        stage=stage.id,
        attempt=attempt.number,
        attempts=after.attempt.of,
        verdict=Verdict(problem.verdict or ""),
        summary=str(problem),
        details=_changes(attempt, after),
    )


def _changes(attempt: Attempt, after: Next) -> tuple[str, ...]:
    changes = after.attempt.changes
    if changes == attempt.changes:
        return ()
    return (f"The next attempt has {listed(changes)}.",)


def _pause(
    stage: StageSpec,
    job: Job,
    after: Next,
    stopped: Callable[[], str | None],
    host: Host,
    emit: Observer,
) -> None:
    """Wait until the next attempt may begin. Raises CancelledError."""
    attempt, end = after.attempt, time.monotonic() + after.pause_seconds
    woken = threading.Event()
    with contextlib.ExitStack() as stack:
        stack.enter_context(host.cancellation.listening(woken.set))
        # So that others see the stage as taken; one that took it in between may have it.
        with contextlib.suppress(StageBusyError):
            stack.enter_context(stage_lock(job, stage.id))
        # Told with the lock held: whoever hears of the pause finds the stage taken.
        if after.pause_seconds:
            reason = f"{after.pause_seconds:g} s before {attempt}: {attempt.follows}"
            emit(StageWaiting(stage=stage.id, reason=reason, waits_for=WaitsFor.PAUSE))
        while True:
            if by := stopped():
                msg = f"cancelled by {by} before {attempt}, after {attempt.follows}"
                raise CancelledError(msg)
            left = end - time.monotonic()
            if left <= 0:
                return
            # A request in the job wakes nobody.
            woken.wait(min(left, LOOK_EVERY_SECONDS))
