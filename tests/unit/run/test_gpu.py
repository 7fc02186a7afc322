"""GPUs: required never falls back, optional falls back where everybody sees it."""

import json
import threading
from dataclasses import replace

import pytest

from runner.errors import Verdict
from runner.events import StageWaiting
from runner.host.engine_fake import FakeProcess
from runner.host.gpu import Gpu, Inventory
from runner.job.folder import Job
from runner.project.config import parse_limits
from runner.run.outcome import Outcome
from runner.run.plan import plan_job
from runner.run.request import RunOptions
from runner.run.scheduler import execute, run_plans
from tests.project_kit import STAGE_YAML
from tests.unit.run.conftest import GPU, PROBE, Place, copy, entry_of, record_of

OTHER = replace(GPU, uuid="GPU-2", index=1, memory_used_bytes=4 << 30)


def declare(place: Place, need: str, parents: str = "parents: {cpu: base, cuda: base}") -> None:
    text = STAGE_YAML.format(source="input/text").replace("parent: base", parents)
    place.kit.spec(PROBE, f"{text}gpu: {need}\n")
    place.build()


def test_a_stage_that_needs_no_gpu_gets_none(place: Place, job: Job) -> None:
    place.inventory = Inventory(gpus=(GPU,))
    place.run(job)
    assert place.engine.created[0].spec.gpus == ()


def test_a_required_gpu_is_granted_by_uuid(place: Place, job: Job) -> None:
    declare(place, "required")
    place.inventory = Inventory(gpus=(OTHER, GPU))
    outcome = place.run(job)
    spec = place.engine.created[0].spec
    assert spec.gpus == ("GPU-1",)
    assert spec.environment["CUDA_VISIBLE_DEVICES"] == "GPU-1"
    record = record_of(job, outcome.run_id)
    assert record["variant"] == "cuda"
    assert record["image"]["name"] == f"stagerun/{PROBE}:cuda"
    assert record["gpu"] == {
        "need": "required",
        "uuids": ["GPU-1"],
        "memory_bytes": None,
        "fallback": None,
    }


@pytest.mark.parametrize("before", [False, True])
def test_a_required_gpu_that_is_not_there_is_refused_and_nothing_is_touched(
    place: Place, job: Job, before: bool
) -> None:
    if before:
        place.run(job)
    entry = json.loads(job.manifest_file.read_text()) if before else None
    declare(place, "required")
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.GPU_UNAVAILABLE, 6)
    assert "This machine has none" in place.said()
    assert len(place.engine.created) == int(before)
    assert job.stage_folder(PROBE).exists() == before
    if before:
        assert json.loads(job.manifest_file.read_text()) == entry


def test_a_required_gpu_without_enough_memory_is_refused_with_the_numbers(
    place: Place, job: Job
) -> None:
    declare(place, "required")
    place.inventory = Inventory(gpus=(GPU, OTHER))
    outcome = place.run(job, limits=parse_limits({"gpu_memory": "9GiB"}))
    assert outcome.verdict is Verdict.GPU_UNAVAILABLE
    assert "9.0 GiB" in place.said()
    assert "8.0 GiB of 8.0 GiB" in place.said()


def test_an_optional_gpu_that_is_not_there_is_told_in_record_manifest_and_request(
    place: Place, job: Job
) -> None:
    declare(place, "optional")
    outcome = place.run(job)
    assert outcome.verdict is Verdict.SUCCESS
    spec = place.engine.created[0].spec
    assert spec.gpus == ()
    assert "CUDA_VISIBLE_DEVICES" not in spec.environment
    record = record_of(job, outcome.run_id)
    assert record["variant"] == "cpu"
    assert record["gpu"]["fallback"] == "this machine has none"
    notice = "no GPU was granted, the stage runs on the CPU: this machine has none"
    assert record["warnings"] == entry_of(job)["warnings"] == [notice]
    assert notice in place.said()
    request = json.loads((job.run_folder(str(outcome.run_id)) / "request.json").read_text())
    assert (request["notices"], request["variant"]) == ([notice], "cpu")


def test_an_optional_gpu_that_is_there_is_used(place: Place, job: Job) -> None:
    declare(place, "optional")
    place.inventory = Inventory(gpus=(GPU,))
    outcome = place.run(job)
    assert place.engine.created[0].spec.gpus == ("GPU-1",)
    assert record_of(job, outcome.run_id)["warnings"] == []


