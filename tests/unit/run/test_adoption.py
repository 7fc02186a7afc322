"""Going on with the run of a dead runner: what is told of it, and what no call can go on with."""

from pathlib import Path

import pytest

from runner.errors import EngineError
from runner.events import Event, LogLine, Progress
from runner.host.engine_fake import FakeContainer
from runner.job.folder import Job
from runner.job.journal import CONTAINER
from runner.run.adoption import two_readings
from runner.run.attempt import begin
from runner.run.reaping import Fate, Remains, reap
from runner.run.request import RunOptions, resolve
from tests.project_kit import STAGE_YAML
from tests.unit.run.conftest import PROBE, Place


def line(message: str) -> LogLine:
    return LogLine(stage=PROBE, run_id="run", time="now", level="INFO", message=message)


def progress() -> Progress:
    return Progress(stage=PROBE, run_id="run", done=1, total=2, unit="s")


def test_a_second_reading_tells_only_what_the_first_has_not_heard() -> None:
    told: list[Event] = []
    first, second = two_readings(told.append)
    for event in (line("one"), progress(), line("two"), line("two")):
        first(event)
    for event in (line("one"), progress(), line("two"), line("two"), line("two"), line("three")):
        second(event)
    assert told == [line("one"), progress(), *[line("two")] * 3, line("three")]


def test_a_first_reading_that_lags_behind_tells_nothing_twice() -> None:
    told: list[Event] = []
    first, second = two_readings(told.append)
    first(line("one"))
    for message in ("one", "two"):
        second(line(message))
    first(line("two"))
    assert told == [line("one"), line("two")]


def left_running(place: Place, job: Job) -> FakeContainer:
    """The container of a run whose runner broke off without a word."""
    request = resolve(place.project.stages[PROBE], place.project, job, place.host, RunOptions())
    left: list[FakeContainer] = []

    def start() -> None:
        with begin(request, job, place.host) as run:
            container = FakeContainer(place.engine, run.container_spec(), place.program)
            place.engine.created.append(container)
            left.append(container)
            run.journal.write(CONTAINER, container_id=container.id)
            container.start()
            place.engine.lost = True
            message = "no answer"
            raise EngineError(message)

    with pytest.raises(EngineError):
        start()
    place.engine.lost = False
    return left[0]


def fates(place: Place, job: Job) -> list[Remains]:
    found = reap([job], place.project, place.host, place.emit, dry_run=True)
    return [item for item in found if item.what.startswith("run ")]


@pytest.fixture
def token(place: Place, tmp_path: Path) -> Path:
    """The one secret that the stage is given."""
    path = tmp_path / "token"
    path.write_text("as it was")
    place.kit.settings(f"secrets: {{tmdb: {path}}}\n")
    place.kit.spec(PROBE, STAGE_YAML.format(source="input/text") + "secrets: [tmdb]\n")
    place.build()
    place.programs[PROBE] = lambda process: int(process.sleep_until_signal(10) is None)
    return path


@pytest.mark.usefixtures("token")
def test_a_run_with_the_secrets_that_it_had_can_be_gone_on_with(place: Place, job: Job) -> None:
    container = left_running(place, job)
    [found] = fates(place, job)
    assert (found.fate, "go on with it" in found.why) == (Fate.STAYS, True)
    container.remove()


@pytest.mark.parametrize("change", ["other", "gone"])
def test_a_run_whose_secrets_are_no_longer_the_same_is_closed(
    place: Place, job: Job, token: Path, change: str
) -> None:
    container = left_running(place, job)
    if change == "gone":
        token.unlink()
    else:
        token.write_text("another one")
    assert [found.fate for found in fates(place, job)] == [Fate.CLOSED]
    container.remove()
