"""After a runner died when its container had ended: the closing is finished, or begun anew."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from runner.errors import Verdict
from runner.host.engine_fake import FakeProcess
from runner.host.gpu_curve import CurvePoint, GpuUse
from runner.host.monitor import Usage
from runner.job.folder import Job
from runner.job.journal import CLOSED, ENDED, journal_of, open_runs
from runner.run.measured import gpu_curves
from runner.run.measured import usage as measured_usage
from runner.run.private_files import lay_down, private_folder
from tests.unit.run.conftest import (
    PROBE,
    Place,
    Program,
    copy,
    copy_of,
    declare,
    entry_of,
    fail,
    record_of,
    write_manifest,
)
from tests.unit.run.dead_runners import dies_in_the_middle, notices
from tests.unit.run.verdict_facts import DONE as FACTS


def after(job: Job, crashed: Job, run_id: str) -> None:
    """Bring a crashed job to the moment when the record was just written."""
    record = job.run_folder(run_id) / "record.json"
    (crashed.run_folder(run_id) / "record.json").write_bytes(record.read_bytes())


def after_the_entry(job: Job, crashed: Job, run_id: str) -> None:
    after(job, crashed, run_id)
    crashed.manifest_file.write_bytes(job.manifest_file.read_bytes())


def dies_after_the_container(place: Place, job: Job, program: Program = copy) -> Job:
    """A forced run whose runner dies when its container has ended."""
    crashed = dies_in_the_middle(place, job, program)
    run_id = str(entry_of(job)["run_id"])
    steps = journal_of(job, run_id).path.read_text().splitlines(keepends=True)
    kept = [line for line in steps if json.loads(line)["step"] != CLOSED]
    journal_of(crashed, run_id).path.write_text("".join(kept))
    return crashed


def saw(job: Job, run_id: str, usage: Usage) -> None:
    """Let the journal of a run's end say that its runner had measured this."""
    path = journal_of(job, run_id).path
    steps = [json.loads(line) for line in path.read_text().splitlines()]
    (end,) = [step for step in steps if step["step"] == ENDED]
    facts = replace(FACTS, usage=usage)
    end["facts"]["usage"] = asdict(usage.without_curves)
    end["draft"]["usage"] = measured_usage(facts).model_dump(mode="json")
    curves = gpu_curves(facts)
    end["draft"]["gpu_curve"] = {uuid: curve.model_dump() for uuid, curve in curves.items()}
    path.write_text("".join(json.dumps(step) + "\n" for step in steps))


def loud(process: FakeProcess) -> int:
    """Writes what its contract does not know, and a report of its memory."""
    process.path(f"/job/{PROBE}/stray.bin").write_text("x")
    process.print_error('\x1e{"type": "end", "oom_kills": 0, "memory_peak_bytes": 4096}')
    return copy(process)


def killed(process: FakeProcess) -> int:
    process.print("the last words")
    process.print_error('\x1e{"type": "end", "oom_kills": 1, "memory_peak_bytes": 4096}')
    return 137


@pytest.mark.parametrize(
    ("program", "verdict"),
    [
        (copy, "success"),
        (fail, "stage_failed"),
        (loud, "contract_violation"),
        (killed, "oom_memory"),
    ],
)
def test_a_run_whose_container_had_ended_is_closed_as_its_runner_would_have_closed_it(
    place: Place, job: Job, program: Program, verdict: str
) -> None:
    first = place.run(job)
    crashed = dies_after_the_container(place, job, program)
    run_id = str(entry_of(job)["run_id"])
    place.engine.images.clear()
    place.run(crashed)
    own, other = record_of(job, run_id), record_of(crashed, run_id)
    assert other["verdict"] == verdict
    assert set(own.pop("overheads_ms")) - set(other.pop("overheads_ms")) == {"teardown", "validate"}
    assert other == own
    entry = dict(entry_of(crashed))
    assert entry["good_run_id"] == (run_id if verdict == "success" else first.run_id)
    assert entry == entry_of(job)
    assert open_runs(crashed, PROBE) == []
    assert f"the run is closed as {verdict}" in notices(place)[0]


def test_the_course_of_a_gpu_outlives_the_runner_that_saw_it(place: Place, job: Job) -> None:
    point = CurvePoint(seconds=0.0, memory_bytes=4096, utilisation=0.5)
    gpus = {"GPU-1": GpuUse(memory_peak_bytes=4096, points=(point,))}
    usage = Usage(samples=3, gpu_samples=3, gpu_used=True, gpu_pids=(7,), gpus=gpus)
    place.run(job)
    crashed = dies_after_the_container(place, job)
    run_id = str(entry_of(job)["run_id"])
    saw(crashed, run_id, usage)
    place.engine.images.clear()
    place.run(crashed)
    record = record_of(crashed, run_id)
    assert record["verdict"] == "success"
    assert record["usage"]["gpu_used"] is True
    assert record["gpu_curve"]["GPU-1"]["memory_bytes"] == [4096]


def rewritten(place: Place, job: Job) -> None:
    del place
    path = job.stage_folder(PROBE) / "manifest.json"
    path.write_text(path.read_text() + " ")


def declared_anew(place: Place, job: Job) -> None:
    del job
    path = place.kit.root / "stages" / PROBE / "stage.yaml"
    path.write_text(path.read_text().replace("type: text", "type: words"))