def test_a_stage_with_one_parent_runs_on_it_with_and_without_a_gpu(place: Place, job: Job) -> None:
    declare(place, "optional", "parent: base")
    assert place.run(job).verdict is Verdict.SUCCESS
    place.inventory = Inventory(gpus=(GPU,))
    assert place.run(job, force=True).verdict is Verdict.SUCCESS
    assert {item.spec.image for item in place.engine.created} == {
        place.engine.images[f"stagerun/{PROBE}:main"].digest
    }


def side_by_side(
    place: Place, gpus: tuple[Gpu, ...], *, at_once: int, holds_it: bool = False
) -> list[str]:
    """Two jobs whose stages ask for 6 GiB each; returns the GPUs of those that ran at once."""
    declare(place, "required")
    place.inventory = Inventory(gpus=gpus)
    together, running, met = threading.Event(), set[str](), list[str]()
    guard = threading.Lock()

    def meet(process: FakeProcess) -> int:
        (gpu,) = process.spec.gpus
        with guard:
            running.add(process.spec.name)
            met.append(gpu)
            if holds_it:
                full = tuple(replace(item, memory_used_bytes=6 << 30) for item in gpus)
                place.inventory = Inventory(gpus=full)
            if len(running) == at_once:
                together.set()
        assert together.wait(10)
        with guard:
            at_most.append(len(running))
            running.remove(process.spec.name)
            if not running:
                place.inventory = Inventory(gpus=gpus)
        return copy(process)

    at_most: list[int] = []
    place.programs[PROBE] = meet
    outcomes = run_plans(
        [plan_job(place.project, place.job(name), upto=PROBE) for name in ("one", "two")],
        place.project,
        place.host,
        options=RunOptions(limits=parse_limits({"gpu_memory": "6GiB"})),
        at_once=2,
        emit=place.emit,
    )
    assert [outcome.exit_code for outcome in outcomes] == [0, 0]
    assert max(at_most) == at_once
    return met


def test_stages_side_by_side_are_not_granted_the_same_memory(place: Place) -> None:
    empty = replace(OTHER, memory_used_bytes=0)
    assert sorted(side_by_side(place, (GPU, empty), at_once=2)) == ["GPU-1", "GPU-2"]


def test_a_gpu_with_room_for_two_is_granted_to_two(place: Place) -> None:
    large = replace(GPU, memory_total_bytes=12 << 30)
    assert side_by_side(place, (large,), at_once=2) == ["GPU-1", "GPU-1"]


@pytest.mark.parametrize("holds_it", [False, True])
def test_a_stage_waits_for_the_gpu_that_another_one_of_the_same_call_has(
    place: Place, holds_it: bool
) -> None:
    assert side_by_side(place, (GPU,), at_once=1, holds_it=holds_it) == ["GPU-1", "GPU-1"]
    waits = [event for event in place.events if isinstance(event, StageWaiting)]
    assert ["another stage of this call" in event.reason for event in waits] == [True]


def test_waiting_for_a_gpu_can_be_cancelled(place: Place, job: Job) -> None:
    declare(place, "required")
    place.inventory = Inventory(gpus=(GPU,))
    host, other = place.host, place.job("other")
    options = RunOptions(limits=parse_limits({"gpu_memory": "6GiB"}))
    outcomes: list[Outcome] = []

    def run_the_other(process: FakeProcess) -> int:
        threading.Timer(0.1, place.cancellation.request, ["SIGTERM"]).start()
        outcomes.append(execute(PROBE, place.project, other, host, options, place.emit))
        return copy(process)

    place.programs[PROBE] = run_the_other
    execute(PROBE, place.project, job, host, options, place.emit)
    assert [(item.verdict, item.exit_code) for item in outcomes] == [(Verdict.CANCELLED, 143)]


def test_a_gpu_that_vanished_during_the_run_is_the_cause_of_its_end(place: Place, job: Job) -> None:
    declare(place, "required")
    place.inventory = Inventory(gpus=(GPU, OTHER))

    def lose_it(process: FakeProcess) -> int:
        place.inventory = Inventory(gpus=(OTHER,))
        return copy(process)

    place.programs[PROBE] = lose_it
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.GPU_LOST, 6)
    assert "GPU-1" in entry_of(job)["reason"]
