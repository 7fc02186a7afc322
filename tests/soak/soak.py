"""Kills runners and containers for some minutes, checks every promise, and prints one line.

    python -m tests.soak.soak --minutes 5 --seed 7

Everything happens in a folder of its own, which stays where something was wrong.
"""

import argparse
import itertools
import os
import random
import secrets
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.soak.crowd import held, run_crowd, taken_places
from tests.soak.cycle import Cycle, Ring, random_cycle
from tests.soak.engine_kills import kill_engines
from tests.soak.fault import Fault
from tests.soak.figures import Figures
from tests.soak.page import add_to_page
from tests.soak.scenarios import NamedStep, named_steps
from tests.soak.truth import truth_of
from tests.soak.workplace import Workplace, make_workplace

SIDE_BY_SIDE: Final = 4
RUN_SECONDS: Final = 1.2
"""No kill comes later than this after the start of a call."""

ENOUGH_WRONG: Final = 5
SHOWN: Final = 20


def main() -> int:
    """Soak; returns 0 when nothing was wrong."""
    asked = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="stagerun-soak-"))
    os.environ["XDG_RUNTIME_DIR"] = os.environ["XDG_CACHE_HOME"] = str(folder / "user")
    figures = soak(make_ground(folder / "soak"), asked.minutes * 60, asked.seed, only=asked.only)
    if asked.runs:
        crowd = run_crowd(folder / "crowd", asked.runs)
        print(crowd.line)
        figures.crowd = crowd.line
        figures.violations += crowd.violations
    if asked.engine_kills:
        told = kill_engines(folder / "engine", asked.engine_kills, asked.seed)
        print(told.line)
        figures.engine_kills = told.line
        figures.violations += told.violations
    print(figures.line)
    for violation in figures.violations[:SHOWN]:
        print(f"  {violation}", file=sys.stderr)
    if figures.violations:
        print(f"seed {asked.seed}; what was found is kept in {folder}", file=sys.stderr)
        return 1
    shutil.rmtree(folder)
    if asked.page:
        add_to_page(figures)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--only", type=int, help="this cycle alone")
    parser.add_argument("--runs", type=int, default=50, help="runs at once at the end; 0 for none")
    parser.add_argument(
        "--engine-kills",
        type=int,
        default=20,
        help="kills of a second engine after that; 0 for none",
    )
    parser.add_argument("--page", action="store_true", help="add the figures to the page")
    return parser.parse_args()


@dataclass(frozen=True)
class Ground:
    """Where a soak happens, and the steps that runners have there."""

    place: Workplace
    steps: tuple[NamedStep, ...]


def make_ground(folder: Path) -> Ground:
    """Set all up below a folder."""
    place = make_workplace(folder)
    return Ground(place, tuple(named_steps(place)))


def soak(ground: Ground, seconds: float, seed: int, *, only: int | None = None) -> Figures:
    """Run cycles side by side until the time is over or enough is wrong."""
    place, steps, folder = ground.place, ground.steps, ground.place.root
    figures, began = Figures(seed=seed), time.monotonic()
    figures.known = len({step.step for step in steps})
    with truth_of(folder) as (truth, client):
        ring = Ring(place, truth, client)
        cycles = _cycles(seed, steps)
        guard = threading.Lock()

        def work() -> None:
            while time.monotonic() < began + seconds and len(figures.violations) < ENOUGH_WRONG:
                with guard:
                    cycle = next(cycles)
                result = ring.run(cycle)
                with guard:
                    figures.add(result)

        if only is not None:
            figures.add(ring.run(next(itertools.islice(cycles, only, None))))
        else:
            with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                for done in [pool.submit(work) for _ in range(SIDE_BY_SIDE)]:
                    done.result()
    figures.violations += [*held(folder), *taken_places()]
    figures.seconds = time.monotonic() - began
    return figures


def _cycles(seed: int, steps: Sequence[NamedStep]) -> Iterator[Cycle]:
    """Two at named steps, each once and in an order of the seed's, and then a random one."""
    shuffled = random.Random(seed).sample(steps, len(steps))
    # Every name in one scenario first, then in the others.
    first = {id(item) for item in {item.step: item for item in shuffled}.values()}
    order = sorted(shuffled, key=lambda item: id(item) not in first)
    usual = [(step.step, step.count) for step in steps]
    for number in itertools.count():
        dice = random.Random(f"{seed}:{number}")
        if number % 3 == 2 or number // 3 * 2 + number % 3 >= len(order):
            yield random_cycle(dice, number, usual, RUN_SECONDS)
        else:
            named = order[number // 3 * 2 + number % 3]
            nth = 1 if id(named) in first else dice.randint(1, named.count)
            yield named.scenario.cycle(number, Fault(named.step, nth))


def each_step_once(ground: Ground) -> Figures:
    """A kill before every named step, in one of the scenarios that have it."""
    place, figures, began = ground.place, Figures(seed=0), time.monotonic()
    steps = {item.step: item for item in ground.steps if item.step.startswith("before ")}
    figures.known = len(steps)
    with truth_of(place.root) as (truth, client), ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        ring = Ring(place, truth, client)
        cycles = [
            item.scenario.cycle(n, Fault(name)) for n, (name, item) in enumerate(steps.items())
        ]
        for result in pool.map(ring.run, cycles):
            figures.add(result)
    figures.seconds = time.monotonic() - began
    return figures


if __name__ == "__main__":
    sys.exit(main())