def damaged(place: Place, job: Job) -> None:
    del place
    ((run_id, _),) = open_runs(job, PROBE)
    path = journal_of(job, run_id).path
    path.write_text(path.read_text().replace('"start_ms"', '"begin_ms"'))


@pytest.mark.parametrize("change", [rewritten, declared_anew, damaged])
def test_what_was_changed_after_the_container_had_ended_is_not_taken_for_its_result(
    place: Place, job: Job, change: Callable[[Place, Job], None]
) -> None:
    first = place.run(job)
    crashed = dies_after_the_container(place, job)
    run_id = str(entry_of(job)["run_id"])
    change(place, crashed)
    place.engine.images.clear()
    place.run(crashed)
    record, entry = record_of(crashed, run_id), entry_of(crashed)
    assert (record["verdict"], record["evidence"]["exit_code"]) == ("runner_lost", 0)
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", first.run_id)


@pytest.mark.parametrize("moment", [after, after_the_entry])
def test_a_closing_that_was_interrupted_is_finished(
    place: Place, job: Job, moment: Callable[[Job, Job, str], None]
) -> None:
    place.run(job)
    (job.input / "text.txt").write_text("new\n")
    crashed = dies_in_the_middle(place, job)
    run_id = str(entry_of(job)["run_id"])
    moment(job, crashed, run_id)
    outcome = place.run(crashed)
    assert (outcome.verdict, outcome.run_id) == (Verdict.CACHED, run_id)
    assert copy_of(crashed) == "new\n"
    assert not crashed.previous_folder(PROBE).exists()
    assert open_runs(crashed, PROBE) == []


@pytest.mark.parametrize("moment", [after, after_the_entry])
def test_an_interrupted_closing_of_a_failure_keeps_the_result_before_it(
    place: Place, job: Job, moment: Callable[[Job, Job, str], None]
) -> None:
    first = place.run(job)
    crashed = dies_in_the_middle(place, job, fail)
    run_id = str(entry_of(job)["run_id"])
    moment(job, crashed, run_id)
    place.engine.images.clear()
    place.run(crashed)
    entry = entry_of(crashed)
    assert (entry["verdict"], entry["run_id"]) == ("stage_failed", run_id)
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", first.run_id)
    assert open_runs(crashed, PROBE) == []


def test_a_run_that_could_not_be_closed_is_left_for_the_next_call(place: Place, job: Job) -> None:
    def block_the_record(process: FakeProcess) -> int:
        run_id = process.spec.environment["STAGERUN_RUN_ID"]
        (job.run_folder(run_id) / "record.json").mkdir()
        return copy(process)

    first = place.run(job)
    place.programs[PROBE] = block_the_record
    assert place.run(job, force=True).exit_code == 2
    ((run_id, _),) = open_runs(job, PROBE)
    assert (job.stage_folder(PROBE) / "manifest.json").exists()
    (job.run_folder(run_id) / "record.json").rmdir()
    place.engine.images.clear()
    place.run(job)
    entry = entry_of(job)
    assert first.run_id != run_id
    assert (entry["verdict"], entry["run_id"]) == ("success", run_id)
    assert (entry["good_is"], entry["good_run_id"]) == ("in place", run_id)


@pytest.mark.parametrize("text", ["{}", "[]", "1", "{", '{"schema_version": 1}'])
def test_a_record_that_holds_something_else_counts_as_none(
    place: Place, job: Job, text: str
) -> None:
    first = place.run(job)
    crashed = dies_in_the_middle(place, job)
    ((lost, _),) = open_runs(crashed, PROBE)
    (crashed.run_folder(lost) / "record.json").write_text(text)
    place.engine.images.clear()
    assert place.run(crashed).verdict is Verdict.IMAGE_MISSING
    assert record_of(crashed, lost)["verdict"] == "runner_lost"
    entry = entry_of(crashed)
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", first.run_id)


def test_the_record_of_another_run_is_not_taken_for_this_ones(place: Place, job: Job) -> None:
    first = place.run(job)
    crashed = dies_in_the_middle(place, job)
    ((lost, _),) = open_runs(crashed, PROBE)
    other = (crashed.run_folder(str(first.run_id)) / "record.json").read_text()
    (crashed.run_folder(lost) / "record.json").write_text(other)
    place.engine.images.clear()
    place.run(crashed)
    assert record_of(crashed, lost)["verdict"] == "runner_lost"


SECRET = "first-s3cret"


@pytest.mark.parametrize(("is_kept", "verdict"), [(True, "stage_failed"), (False, "runner_lost")])
def test_a_run_with_secrets_is_closed_where_they_are_known_and_tells_none_of_them(
    place: Place, job: Job, tmp_path: Path, is_kept: bool, verdict: str
) -> None:
    def tell(process: FakeProcess) -> int:
        write_manifest(process, "failed", outputs=[], errors=[f"refused: {SECRET}"])
        return 1

    (tmp_path / "token").write_text(SECRET)
    place.kit.settings(f"secrets: {{tmdb: {tmp_path}/token}}\n")
    declare(place, "secrets: [tmdb]\n")
    crashed = dies_after_the_container(place, job, tell)
    run_id = str(entry_of(job)["run_id"])
    if is_kept:
        lay_down(crashed, run_id, {"secret-tmdb": SECRET.encode()}, place.identity)
    place.run(crashed)
    record = record_of(crashed, run_id)
    assert record["verdict"] == verdict
    assert SECRET not in json.dumps(record)
    assert not private_folder(crashed, run_id).exists()
