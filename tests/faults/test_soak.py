"""A short soak: runners that are killed at every step and at random, and many runs at once."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.job import journal
from tests.faults.leaks import nothing_left_behind
from tests.second_engine import why_no_second_engine
from tests.soak.crowd import run_crowd
from tests.soak.engine_kills import kill_engines
from tests.soak.figures import Figures
from tests.soak.soak import Ground, each_step_once, make_ground, soak

pytestmark = [pytest.mark.engine, pytest.mark.alone]

SEED = 20261125
SOAK_SECONDS = 15.0
RUNS = 12
ENGINE_KILLS = 2
NOT_HERE = why_no_second_engine()
JOURNAL_STEPS = {
    value for name, value in vars(journal).items() if name.isupper() and isinstance(value, str)
}


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Ground:
    """Set up once; by then the server is there from which runners are forked, which is nobody's."""
    request.getfixturevalue("engine")
    request.getfixturevalue("kit_images")
    return make_ground(tmp_path_factory.mktemp("soak") / "project")


@pytest.fixture(autouse=True)
def nothing_is_left_there(ground: Ground) -> Iterator[None]:
    """Nor is anything left in the place of all these tests."""
    with nothing_left_behind(ground.place.root):
        yield


def assert_all_kept(figures: Figures) -> None:
    assert not figures.violations, "\n".join(map(str, [figures.line, *figures.violations]))


def test_a_runner_killed_at_any_named_step_breaks_no_promise(ground: Ground) -> None:
    figures = each_step_once(ground)
    assert_all_kept(figures)
    # A few steps, such as a thread's, are not come to each time.
    assert len(figures.steps) >= 0.9 * figures.known, figures.line


def test_a_step_of_the_journal_that_is_new_is_a_named_one(ground: Ground) -> None:
    named = {item.step for item in ground.steps}
    for step in JOURNAL_STEPS:
        assert {f"before journal {step}", f"after journal {step}"} <= named


def test_kills_at_random_break_no_promise(
    ground: Ground, record_property: Callable[[str, object], None]
) -> None:
    figures = soak(ground, SOAK_SECONDS, SEED)
    record_property("soak", figures.line)
    assert_all_kept(figures)
    assert figures.kills


def test_many_runs_at_once_all_end_right(tmp_path: Path) -> None:
    crowd = run_crowd(tmp_path / "crowd", RUNS)
    assert not crowd.violations, "\n".join(map(str, [crowd.line, *crowd.violations]))


@pytest.mark.root
@pytest.mark.skipif(NOT_HERE is not None, reason=str(NOT_HERE))
def test_an_engine_that_is_killed_under_its_runs_breaks_no_promise(tmp_path: Path) -> None:
    told = kill_engines(tmp_path / "engine", ENGINE_KILLS, SEED)
    assert not told.violations, "\n".join(map(str, [told.line, *told.violations]))
    assert told.kills == ENGINE_KILLS
