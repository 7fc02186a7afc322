"""The life of one run on an engine in memory: what it leaves behind, however it ends."""

import json

from runner.errors import (
    GpuUnavailableError,
    Verdict,
)
from runner.events import LogLine, Notice, RunStarted, StageFinished
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job
from runner.job.journal import journal_of
from runner.manifest import JobManifest, RunRecord
from runner.run.plan import as_planned, plan_job
from runner.run.results import restore
from tests.unit.run.conftest import (
    NEXT,
    PROBE,
    Place,
    a_good_run_and,
    copy,
    copy_of,
    entry_of,
    fail,
    record_of,
    write_manifest,
)


def steps(job: Job, run_id: str | None) -> list[str]:
    assert run_id is not None
    return [step["step"] for step in journal_of(job, run_id).read()]


def test_a_good_run_leaves_outputs_records_and_nothing_half_done(place: Place, job: Job) -> None:
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.SUCCESS, 0)
    assert copy_of(job) == "hello\n"
    assert outcome.run_id is not None
    RunRecord.model_validate(record_of(job, outcome.run_id))
    JobManifest.model_validate_json(job.manifest_file.read_bytes())
    entry = entry_of(job)
    assert (entry["verdict"], entry["good_is"]) == ("success", "in place")
    assert [output["path"] for output in entry["outputs"]] == [f"{PROBE}/copy.txt"]
    assert steps(job, outcome.run_id) == [
        "intent",
        "folder",
        "container",
        "started",
        "ended",
        "closed",
    ]
    assert sorted(path.name for path in job.run_folder(outcome.run_id).iterdir()) == [
        "journal.jsonl",
        "output.log",
        "record.json",
        "request.json",
    ]
    assert not list((job.private / "previous").glob("*"))
    assert [container.removed for container in place.engine.created] == [True]


def test_the_record_says_all_about_a_run(place: Place, job: Job) -> None:
    record = record_of(job, place.run(job).run_id)
    assert record["image"]["name"] == f"stagerun/{PROBE}:main"
    assert record["inputs"][0]["path"] == "input/text.txt"
    assert record["outputs"][0]["checksum"].startswith("sha256:")
    assert record["limits_effective"]["memory_bytes"] == 128 << 20
    assert record["limit_differences"] == []
    assert record["evidence"]["exit_code"] == 0
    assert record["evidence"]["manifest_status"] == "success"
    assert record["evidence"]["disk_free_bytes"] > 0
    assert set(record["overheads_ms"]) >= {
        "queue",
        "create",
        "start",
        "run",
        "validate",
        "teardown",
    }
    assert record["runner"]["machine_id"] == "machine"
    assert record["variant"] == "main"


def test_observers_hear_of_start_lines_and_end(place: Place, job: Job) -> None:
    def speak(process: FakeProcess) -> int:
        line = {"seq": 1, "type": "log", "time": "t", "level": "INFO", "message": "hello"}
        process.print_error("\x1e" + json.dumps(line))
        process.print("raw")
        return copy(process)

    place.programs[PROBE] = speak
    outcome = place.run(job)
    kinds = [type(event) for event in place.events]
    assert kinds == [RunStarted, LogLine, StageFinished]
    assert outcome.run_id is not None
    assert (job.run_folder(outcome.run_id) / "output.log").read_text() == "raw\n"


def test_the_length_of_the_media_reaches_the_record_and_the_next_call(
    place: Place, job: Job
) -> None:
    def speak(process: FakeProcess) -> int:
        process.print_error(
            "\x1e" + json.dumps({"type": "progress", "done": 1, "total": 90, "unit": "s"})
        )
        return copy(process)

    place.programs[PROBE] = speak
    assert record_of(job, place.run(job).run_id)["media_seconds"] == 90
    assert entry_of(job)["media_seconds"] == 90
    assert as_planned(plan_job(place.project, job)).media_seconds == 90


def test_an_image_that_is_not_built_is_refused_before_anything_is_touched(
    place: Place, job: Job
) -> None:
    place.engine.images.clear()
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.IMAGE_MISSING, 5)
    assert f"stagerun build {PROBE}" in place.said()
    assert not job.stage_folder(PROBE).exists()
    assert list(job.runs()) == []


