"""A run that somebody or something stops: the time limit, a signal, an engine that goes away."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from runner.errors import EngineError, Verdict
from runner.host.container import ContainerSpec
from runner.host.engine_fake import FakeProcess
from runner.host.gpu import Inventory
from runner.job.folder import Job
from runner.job.journal import open_runs
from runner.project.config import parse_limits
from runner.run.request import RunOptions
from runner.run.scheduler import execute
from tests.project_kit import STAGE_YAML
from tests.unit.run.conftest import (
    GPU,
    PROBE,
    Place,
    a_good_run_and,
    copy,
    copy_of,
    entry_of,
    record_of,
    write_manifest,
)


def test_a_stage_over_its_time_is_asked_to_end_and_then_killed(place: Place, job: Job) -> None:
    place.kit.settings("limits: {stages_at_once: 64, stop_grace: 0.1s}\n")
    signals: list[str | None] = []

    def stubborn(process: FakeProcess) -> int:
        write_manifest(process, "running", outputs=[])
        signals.extend(process.sleep_until_signal(10) for _ in range(2))
        return 0

    outcome = a_good_run_and(place, job, stubborn, limits=parse_limits({"timeout": "0.1"}))
    assert (outcome.verdict, outcome.exit_code) == (Verdict.TIMEOUT, 8)
    assert signals == ["SIGTERM", "SIGKILL"]
    assert record_of(job, outcome.run_id)["evidence"]["exit_code"] == 137
    assert entry_of(job)["good_is"] == "previous"


def test_a_stage_over_its_time_that_ends_when_asked_is_not_killed(place: Place, job: Job) -> None:
    def polite(process: FakeProcess) -> int:
        assert process.sleep_until_signal(10) == "SIGTERM"
        return 143

    outcome = a_good_run_and(place, job, polite, limits=parse_limits({"timeout": "0.1"}))
    assert outcome.verdict is Verdict.TIMEOUT
    assert record_of(job, outcome.run_id)["evidence"]["exit_code"] == 143


def test_a_very_long_time_limit_is_no_mistake(place: Place, job: Job) -> None:
    limits = parse_limits({"timeout": "999999999999d"})
    assert place.run(job, limits=limits).verdict is Verdict.SUCCESS


@pytest.mark.parametrize(("signal", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_cancelled_run_is_asked_to_end(place: Place, job: Job, signal: str, code: int) -> None:
    signals: list[str | None] = []

    def run_until_asked(process: FakeProcess) -> int:
        place.cancellation.request(signal)
        signals.append(process.sleep_until_signal(10))
        return 143

    outcome = a_good_run_and(place, job, run_until_asked)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.CANCELLED, code)
    assert signals == ["SIGTERM"]
    assert signal in entry_of(job)["reason"]
    assert entry_of(job)["good_is"] == "previous"


def test_a_second_request_kills_at_once(place: Place, job: Job) -> None:
    place.kit.settings("limits: {stages_at_once: 64, stop_grace: 1h}\n")
    signals: list[str | None] = []

    def stubborn(process: FakeProcess) -> int:
        place.cancellation.request("SIGINT")
        signals.append(process.sleep_until_signal(10))
        place.cancellation.request("SIGINT")
        signals.append(process.sleep_until_signal(10))
        return 0

    outcome = a_good_run_and(place, job, stubborn)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.CANCELLED, 130)
    assert signals == ["SIGTERM", "SIGKILL"]


def test_a_request_that_is_ignored_ends_in_a_kill(place: Place, job: Job) -> None:
    place.kit.settings("limits: {stages_at_once: 64, stop_grace: 0.1s}\n")

    def stubborn(process: FakeProcess) -> int:
        place.cancellation.request("SIGTERM")
        while process.sleep_until_signal(10) != "SIGKILL":
            pass
        return 0

    outcome = a_good_run_and(place, job, stubborn)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.CANCELLED, 143)


def test_cancelling_what_is_already_timing_out_counts_as_cancelled(place: Place, job: Job) -> None:
    def cancel_late(process: FakeProcess) -> int:
        process.sleep_until_signal(10)
        place.cancellation.request("SIGINT")
        process.sleep_until_signal(0.3)
        return 143

    outcome = a_good_run_and(place, job, cancel_late, limits=parse_limits({"timeout": "0.1"}))
    assert outcome.verdict is Verdict.CANCELLED


def test_a_request_before_the_start_starts_nothing(place: Place, job: Job) -> None:
    place.cancellation.request("SIGTERM")
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.CANCELLED, 143)
    assert place.engine.created == []


def test_an_engine_that_goes_away_is_on_record_and_the_next_call_goes_on(
    place: Place, job: Job
) -> None:
    def lose_the_engine(process: FakeProcess) -> int:
        write_manifest(process, "running", outputs=[])
        place.engine.lost = True
        return 0

    outcome = a_good_run_and(place, job, lose_the_engine)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.ENGINE_UNAVAILABLE, 5)
    assert "the fake engine was told to be lost" in entry_of(job)["reason"]
    assert entry_of(job)["good_is"] == "previous"
    assert open_runs(job, PROBE) == []
    assert not place.engine.created[-1].removed
    place.engine.lost = False
    del place.programs[PROBE]
    assert place.run(job).verdict is Verdict.SUCCESS
    assert all(container.removed for container in place.engine.created)


def test_a_run_that_its_runner_has_to_break_off_is_closed_with_the_reason(
    place: Place, job: Job
) -> None:
    first = place.run(job)
    place.kit.spec(PROBE, STAGE_YAML.format(source="input/text") + "gpu: required\n")
    place.build()

    def inventory() -> Inventory:
        if len(place.engine.created) > 1:
            message = "the driver went away"
            raise EngineError(message)
        return Inventory(gpus=(GPU,))

    host = replace(place.host, inventory=inventory)
    outcome = execute(PROBE, place.project, Job(job.root), host, RunOptions(), place.emit)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.ENGINE_UNAVAILABLE, 5)
    assert open_runs(job, PROBE) == []
    entry = entry_of(job)
    assert entry["verdict"] == "engine_unavailable"
    assert "the driver went away" in entry["reason"]
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", first.run_id)
    assert all(container.removed for container in place.engine.created)


@pytest.fixture
def alive(place: Place, job: Job) -> Iterator[ContainerSpec]:
    """The specification of a closed run's container, whose program now goes on for ever."""
    release = threading.Event()
    place.run(job)
    spec = place.engine.created[0].spec
    place.programs[PROBE] = lambda _: int(release.wait(10))
    yield spec
    release.set()


def test_a_container_that_nobody_knows_keeps_its_folder_while_it_runs(
    place: Place, job: Job, alive: ContainerSpec
) -> None:
    labels = {key: value for key, value in alive.labels.items() if not key.endswith(".run")}
    with place.engine.container(replace(alive, labels=labels)) as container:
        container.start()
        outcome = place.run(job, force=True)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.BUSY, 11)
    assert "still runs" in place.said()
    assert copy_of(job) == "hello\n"


def test_a_container_that_outlives_its_closed_run_is_ended(
    place: Place, job: Job, alive: ContainerSpec
) -> None:
    with place.engine.container(alive) as container:
        container.start()
        place.programs[PROBE] = copy
        outcome = place.run(job, force=True)
        assert container.removed
    assert outcome.verdict is Verdict.SUCCESS
