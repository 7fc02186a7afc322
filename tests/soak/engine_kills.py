"""Kills of an engine while stages run on it, and of runners meanwhile: never the machine's own."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import docker

from tests.second_engine import SecondEngine, second_engine, why_no_second_engine
from tests.soak.crowd import held, taken_places
from tests.soak.faulty_stagerun import all_ended
from tests.soak.invariants import (
    Before,
    check_documents,
    check_nothing_left,
    check_result,
    check_wreck,
    exit_code_of,
    look,
    new_runs,
    read_steps,
    verdict_of,
)
from tests.soak.violation import Violation
from tests.soak.workplace import CALL_SECONDS, STAGE, Plan, Workplace, give_plan, make_workplace

JOBS: Final = 3
LATEST_SECONDS: Final = 1.2
ENDED_BY_ENGINE: Final = frozenset({137, 143})
"""When it starts again, an engine ends the containers that outlived it."""

RUNNERS_KILLED: Final = 0.4
"""Of those whose engine is killed; so often their runner dies with it."""


@dataclass
class EngineKills:
    """What came of it."""

    kills: int = 0
    runner_kills: int = 0
    calls: int = 0
    seconds: float = 0.0
    missing: str = ""
    violations: list[Violation] = field(default_factory=list)

    @property
    def line(self) -> str:
        """The figures."""
        if self.missing:
            return f"0 kills of an engine: {self.missing}"
        return (
            f"{self.kills} kills of an engine with {JOBS} runs on it, of which {self.runner_kills}"
            f" lost their runner as well; {self.calls} calls afterwards:"
            f" {len(self.violations)} violations in {self.seconds:.0f} s"
        )


def kill_engines(folder: Path, times: int, seed: int) -> EngineKills:
    """Kill an engine so many times, and check what the next call makes of each job."""
    told, dice, began = EngineKills(), random.Random(f"engine {seed}"), time.monotonic()
    if missing := why_no_second_engine():
        told.missing = missing
        return told
    with second_engine(hook=False) as engine:
        engine.load(f"stagerun/{STAGE}:main")
        place = make_workplace(folder, engine=engine.address)
        for number in range(times):
            _round(place, engine, number, dice, told)
            if told.violations:
                break
    told.violations += [*held(folder), *taken_places()]
    told.seconds = time.monotonic() - began
    return told


def _round(
    place: Workplace, engine: SecondEngine, number: int, dice: random.Random, told: EngineKills
) -> None:
    jobs: dict[Path, tuple[Plan, Before]] = {}
    for count in range(JOBS):
        job = place.job(f"engine-{number}-{count}", dice.choice(("good", "good", "failed", None)))
        plan = Plan(dice.choice(("success", "success", "exits")), dice.choice((0.05, 0.4, 1.0)))
        give_plan(job, plan)
        jobs[job] = plan, look(job)
    processes = [place.start(job, "--force") for job in jobs]
    time.sleep(dice.uniform(0, LATEST_SECONDS))
    engine.crash()
    told.kills += 1
    for process in processes:
        if process.is_alive() and dice.random() < RUNNERS_KILLED:
            process.kill()
            told.runner_kills += 1
    all_ended(processes, CALL_SECONDS)
    for job, (_, before) in jobs.items():
        told.violations += check_wreck(job, before)
    engine.start_again()
    for job, (plan, before) in jobs.items():
        told.violations += _next_call(
            place, engine, job, plan, before, dice.choice(((), ("--force",)))
        )
        told.calls += 1
        if not told.violations:
            place.forget(job)


def _next_call(
    place: Workplace,
    engine: SecondEngine,
    job: Path,
    plan: Plan,
    before: Before,
    words: tuple[str, ...],
) -> Iterator[Violation]:
    code = place.call(job, *words)
    yield from check_documents(job)
    yield from check_result(job, before, code)
    client = docker.APIClient(base_url=engine.address, timeout=60)
    yield from check_nothing_left(job, client)
    client.close()
    for run in new_runs(job, before):
        verdict, run_steps = verdict_of(job, run), read_steps(job, run)
        right = {plan.verdict, "engine_unavailable", "runner_lost"}
        if exit_code_of(job, run) in ENDED_BY_ENGINE:
            right.add("stage_failed")
        if run_steps[-1:] != ["closed"] or (verdict and verdict not in right):
            steps = " ".join(run_steps)
            yield Violation("verdict", f"{job.name} run {run} ({steps}): {verdict}, plan {plan}")
