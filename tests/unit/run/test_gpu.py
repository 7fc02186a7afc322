"""GPUs: required never falls back, optional falls back where everybody sees it."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from runner.errors import Verdict
from runner.events import AttemptFailed, StageWaiting
from runner.gpu.peaks import peaks
from runner.host.engine_fake import FakeContainer, FakeProcess
from runner.host.gpu import Gpu, Grant, Inventory
from runner.host.gpu_curve import GpuUse
from runner.host.monitor import Usage
from runner.job.folder import Job
from runner.job.journal import CONTAINER, journal_of
from runner.manifest import RunRecord
from runner.project.config import parse_limits
from runner.run.attempt import begin
from runner.run.ending import last_ending
from runner.run.gpu_end import learn_peaks
from runner.run.gpu_request import gpu_box, notes_folder
from runner.run.outcome import Outcome
from runner.run.plan import plan_job
from runner.run.request import RunOptions, resolve
from runner.run.scheduler import execute
from tests.project_kit import STAGE_YAML
from tests.unit.gpu.kit import entry
from tests.unit.run.conftest import (
    GPU,
    IDENTITY,
    NO_GPU,
    PROBE,
    Place,
    copy,
    entry_of,
    record_of,
    request_of,
    write_manifest,
)
from tests.unit.run.dead_runners import snapshot
from tests.unit.run.plans import run_plans, wait_for
from tests.unit.run.verdict_facts import DONE

GIB = 1 << 30
HEAD_ROOM = 256 << 20
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
        "asked": None,
        "source": "nothing known of its need: a GPU without other runs",
        "uuids": ["GPU-1"],
        "names": ["Fake"],
        "memory_bytes": [8 * GIB - HEAD_ROOM],
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
    assert "No GPU here is as large as 9 GiB" in place.said()
    assert "GPU 0 (Fake) has 7.75 GiB of 8 GiB" in place.said()


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


def waits_in(place: Place) -> list[StageWaiting]:
    return [event for event in tuple(place.events) if isinstance(event, StageWaiting)]


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
        if at_once == 1 and len(met) == 1:
            wait_for(lambda: bool(waits_in(place)))
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
    large = replace(GPU, memory_total_bytes=12 * GIB + HEAD_ROOM)
    assert side_by_side(place, (large,), at_once=2) == ["GPU-1", "GPU-1"]


@pytest.mark.parametrize("holds_it", [False, True])
def test_a_stage_waits_for_the_gpu_that_another_one_of_the_same_call_has(
    place: Place, holds_it: bool
) -> None:
    assert side_by_side(place, (GPU,), at_once=1, holds_it=holds_it) == ["GPU-1", "GPU-1"]
    assert ["behind 50_probe of" in event.reason for event in waits_in(place)] == [True]


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
    place.inventory = Inventory(gpus=(GPU,))

    def lose_it(process: FakeProcess) -> int:
        place.inventory = NO_GPU
        return copy(process)

    place.programs[PROBE] = lose_it
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.GPU_LOST, 6)
    assert "GPU-1" in entry_of(job)["reason"]


def test_a_stage_whose_gpu_was_lost_runs_again_on_another_without_using_up_an_attempt(
    place: Place, job: Job
) -> None:
    declare(place, "required")
    place.inventory = Inventory(gpus=(GPU, OTHER))

    def lose_it(process: FakeProcess) -> int:
        place.inventory = Inventory(gpus=tuple(it for it in (OTHER,) if process.spec.gpus))
        return copy(process)

    place.programs[PROBE] = lose_it
    outcome = place.run(job)
    assert outcome.verdict is Verdict.SUCCESS
    assert [item.spec.gpus for item in place.engine.created] == [("GPU-1",), ("GPU-2",)]
    (failed,) = [event for event in place.events if isinstance(event, AttemptFailed)]
    assert (failed.verdict, failed.attempt) == (Verdict.GPU_LOST, 1)
    record = record_of(job, outcome.run_id)
    assert record["attempt"]["number"] == 1
    assert record["attempt"]["moved_from"] == failed.run_id
    ending = last_ending(job, PROBE)
    assert ending is not None
    assert [(it.number, it.run_id) for it in ending.earlier] == [(1, failed.run_id)]


def test_a_change_is_told_with_its_own_cause_also_after_the_gpu_was_lost(place: Place) -> None:
    with_ladder(place, lambda batch: batch <= 4)
    place.inventory = Inventory(gpus=(GPU, OTHER))
    work, lost = place.programs[PROBE], list[str]()

    def lose_it_once(process: FakeProcess) -> int:
        code = work(process)
        if code == 0 and process.spec.gpus and not lost:
            lost.extend(process.spec.gpus)
            left = tuple(it for it in (GPU, OTHER) if it.uuid not in lost)
            place.inventory = Inventory(gpus=left)
        return code

    place.programs[PROBE] = lose_it_once
    outcome = place.run(job := place.job("one"))
    assert outcome.verdict is Verdict.SUCCESS
    warnings = record_of(job, outcome.run_id)["warnings"]
    assert "attempt 2 of 3, after oom_gpu: ran with BATCH 4 instead of 8" in warnings
    ending = last_ending(job, PROBE)
    assert ending is not None
    assert [(it.number, it.verdict) for it in ending.earlier] == [(1, "oom_gpu"), (2, "gpu_lost")]


def test_a_folder_of_what_was_learnt_that_cannot_be_used_keeps_no_stage_from_running(
    place: Place,
) -> None:
    with_ladder(place, lambda _: True)
    place.kit.settings(f"gpu: {{ledger: .gpus, learnt: /{'a' * 300}}}\n")
    assert place.run(place.job("one")).verdict is Verdict.SUCCESS


def test_a_gpu_that_was_lost_is_left_out_until_it_has_answered_for_a_while(
    place: Place, job: Job
) -> None:
    declare(place, "required")
    place.inventory = Inventory(gpus=(GPU, OTHER))

    def lose_it(process: FakeProcess) -> int:
        place.inventory = Inventory(gpus=(OTHER,))
        return copy(process)

    place.programs[PROBE] = lose_it
    place.run(job)
    place.programs.pop(PROBE)
    place.inventory = Inventory(gpus=(GPU,))
    outcome = place.run(job, force=True)
    assert outcome.verdict is Verdict.GPU_UNAVAILABLE
    assert "GPU-1 is left out: it vanished during a run" in place.said()


LADDER = """\
config:
  BATCH: {type: int, default: "8", help: Things at once}
