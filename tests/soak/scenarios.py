"""The situations in which a runner has steps of its own, and the steps that it has there.

The steps are not listed anywhere: a runner that is let be writes them down.
"""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tests.soak.cycle import Cycle, Strike
from tests.soak.fault import Fault
from tests.soak.faulty_stagerun import all_ended
from tests.soak.workplace import CALL_SECONDS, Plan, Workplace, give_plan

FORCE: Final = ("--force",)
LONG: Final = 0.6
"""Seconds; long enough for a call to find the container of a dead runner alive."""


@dataclass(frozen=True)
class Scenario:
    """A call in a situation: the job to begin with, an earlier call that is killed, the words.

    ``earlier`` is the step at which that one dies, ``pause`` the seconds between the two.
    """

    name: str
    like: str | None
    plan: Plan
    words: tuple[str, ...] = FORCE
    earlier: str | None = None
    pause: float = 0.0

    @property
    def strikes(self) -> tuple[Strike, ...]:
        """What happens before the call."""
        if self.earlier is None:
            return ()
        return (Strike(FORCE, Fault(self.earlier), pause=self.pause),)

    def cycle(self, number: int, fault: Fault) -> Cycle:
        """The call struck by a fault."""
        name = f"{self.name.replace(' ', '-')}-{number}"
        strikes = (*self.strikes, Strike(self.words, fault))
        return Cycle(name, self.like, self.plan, strikes)


@dataclass(frozen=True)
class NamedStep:
    """A step of a scenario, and how often its call comes to it."""

    scenario: Scenario
    step: str
    count: int


SCENARIOS: Final = (
    Scenario("again", "good", Plan()),
    Scenario("first", None, Plan()),
    Scenario("failing", "good", Plan("exits")),
    Scenario("after failing", "failed", Plan()),
    Scenario("cached", "good", Plan(), ()),
    Scenario("restoring", "failed", Plan(), ("restore",)),
    Scenario("adopting", "good", Plan(seconds=LONG), (), "after journal started"),
    Scenario("adopting ended", "good", Plan(), (), "after journal started", LONG),
    Scenario("adopting failed", "good", Plan("exits"), (), "after journal started", LONG),
    Scenario("undoing", "good", Plan(), (), "after container create"),
    Scenario("completing", "good", Plan(), (), "after journal ended"),
    Scenario("closing", "good", Plan(), (), "after replace .stagerun/runs/RUN/record.json"),
    Scenario("settling", "good", Plan(), (), "after replace manifest.json"),
)


def named_steps(place: Workplace) -> Iterator[NamedStep]:
    """The steps of every scenario, found by letting each happen once."""
    for number, scenario in enumerate(SCENARIOS):
        job = place.job(f"trace-{number}", scenario.like)
        give_plan(job, scenario.plan)
        for strike in scenario.strikes:
            all_ended([place.start(job, *strike.words, fault=strike.fault)], CALL_SECONDS)
            time.sleep(strike.pause)
        trace = place.root / "said" / f"trace-{number}.steps"
        all_ended([place.start(job, *scenario.words, trace=trace)], CALL_SECONDS)
        counts = Counter(trace.read_text(encoding="utf-8").splitlines())
        place.forget(job)
        for step, count in counts.items():
            yield NamedStep(scenario, step, count)