def test_an_image_older_than_its_sources_runs_with_a_notice_that_reaches_the_record(
    place: Place, job: Job
) -> None:
    place.kit.code(PROBE, "print('changed')\n")
    outcome = place.run(job)
    (warning,) = record_of(job, outcome.run_id)["warnings"]
    assert f"older than stages/{PROBE}/stage.py" in warning
    assert entry_of(job)["warnings"] == [warning]
    request = json.loads((job.run_folder(str(outcome.run_id)) / "request.json").read_text())
    assert request["notices"] == [warning]


def test_a_cache_is_carried_over_from_run_to_run(place: Place, job: Job) -> None:
    def count(process: FakeProcess) -> int:
        folder = process.path(f"/job/{PROBE}/.cache")
        folder.mkdir(exist_ok=True)
        (folder / f"{len(list(folder.iterdir()))}").touch()
        return copy(process)

    place.programs[PROBE] = count
    place.run(job)
    place.run(job, force=True)
    place.programs[PROBE] = fail
    place.run(job, force=True)
    place.run(job)
    place.engine.start_error = GpuUnavailableError("no GPU")
    place.run(job)
    place.engine.start_error = None
    restore(job, PROBE)
    place.programs[PROBE] = count
    place.run(job, force=True)
    cache = job.stage_folder(PROBE) / ".cache"
    assert sorted(path.name for path in cache.iterdir()) == ["0", "1", "2"]


def test_a_fresh_run_finds_nothing_of_the_one_before(place: Place, job: Job) -> None:
    seen: list[list[str]] = []

    def look(process: FakeProcess) -> int:
        folder = process.path(f"/job/{PROBE}")
        seen.append(sorted(path.name for path in folder.iterdir()))
        return fail(process)

    a_good_run_and(place, job, look)
    place.run(job)
    assert seen == [[], []]


def spoil(process: FakeProcess) -> int:
    process.path(f"/job/{PROBE}/stray.bin").write_text("x")
    return copy(process)


def test_a_broken_contract_is_told_with_its_findings(place: Place, job: Job) -> None:
    outcome = a_good_run_and(place, job, spoil)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.CONTRACT_VIOLATION, 3)
    (finding,) = record_of(job, outcome.run_id)["findings"]
    assert finding["path"] == "stray.bin"
    assert "stray.bin" in place.said()
    assert entry_of(job)["good_is"] == "previous"


def test_a_hundred_findings_are_reported_and_all_are_counted(place: Place, job: Job) -> None:
    def litter(process: FakeProcess) -> int:
        for number in range(130):
            process.path(f"/job/{PROBE}/{number}.bin").write_text("x")
        return copy(process)

    place.programs[PROBE] = litter
    record = record_of(job, place.run(job).run_id)
    assert (len(record["findings"]), record["findings_total"]) == (100, 130)
    assert "and 30 more" in place.said()


def test_a_success_that_survived_a_memory_kill_carries_a_warning(place: Place, job: Job) -> None:
    place.engine.oom = True
    outcome = place.run(job)
    assert outcome.verdict is Verdict.SUCCESS
    assert "killed for memory" in record_of(job, outcome.run_id)["warnings"][0]


def test_a_stage_that_skips_itself_has_no_outputs_and_looks_again_each_time(
    place: Place, job: Job
) -> None:
    def skip(process: FakeProcess) -> int:
        write_manifest(process, "skipped", outputs=[], reason="nothing to do")
        return 0

    place.programs[PROBE] = skip
    assert place.run(job).verdict is Verdict.SKIPPED
    assert entry_of(job)["outputs"] == []
    assert place.run(job).verdict is Verdict.SKIPPED
    outcome = place.run(job, NEXT)
    assert outcome.verdict is Verdict.INPUT_MISSING
    del place.programs[PROBE]
    assert place.run(job).verdict is Verdict.SUCCESS


def test_a_damaged_job_manifest_stops_the_run_before_anything_is_touched(
    place: Place, job: Job
) -> None:
    place.run(job)
    job.manifest_file.write_text("{")
    outcome = place.run(job)
    assert outcome.exit_code == 2
    assert "manifest.json cannot be read" in place.said()
    assert copy_of(job) == "hello\n"


def test_no_notice_is_given_where_nothing_is_to_be_said(place: Place, job: Job) -> None:
    outcome = place.run(job)
    assert record_of(job, outcome.run_id)["warnings"] == []
    assert not [event for event in place.events if isinstance(event, Notice)]
