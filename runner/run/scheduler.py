"""Which stage next: the stages of one or many jobs, side by side as far as they can."""

import contextlib
import queue
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Final

from runner.errors import StagerunError
from runner.events import Event, Observer, StageWaiting, WaitsFor
from runner.job.folder import Job
from runner.job.lock import is_locked
from runner.project.pipeline import Project
from runner.run.conclusion import stop_asked
from runner.run.faults import refusal_of
from runner.run.inputs import is_enabled
from runner.run.outcome import Outcome, skipped
from runner.run.plan import Plan
from runner.run.request import Host, RunOptions
from runner.run.retrying import run_attempts
from runner.run.standing import JobOutcome, Standing, cancelled, refused_stage
from runner.run.switched_off import record_skipped

MOST_WAITING: Final = 16
"""Threads for stages that wait for something of their own; each looks again and again."""

MOST_ALIKE: Final = 4
"""How many of these may wait for the same stage of other jobs, as for a GPU.

Stages that need not run, as far as their jobs tell, do not have to stand in line behind them while
half of the threads are left.
"""

MOST_BEHIND: Final = MOST_WAITING // 2
"""How many of these may wait for stages that other calls have; further ones are passed over."""

LOOK_AGAIN_SECONDS: Final = 1.0
"""When it is looked again at what was passed over: other calls tell nobody what they end."""


@dataclass(eq=False)
class _InHand:
    """A stage that a thread is busy with, and what it waits for at the moment."""

    standing: Standing
    stage: str
    waits_for: WaitsFor | None = None

    @property
    def is_aside(self) -> bool:
        """Whether it takes no place from one that could run."""
        return self.waits_for not in (None, WaitsFor.PLACE)


@dataclass(eq=False)
class Schedule:
    """Runs plans, at most ``at_once`` stages at a time, those of older jobs first.

    A stage that does not end well holds up what reads from it, and nothing else. One that waits
    for something that others may not need holds up nobody. Plans may be added while others run,
    by any thread, until ``close`` is called; ``ended`` hears of every job's end.
    """

    project: Project
    host: Host
    options: RunOptions
    at_once: int
    emit: Observer
    ended: Callable[[JobOutcome], None]
    _open: list[Standing] = field(default_factory=list)
    _in_hand: dict[Future[Outcome], _InHand] = field(default_factory=dict)
    _news: "queue.SimpleQueue[Plan | Future[Outcome] | None]" = field(
        default_factory=queue.SimpleQueue
    )
    _closed: bool = False
    _passed_over: bool = False

    def add(self, plan: Plan) -> None:
        """Have a plan run as well."""
        self._news.put(plan)

    def close(self) -> None:
        """Say that no more plans come."""
        self._closed = True
        self._news.put(None)

    def run(self) -> None:
        """Run until everything has ended and no more comes."""
        most = self.at_once + MOST_WAITING
        with (
            ThreadPoolExecutor(max_workers=most, thread_name_prefix="stage") as pool,
            self.host.cancellation.listening(lambda: self._news.put(None)),
        ):
            while True:
                # All that is known already counts before anything is begun.
                while not self._news.empty():
                    self._heed(self._news.get())
                self._begin_what_can(pool)
                if self._closed and not self._open and self._news.empty():
                    return
                with contextlib.suppress(queue.Empty):
                    patience = LOOK_AGAIN_SECONDS if self._passed_over else None
                    self._heed(self._news.get(timeout=patience))

    def _heed(self, news: Plan | Future[Outcome] | None) -> None:
        if isinstance(news, Plan):
            self._take_in(news)
        elif news is not None:
            found = self._in_hand.pop(news)
            standing = found.standing
            standing.running.discard(found.stage)
            standing.outcomes[found.stage] = news.result()
            standing.hold_up(self.project)
            self._settle(standing)

    def _take_in(self, plan: Plan) -> None:
        host = replace(self.host, began_at=plan.asked_at) if plan.asked_at else self.host
        tell = plan.emit or self.emit
        standing = Standing(plan=plan, host=host, tell=tell, waiting=list(plan.stages))
        self._open.append(standing)
        self._open.sort(key=lambda item: (item.plan.made_at, item.plan.job.name))
        self._settle(standing)

    def _settle(self, standing: Standing) -> None:
        """Finish a job that is over, and let the observer of one that only waits rest."""
        if standing.running:
            return
        if not standing.waiting:
            self._open.remove(standing)
            self.ended(standing.finish())
        standing.plan.rest()

    def _begin_what_can(self, pool: ThreadPoolExecutor) -> None:
        if self.host.cancellation.requested:
            for standing in tuple(self._open):
                standing.hold_up(self.project)
                self._settle(standing)
        while (found := self._next()) is not None:
            standing, stage = found
            standing.waiting.remove(stage)
            standing.running.add(stage)
            self._begin(pool, _InHand(standing, stage))

    def _begin(self, pool: ThreadPoolExecutor, found: _InHand) -> None:
        standing = found.standing
        standing.begin()

        def tell(event: Event) -> None:
            standing.tell(event)
            waits_for = event.waits_for if isinstance(event, StageWaiting) else None
            if found.waits_for is not waits_for:
                found.waits_for = waits_for
                self._news.put(None)

        future = pool.submit(
            execute,
            found.stage,
            self.project,
            standing.plan.job,
            standing.host,
            self.options,
            tell,
        )
        self._in_hand[future] = found
        future.add_done_callback(self._news.put)

    def _next(self) -> tuple[Standing, str] | None:
        """The stage to begin now: the first that may run of the oldest job that has one."""
        aside = [item for item in self._in_hand.values() if item.is_aside]
        no_thread_is_left = len(self._in_hand) >= self.at_once + MOST_WAITING
        if no_thread_is_left or len(self._in_hand) - len(aside) >= self.at_once:
            return None
        self._passed_over = False
        short = [item.stage for item in aside if item.waits_for is WaitsFor.RESOURCE]
        behind = [item for item in aside if item.waits_for is WaitsFor.RUNNER]
        has_many_behind = len(behind) >= MOST_BEHIND
        has_room = len(aside) < MOST_WAITING // 2
        for standing in self._open:
            for stage in standing.ready(self.project):
                if has_many_behind and is_locked(standing.plan.job, stage):
                    self._passed_over = True
                elif short.count(stage) < MOST_ALIKE or (has_room and stage in standing.plan.there):
                    return standing, stage
        return None


def execute(
    stage_id: str, project: Project, job: Job, host: Host, options: RunOptions, emit: Observer
) -> Outcome:
    """Run one stage; every refusal becomes an outcome that observers heard of.

    So does a fault of the program itself: it holds up no other job.
    """
    stage = project.stages[stage_id]
    try:
        if by := stop_asked(stage, job, host)():
            raise cancelled(by)
        if not is_enabled(stage_id, project, job):
            reason = record_skipped(stage, job, host, options, emit)
            return skipped(stage, reason, emit)
        return run_attempts(stage, project, job, host, options=options, emit=emit)
    except (StagerunError, OSError) as problem:
        return refused_stage(stage, refusal_of(problem, job.root), host, emit)
    except Exception as problem:
        where = traceback.format_exception(problem)
        lines = [line for part in where for line in part.splitlines()]
        return refused_stage(stage, refusal_of(problem, job.root), host, emit, details=lines)