retry:
  - {on: oom_gpu, attempts: 3, wait: 0, set: {BATCH: {by: halve, down_to: "4"}}}
  - {on: oom_gpu, attempts: 4, wait: 0, set: {gpu: none}}
"""


def with_ladder(place: Place, fits: Callable[[int], bool]) -> list[tuple[int, bool]]:
    """A stage whose batches fit into a GPU or not; returns what it is run with, as it is run."""
    text = STAGE_YAML.format(source="input/text")
    parents = "parents: {cpu: base, cuda: base}"
    spec = f"{text.replace('parent: base', parents)}gpu: optional\n{LADDER}"
    place.kit.spec(PROBE, spec)
    place.build()
    place.inventory = Inventory(gpus=(GPU,))
    seen: list[tuple[int, bool]] = []

    def work(process: FakeProcess) -> int:
        batch = int(request_of(process)["config"]["BATCH"]["value"])
        seen.append((batch, bool(process.spec.gpus)))
        if process.spec.gpus and not fits(batch):
            write_manifest(process, "failed", errors=["CUDA out of memory. Tried to allocate"])
            return 1
        return copy(process)

    place.programs[PROBE] = work
    return seen


def test_a_stage_goes_down_its_ladder_and_the_next_job_begins_where_it_held(place: Place) -> None:
    seen = with_ladder(place, lambda batch: batch <= 4)
    outcome = place.run(place.job("one"))
    assert (outcome.verdict, seen) == (Verdict.SUCCESS, [(8, True), (4, True)])

    outcome = place.run(second := place.job("two"))

    assert (outcome.verdict, seen[2:]) == (Verdict.SUCCESS, [(4, True)])
    (warning,) = entry_of(second)["warnings"]
    assert "BATCH 4 instead of 8" in warning
    assert "fitted into the GPU's memory in run" in warning


def test_a_rung_is_begun_with_though_another_model_is_there_that_may_not_be_used(
    place: Place,
) -> None:
    seen = with_ladder(place, lambda batch: batch <= 4)
    place.inventory = Inventory(gpus=(GPU, replace(OTHER, name="Display")))
    place.kit.settings("gpu: {ledger: .gpus, learnt: .learnt, only: [GPU-1]}\n")
    place.run(place.job("one"))
    place.run(place.job("two"))
    assert seen[2:] == [(4, True)]


def test_a_ledger_that_cannot_be_used_keeps_nobody_from_the_processor(place: Place) -> None:
    seen = with_ladder(place, lambda batch: batch <= 4)
    place.run(place.job("one"))
    (place.kit.root / "taken").write_text("")
    place.kit.settings("gpu: {ledger: taken, learnt: .learnt}\n")
    assert place.run(place.job("two")).verdict is Verdict.SUCCESS
    assert seen[2:] == [(8, False)]


def test_the_processor_is_the_last_rung_of_a_stage_that_can_do_without_a_gpu(place: Place) -> None:
    seen = with_ladder(place, lambda _: False)
    first = place.job("one")
    outcome = place.run(first)
    assert (outcome.verdict, seen) == (Verdict.SUCCESS, [(8, True), (4, True), (4, False)])
    record = record_of(first, outcome.run_id)
    assert record["variant"] == "cpu"
    assert {item["name"]: item["used"] for item in record["attempt"]["changes"]} == {
        "BATCH": "4",
        "gpu": "none",
    }
    place.run(place.job("two"))
    assert seen[3:] == [(4, False)]


def test_settings_that_leave_only_the_gpu_end_the_ladder_before_the_processor(place: Place) -> None:
    """Else the next attempt would be refused, and the verdict would no longer name the cause."""
    seen = with_ladder(place, lambda _: False)
    spec = place.kit.root / "stages" / PROBE / "stage.yaml"
    parents = "parents: {cpu: {image: base, when: {BATCH: ['6']}}, cuda: base}"
    spec.write_text(spec.read_text().replace("parents: {cpu: base, cuda: base}", parents))
    place.build()

    outcome = place.run(place.job("one"))

    assert (outcome.verdict, seen) == (Verdict.OOM_GPU, [(8, True), (4, True)])


def test_what_was_remembered_does_not_hold_for_other_settings_or_more_memory(place: Place) -> None:
    seen = with_ladder(place, lambda batch: batch <= 4)
    place.run(place.job("one"))
    place.run(place.job("two"), overrides={"BATCH": "6"})
    place.run(place.job("three"), limits=parse_limits({"gpu_memory": "7GiB"}))
    assert seen[2:] == [(6, True), (4, True), (8, True), (4, True)]


def test_a_result_that_was_made_on_a_gpu_holds_while_others_have_the_gpu(
    place: Place, job: Job
) -> None:
    declare(place, "optional")
    place.inventory = Inventory(gpus=(GPU,))
    limits = parse_limits({"gpu_memory": "6GiB"})
    assert place.run(job, limits=limits).verdict is Verdict.SUCCESS
    place.inventory = Inventory(gpus=(replace(GPU, memory_used_bytes=8 * GIB),))
    assert place.run(job, limits=limits).verdict is Verdict.CACHED


def test_an_optional_gpu_that_others_took_in_the_meantime_is_done_without(
    place: Place, job: Job
) -> None:
    declare(place, "optional")
    looks: list[None] = []
    full = replace(GPU, memory_used_bytes=8 * GIB)

    def inventory() -> Inventory:
        looks.append(None)
        return Inventory(gpus=(GPU if len(looks) < 2 else full,))

    host = replace(place.host, inventory=inventory)
    options = RunOptions(limits=parse_limits({"gpu_memory": "6GiB"}))
    outcome = execute(PROBE, place.project, job, host, options, place.emit)
    assert outcome.verdict is Verdict.SUCCESS
    record = record_of(job, outcome.run_id)
    assert (record["variant"], record["attempt"]["number"]) == ("cpu", 1)
    assert "no GPU has 6 GiB" in record["gpu"]["fallback"].replace("No", "no")


def test_who_found_no_free_gpu_on_the_way_down_begins_on_one_the_next_time(place: Place) -> None:
    seen = with_ladder(place, lambda batch: batch <= 2)
    free, full = place.inventory, Inventory(gpus=(replace(GPU, memory_used_bytes=8 * GIB),))
    work = place.programs[PROBE]

    def then_others_come(process: FakeProcess) -> int:
        place.inventory = full
        return work(process)

    place.programs[PROBE] = then_others_come
    limits = parse_limits({"gpu_memory": "6GiB"})
    assert place.run(place.job("one"), limits=limits).verdict is Verdict.SUCCESS
    assert seen == [(8, True), (4, False)]
    place.programs[PROBE] = work
    place.inventory = free
    place.run(place.job("two"), limits=limits)
    assert seen[2] == (8, True)


def test_a_rung_does_not_hold_where_there_is_much_more_memory_than_did_not_suffice(
    place: Place,
) -> None:
    seen = with_ladder(place, lambda batch: batch <= 4)
    place.inventory = Inventory(gpus=(replace(GPU, memory_used_bytes=5 * GIB),))
    place.run(place.job("one"))
    place.run(place.job("two"))
    assert seen == [(8, True), (4, True), (4, True)]
    place.inventory = Inventory(gpus=(GPU,))
    place.run(place.job("three"))
    assert seen[3] == (8, True)


def test_what_helped_against_another_cause_is_no_rung(place: Place) -> None:
    seen = with_ladder(place, lambda _: True)
    rules = "[{on: stage_failed, wait: 0, set: {BATCH: halve}}, {on: oom_gpu, set: {BATCH: halve}}]"
    spec = f"stages: {{{PROBE}: {{retry: {rules}}}}}"
    place.kit.settings(f"gpu: {{ledger: .gpus, learnt: .learnt}}\n{spec}\n")

    def fail_once(process: FakeProcess) -> int:
        batch = int(request_of(process)["config"]["BATCH"]["value"])
        seen.append((batch, bool(process.spec.gpus)))
        if batch == 8:
            write_manifest(process, "failed", errors=["no such thing"])
            return 1
        return copy(process)

    place.programs[PROBE] = fail_once
    for name in ("one", "two"):
        assert place.run(place.job(name)).verdict is Verdict.SUCCESS
    assert seen == [(8, True), (4, True), (8, True), (4, True)]


def test_a_rung_of_a_variant_that_is_gone_is_left_alone(place: Place) -> None:
    seen = with_ladder(place, lambda batch: batch <= 4)
    place.run(place.job("one"))
    spec = (place.kit.root / "stages" / PROBE / "stage.yaml").read_text()
    place.kit.spec(PROBE, spec.replace("parents: {cpu: base, cuda: base}", "parent: base"))
    place.build()
    assert place.run(place.job("two")).verdict is Verdict.SUCCESS
    assert seen[2] == (8, True)


def test_a_gpu_that_rests_is_waited_for_and_not_taken_for_none(place: Place, job: Job) -> None:
    declare(place, "required")
    place.inventory = Inventory(gpus=(GPU,))
    box = gpu_box(place.project.settings.gpu, place.host)
    box.mark_sick("GPU-1", "Xid 79")
    (mark,) = box.ledger.folder.glob("*.sick")
    threading.Timer(0.6, mark.unlink).start()
    assert place.run(job, wait_seconds=20).verdict is Verdict.SUCCESS
    (waiting,) = [event for event in place.events if isinstance(event, StageWaiting)]
    assert waiting.reason.endswith("of which GPU-1 is left out: Xid 79")


def test_the_ledger_knows_when_the_engine_is_done_with_a_start(place: Place, job: Job) -> None:
    """From then on a container without processes has ended, and before it is about to begin."""
    declare(place, "required")
    place.inventory = Inventory(gpus=(GPU,))
    ledger = gpu_box(place.project.settings.gpu, place.host).ledger
    seen: list[str | bool | None] = []

    def started(process: FakeProcess) -> int:
        end = time.monotonic() + 10
        while not any(seen) and time.monotonic() < end:
            with ledger.turn():
                seen.extend(it.started and it.container_id for it in ledger.entries())
            time.sleep(0.01)
        return copy(process)

    place.programs[PROBE] = started
    assert place.run(job).verdict is Verdict.SUCCESS
    assert seen[-1] == place.engine.created[0].id
    assert list(ledger.folder.glob("*.json")) == []


def test_a_call_has_the_memory_of_a_start_that_it_has_undone(place: Place, job: Job) -> None:
    """Others leave it to the container, which the engine may be about to start."""
    declare(place, "required")
    place.inventory = Inventory(gpus=(GPU,))
    request = resolve(place.project.stages[PROBE], place.project, job, place.host, RunOptions())
    with begin(request, job, place.host) as run:
        spec, crashed = run.container_spec(), snapshot(place, job)
    labels = {**spec.labels, "org.stagerun.job": str(crashed.root)}
    left = FakeContainer(place.engine, replace(spec, labels=labels), copy)
    place.engine.created.append(left)
    journal_of(crashed, run.id).write(CONTAINER, container_id=left.id)
    ledger = gpu_box(place.project.settings.gpu, place.host).ledger
    with ledger.turn():
        ledger.write(
            entry(
                "dead",
                {1: 8},
                owner=replace(IDENTITY, pid=2**22 + 1),
                container=left.id,
                started=False,
            )
        )
    assert place.run(place.job("other")).verdict is Verdict.GPU_UNAVAILABLE
    assert place.run(crashed).verdict is Verdict.SUCCESS
    assert left.removed


@pytest.mark.parametrize(("verdict", "learnt"), [(Verdict.SUCCESS, 2), (Verdict.OOM_GPU, 6)])
def test_who_ran_out_of_memory_teaches_that_all_it_had_did_not_suffice(
    place: Place, job: Job, verdict: Verdict, learnt: int
) -> None:
    declare(place, "required")
    place.inventory = Inventory(gpus=(GPU,))
    request = resolve(place.project.stages[PROBE], place.project, job, place.host, RunOptions())
    assert request.gpu is not None
    grant = Grant(uuids=("GPU-1",), shares=(6 * GIB,), names=("Fake",))
    usage = Usage(gpus={"GPU-1": GpuUse(memory_peak_bytes=2 * GIB)})
    record = RunRecord.model_validate(record_of(job, place.run(job).run_id))
    with begin(replace(request, grant=grant), job, place.host) as run:
        facts = replace(DONE, usage=usage, start_ms=1.0)
        learn_peaks(run, facts, record.model_copy(update={"verdict": verdict}))
    known = peaks(notes_folder(place.project.settings.gpu), request.gpu.key)
    assert known["Fake"].bytes == learnt * GIB
