"""An engine that goes away while a stage runs, and comes back: never the machine's own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.calls import call, ended, program, started, steps, wait_until
from tests.faults.leaks import nothing_left_behind
from tests.project_kit import Kit
from tests.second_engine import SecondEngine, second_engine, why_no_second_engine

NOT_HERE = why_no_second_engine()
pytestmark = [
    pytest.mark.docker,
    pytest.mark.engine,
    pytest.mark.root,
    pytest.mark.skipif(NOT_HERE is not None, reason=str(NOT_HERE)),
]

SLEEPY = program("(folder / 'ready').touch(); time.sleep(60)")


@pytest.fixture(scope="module")
def other_engine(kit_images: None) -> Iterator[SecondEngine]:  # noqa: ARG001  (built first)
    with second_engine() as running:
        running.load("stagerun/50_probe:main")
        yield running


@pytest.fixture(autouse=True)
def clean_there(other_engine: SecondEngine, tmp_path: Path) -> Iterator[None]:
    with nothing_left_behind(tmp_path, other_engine.address):
        yield


@pytest.mark.parametrize("way", ["crash", "stop"])
def test_a_run_whose_engine_goes_away_is_told_and_the_next_cleans_up(
    real_kit: Kit, job: Path, other_engine: SecondEngine, way: str
) -> None:
    real_kit.code("50_probe", SLEEPY)
    with started(
        real_kit, "50_probe", job, "--dev", "--force", DOCKER_HOST=other_engine.address
    ) as process:
        wait_until((job / "50_probe/ready").exists, "the stage runs")
        getattr(other_engine, way)()
        text, _ = process.communicate(timeout=30)
    while_away = call(real_kit, job, "--force", DOCKER_HOST=other_engine.address)
    lost = ended(job, "50_probe", process.returncode, text)
    kept = (job / ".stagerun/previous/50_probe/copy.txt").read_text()
    other_engine.start_again()
    real_kit.code("50_probe", program())
    again = call(real_kit, job, "--force", DOCKER_HOST=other_engine.address)

    assert "Traceback" not in text, text
    assert (lost.code, lost.verdict) == (5, "engine_unavailable"), text
    assert "engine" in text
    assert while_away.code == 5, while_away.text
    assert kept == "new\n"
    assert (again.code, again.verdict) == (0, "success"), again.text
    assert all("closed" in run for run in steps(job))


def test_a_container_that_an_engine_lost_sight_of_is_not_left_behind(
    real_kit: Kit, job: Path, other_engine: SecondEngine
) -> None:
    real_kit.code("50_probe", SLEEPY)
    with started(
        real_kit, "50_probe", job, "--dev", "--force", DOCKER_HOST=other_engine.address
    ) as process:
        wait_until((job / "50_probe/ready").exists, "the stage runs")
        process.kill()
        process.wait(timeout=20)
    other_engine.crash()
    other_engine.start_again()
    real_kit.code("50_probe", program())

    again = call(real_kit, job, "--force", DOCKER_HOST=other_engine.address)

    assert (again.code, again.verdict) == (0, "success"), again.text
    assert "died" in again.text
    assert (job / "50_probe/copy.txt").read_text() == "new\n"
