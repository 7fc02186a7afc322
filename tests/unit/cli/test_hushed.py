"""A job that is tried again is told of only where it goes otherwise than the last time."""

from runner.cli.hushed import Hushed
from runner.errors import Verdict
from runner.events import (
    Event,
    JobFinished,
    JobStarted,
    RunStarted,
    StageFinished,
    StageWaiting,
    WaitsFor,
)
from runner.run.watched_jobs import trouble_of

AWAY = Verdict.ENGINE_UNAVAILABLE
STAGES = ("50_probe", "51_next")


class Heard:
    """Hears of a job whose last trouble was that the engine was away."""

    def __init__(self) -> None:
        self.events: list[str] = []
        known = trouble_of([("50_probe", AWAY, "no engine")])
        self.hushed = Hushed(self._hear, lambda: self.events.append("planned"), known.__eq__)

    def _hear(self, event: Event) -> None:
        self.events.append(type(event).__name__)

    def job(self, *between: Event, code: int = 5) -> list[str]:
        """What is told of a whole job."""
        verdict = AWAY if code else Verdict.SUCCESS
        started = JobStarted(job="/river", headline="river", stages=STAGES)
        for event in (
            started,
            *between,
            JobFinished(job="/river", verdict=verdict, exit_code=code),
        ):
            self.hushed(event)
        return self.events


def refused(stage: str, reason: str, verdict: Verdict = AWAY) -> StageFinished:
    return StageFinished(stage=stage, verdict=verdict, summary=reason, exit_code=5)


def test_the_same_trouble_again_is_not_told() -> None:
    held_up = refused("51_next", "it reads from 50_probe", Verdict.INPUT_MISSING)
    assert Heard().job(refused("50_probe", "no engine"), held_up) == []


def test_another_trouble_is_told() -> None:
    events = Heard().job(refused("50_probe", "the engine is another machine's"))
    assert events == ["planned", "JobStarted", "StageFinished", "JobFinished"]


def test_a_job_that_needs_nothing_any_more_is_told() -> None:
    done = StageFinished(stage="50_probe", verdict=Verdict.CACHED, summary="")
    assert Heard().job(done, code=0)[0] == "planned"


def test_what_begins_is_told_at_once_and_in_order() -> None:
    heard = Heard()
    heard.hushed(JobStarted(job="/river", headline="river", stages=STAGES))
    assert heard.events == []
    heard.hushed(RunStarted(stage="50_probe", run_id="1", image="probe"))
    assert heard.events == ["planned", "JobStarted", "RunStarted"]
    heard.hushed(refused("50_probe", "no engine"))
    heard.hushed(JobFinished(job="/river", verdict=AWAY, exit_code=5))
    assert heard.events[3:] == ["StageFinished", "JobFinished"]


def test_a_long_wait_is_told_and_a_pause_between_attempts_is_not() -> None:
    heard = Heard()
    for waits_for in (WaitsFor.PLACE, WaitsFor.PAUSE):
        heard.hushed(StageWaiting(stage="50_probe", reason="wait", waits_for=waits_for))
    assert heard.events == []
    heard.hushed(StageWaiting(stage="50_probe", reason="wait", waits_for=WaitsFor.RESOURCE))
    assert heard.events == ["planned", "StageWaiting", "StageWaiting", "StageWaiting"]
