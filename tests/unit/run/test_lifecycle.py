"""The life of one run on an engine in memory: what it leaves behind, however it ends."""

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runner.errors import (
    DiskFullError,
    EngineError,
    EngineUnavailableError,
    GpuUnavailableError,
    StagerunError,
    UsageError,
    Verdict,
)
from runner.events import LogLine, Notice, RunStarted, StageFinished, StageWaiting
from runner.host.container import ContainerSpec
from runner.host.engine_fake import FakeProcess
from runner.host.gpu import Inventory
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.job.journal import journal_of, open_runs
from runner.job.lock import stage_lock
from runner.manifest import JobManifest, RunRecord
from runner.project.config import parse_limits
from runner.run.admission import slots_folder
from runner.run.outcome import Outcome
from runner.run.request import RunOptions
from runner.run.results import restore
from runner.run.scheduler import execute
from tests.project_kit import STAGE_YAML
from tests.unit.run.conftest import (
    GPU,
    LAST,
    NEXT,
    PROBE,
    Place,
    Program,
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


def a_good_run_and(place: Place, job: Job, program: Program, **options: Any) -> Outcome:
    """First a good run, then a forced one of another program."""
    assert place.run(job).verdict is Verdict.SUCCESS
    place.programs[PROBE] = program
    return place.run(job, force=True, **options)


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


def test_a_result_that_is_still_good_is_not_made_again(place: Place, job: Job) -> None:
    first = place.run(job)
    second = place.run(job)
    assert (second.verdict, second.exit_code) == (Verdict.CACHED, 0)
    assert second.run_id == first.run_id
    assert len(place.engine.created) == 1


def test_force_runs_a_stage_whose_result_is_still_good(place: Place, job: Job) -> None:
    first = place.run(job)
    second = place.run(job, force=True)
    assert second.verdict is Verdict.SUCCESS
    assert second.run_id != first.run_id


def new_input(place: Place, job: Job) -> None:
    del place
    (job.input / "text.txt").write_text("other\n")


def new_image(place: Place, job: Job) -> None:
    del job
    place.build()


def new_declaration(place: Place, job: Job) -> None:
    del job
    path = place.kit.root / "stages" / PROBE / "stage.yaml"
    path.write_text(path.read_text().replace("type: text", "type: words"))


def new_setting(place: Place, job: Job) -> None:
    del place
    (job.root / "job.yaml").write_text("input: {text: text.txt}\nconfig: {LOUD: yes}\n")


def changed_output(place: Place, job: Job) -> None:
    del place
    (job.stage_folder(PROBE) / "copy.txt").write_text("tampered")


def missing_output(place: Place, job: Job) -> None:
    del place
    (job.stage_folder(PROBE) / "copy.txt").unlink()


def missing_folder(place: Place, job: Job) -> None:
    del place
    shutil.rmtree(job.stage_folder(PROBE))


def changed_manifest(place: Place, job: Job) -> None:
    del place
    (job.stage_folder(PROBE) / "manifest.json").write_text("{}")


@pytest.mark.parametrize(
    "change",
    [
        new_input,
        new_image,
        new_declaration,
        new_setting,
        changed_output,
        missing_output,
        missing_folder,
        changed_manifest,
    ],
)
def test_whatever_a_result_depends_on_makes_the_stage_run_again(
    place: Place, job: Job, change: Callable[[Place, Job], None]
) -> None:
    path = place.kit.root / "stages" / PROBE / "stage.yaml"
    path.write_text(path.read_text() + "config: {LOUD: {type: bool, default: no, help: x}}\n")
    assert place.run(job).verdict is Verdict.SUCCESS
    change(place, job)
    assert place.run(job).verdict is Verdict.SUCCESS
    assert place.run(job).verdict is Verdict.CACHED


def test_limits_do_not_make_a_stage_run_again(place: Place, job: Job) -> None:
    place.run(job)
    assert place.run(job, limits=parse_limits({"memory": "64MiB"})).verdict is Verdict.CACHED


def test_code_that_is_mounted_counts_like_an_image(place: Place, job: Job) -> None:
    assert place.run(job, dev=True).verdict is Verdict.SUCCESS
    assert place.run(job, dev=True).verdict is Verdict.CACHED
    place.kit.code(PROBE, "print('new')\n")
    assert place.run(job, dev=True).verdict is Verdict.SUCCESS
    assert place.run(job).verdict is Verdict.SUCCESS
    assert record_of(job, entry_of(job)["run_id"])["dev"] is False


def test_a_failed_run_stays_in_place_and_the_result_before_it_is_kept(
    place: Place, job: Job
) -> None:
    first = place.run(job)
    place.programs[PROBE] = fail
    second = place.run(job, force=True)
    assert (second.verdict, second.exit_code) == (Verdict.STAGE_FAILED, 1)
    assert (job.stage_folder(PROBE) / "manifest.json").exists()
    assert not (job.stage_folder(PROBE) / "copy.txt").exists()
    assert (job.previous_folder(PROBE) / "copy.txt").read_text() == "hello\n"
    entry = entry_of(job)
    assert (entry["verdict"], entry["run_id"]) == ("stage_failed", second.run_id)
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", first.run_id)
    assert f"stagerun restore {PROBE} {job.root}" in place.said()
    assert "it did not work" in place.said()


def written_by_hand(place: Place, job: Job) -> None:
    """As a stage leaves it that was run without the runner, over a good result."""
    del place
    folder = job.stage_folder(PROBE)
    (folder / "copy.txt").write_text("by hand")
    document = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**document, "run_id": None}))


@pytest.mark.parametrize(
    "change", [changed_output, missing_output, changed_manifest, written_by_hand, missing_folder]
)
def test_what_is_no_longer_the_result_of_its_run_is_never_offered_as_the_previous_one(
    place: Place, job: Job, change: Callable[[Place, Job], None]
) -> None:
    place.run(job)
    change(place, job)
    place.programs[PROBE] = fail
    assert place.run(job).verdict is Verdict.STAGE_FAILED
    entry = entry_of(job)
    nothing = (entry["good_is"], entry["good_run_id"], entry["fingerprint"], entry["outputs"])
    assert nothing == (None, None, None, [])
    assert "restore" not in place.said()
    assert not job.previous_folder(PROBE).exists()
    with pytest.raises(UsageError, match="no previous result"):
        restore(job, PROBE)


def test_a_changed_result_lies_where_it_lay_when_the_container_never_starts(
    place: Place, job: Job
) -> None:
    place.run(job)
    changed_output(place, job)
    entry = entry_of(job)
    place.engine.start_error = EngineError("no")
    place.run(job)
    assert (copy_of(job), entry_of(job)) == ("tampered", entry)
    assert place.run(job, NEXT).verdict is Verdict.INPUT_MISSING


@pytest.mark.parametrize("name", ["copy.txt", "manifest.json"])
def test_a_kept_result_that_was_changed_is_not_brought_back(
    place: Place, job: Job, name: str
) -> None:
    a_good_run_and(place, job, fail)
    (job.previous_folder(PROBE) / name).write_text("tampered")
    entry = entry_of(job)
    with pytest.raises(UsageError, match="cannot be brought back") as refusal:
        restore(job, PROBE)
    assert str(job.previous_folder(PROBE)) in str(refusal.value)
    assert entry_of(job) == entry
    assert (job.stage_folder(PROBE) / "manifest.json").exists()


def test_a_first_run_that_fails_has_no_result_to_offer(place: Place, job: Job) -> None:
    place.programs[PROBE] = fail
    place.run(job)
    assert (entry_of(job)["good_is"], entry_of(job)["good_run_id"]) == (None, None)
    assert "restore" not in place.said()


def test_many_failures_in_a_row_lose_nothing_and_pile_nothing_up(place: Place, job: Job) -> None:
    first = a_good_run_and(place, job, fail)
    for _ in range(3):
        assert place.run(job).verdict is Verdict.STAGE_FAILED
    assert first.verdict is Verdict.STAGE_FAILED
    assert [path.name for path in (job.private / "previous").iterdir()] == [PROBE]
    del place.programs[PROBE]
    assert place.run(job).verdict is Verdict.SUCCESS
    assert not list((job.private / "previous").iterdir())


def test_consumers_of_a_failed_stage_are_blocked_and_told_how_to_go_on(
    place: Place, job: Job
) -> None:
    place.run(job)
    place.run(job, NEXT)
    place.programs[PROBE] = fail
    place.run(job, force=True)
    outcome = place.run(job, NEXT)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.INPUT_MISSING, 4)
    said = place.said(NEXT)
    assert f"the last run of {PROBE} ended stage failed" in said
    assert f"stagerun restore {PROBE} {job.root}" in said
    assert copy_of(job, NEXT) == "hello\n"


def test_a_previous_result_can_be_brought_back(place: Place, job: Job) -> None:
    first = place.run(job)
    place.programs[PROBE] = fail
    place.run(job, force=True)
    assert restore(job, PROBE) == first.run_id
    assert copy_of(job) == "hello\n"
    assert (entry_of(job)["verdict"], entry_of(job)["good_is"]) == ("success", "in place")
    assert place.run(job).verdict is Verdict.CACHED
    assert place.run(job, NEXT).verdict is Verdict.SUCCESS


def test_bringing_back_what_is_not_there_is_refused(place: Place, job: Job) -> None:
    with pytest.raises(UsageError, match="no previous result"):
        restore(job, PROBE)
    place.run(job)
    with pytest.raises(UsageError, match="no previous result"):
        restore(job, PROBE)


START_ERRORS = [
    (GpuUnavailableError("no GPU"), 6),
    (DiskFullError("full"), 9),
    (EngineError("the engine refused"), 5),
    (EngineUnavailableError("gone"), 5),
]


@pytest.mark.parametrize(("error", "code"), START_ERRORS, ids=lambda item: type(item).__name__)
@pytest.mark.parametrize("before", ["nothing", "good", "failed"])
def test_a_run_that_never_started_puts_the_old_folder_back(
    place: Place, job: Job, error: StagerunError, code: int, before: str
) -> None:
    if before != "nothing":
        place.programs[PROBE] = copy if before == "good" else fail
        place.run(job)
    entry = read_entries(job)
    files = sorted(str(path) for path in job.stage_folder(PROBE).rglob("*"))
    place.engine.start_error = error
    outcome = place.run(job, force=True)
    assert (outcome.verdict, outcome.exit_code) == (error.verdict, code)
    assert sorted(str(path) for path in job.stage_folder(PROBE).rglob("*")) == files
    assert job.stage_folder(PROBE).exists() == (before != "nothing")
    assert read_entries(job) == entry
    assert open_runs(job, PROBE) == []
    assert all(container.removed for container in place.engine.created)
    place.engine.start_error = None
    assert place.run(job).good == (before != "failed")


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
    asked: list[None] = []

    def inventory() -> Inventory:
        asked.append(None)
        if len(asked) > 1:
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


def test_a_stage_that_another_runner_has_is_refused(place: Place, job: Job) -> None:
    with stage_lock(job, PROBE):
        outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.BUSY, 11)


def test_waiting_for_another_runner_is_told_and_can_be_cancelled(place: Place, job: Job) -> None:
    threading.Timer(0.1, place.cancellation.request, ["SIGINT"]).start()
    with stage_lock(job, PROBE):
        outcome = place.run(job, wait_seconds=60)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.CANCELLED, 130)
    assert [event.stage for event in place.events if isinstance(event, StageWaiting)] == [PROBE]


def test_more_stages_at_once_than_the_site_allows_are_refused_with_the_number(
    place: Place, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place.kit.settings("limits: {stages_at_once: 1}\n")
    other = place.job("other")
    outcomes: list[Outcome] = []

    def run_the_other(process: FakeProcess) -> int:
        place.programs[PROBE] = copy
        outcomes.append(place.run(other))
        return copy(process)

    place.programs[PROBE] = run_the_other
    assert place.run(job).verdict is Verdict.SUCCESS
    assert [(item.verdict, item.exit_code) for item in outcomes] == [(Verdict.NOT_ADMITTED, 11)]
    ends = [event for event in place.events if isinstance(event, StageFinished)]
    assert "1 stages run at once here already" in ends[0].summary
    assert slots_folder().is_relative_to(tmp_path)
    assert place.run(other).verdict is Verdict.SUCCESS


def test_waiting_for_a_place_can_be_cancelled(
    place: Place, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    place.kit.settings("limits: {stages_at_once: 1}\n")
    other = place.job("other")
    outcomes: list[Outcome] = []

    def run_the_other(process: FakeProcess) -> int:
        place.programs[PROBE] = copy
        threading.Timer(0.1, place.cancellation.request, ["SIGINT"]).start()
        outcomes.append(place.run(other, wait_seconds=60))
        return copy(process)

    place.programs[PROBE] = run_the_other
    place.run(job)
    assert [item.verdict for item in outcomes] == [Verdict.CANCELLED]


def test_more_memory_than_the_machine_has_is_refused_with_both_numbers(
    place: Place, job: Job
) -> None:
    outcome = place.run(job, limits=parse_limits({"memory": "900TiB"}))
    assert (outcome.verdict, outcome.exit_code) == (Verdict.NOT_ADMITTED, 11)
    assert "this machine has" in place.said()


def test_a_disk_with_too_little_space_is_refused_with_both_numbers(place: Place, job: Job) -> None:
    place.kit.settings("limits: {disk_free: 900TiB}\n")
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.DISK_FULL, 9)
    assert "limits.disk_free" in place.said()


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


def test_a_stage_that_is_switched_off_is_skipped_without_a_container(place: Place) -> None:
    job = place.job(more=f"stages:\n  {PROBE}: {{enabled: false}}\n")
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.SKIPPED, 0)
    assert place.engine.created == []
    assert entry_of(job)["verdict"] == "skipped"
    assert f"job.yaml line 3: stages.{PROBE}.enabled is false" in entry_of(job)["reason"]


def test_the_site_can_switch_a_stage_off_and_the_job_on_again(place: Place, job: Job) -> None:
    place.kit.settings(f"stages: {{{PROBE}: {{enabled: false}}}}\n")
    assert place.run(job).verdict is Verdict.SKIPPED
    assert "stagerun.yaml" in entry_of(job)["reason"]
    (job.root / "job.yaml").write_text(
        f"input: {{text: text.txt}}\nstages: {{{PROBE}: {{enabled: true}}}}\n"
    )
    assert place.run(job).verdict is Verdict.SUCCESS


def test_a_limit_in_the_job_does_not_switch_on_what_the_site_switched_off(
    place: Place, job: Job
) -> None:
    place.kit.settings(f"stages: {{{PROBE}: {{enabled: false}}}}\n")
    job.file.write_text(f"input: {{text: text.txt}}\nstages: {{{PROBE}: {{memory: 64MiB}}}}\n")
    assert place.run(job).verdict is Verdict.SKIPPED
    assert "(stagerun.yaml: " in entry_of(job)["reason"]


def switch_off(place: Place, job: Job) -> str:
    """Switch the probe off and run it so; returns the job file as it was."""
    text = job.file.read_text()
    job.file.write_text(text + f"stages: {{{PROBE}: {{enabled: false}}}}\n")
    assert place.run(job).verdict is Verdict.SKIPPED
    return text


def test_a_stage_that_was_switched_off_and_on_has_its_result_again_and_its_consumers_too(
    place: Place, job: Job
) -> None:
    first = place.run(job)
    before = entry_of(job)
    text = switch_off(place, job)
    assert place.run(job, NEXT).verdict is Verdict.INPUT_MISSING
    job.file.write_text(text)
    again = place.run(job)
    assert (again.verdict, again.run_id) == (Verdict.CACHED, first.run_id)
    assert len(place.engine.created) == 1
    kept = ("good_is", "good_run_id", "verdict", "run_id", "outputs", "manifest", "log", "record")
    assert {key: entry_of(job)[key] for key in kept} == {key: before[key] for key in kept}
    assert place.run(job, NEXT).verdict is Verdict.SUCCESS
    assert place.run(job, LAST).verdict is Verdict.SUCCESS


def test_a_failure_after_switching_off_and_on_does_not_cost_the_result_before_it(
    place: Place, job: Job
) -> None:
    first = place.run(job)
    job.file.write_text(switch_off(place, job))
    place.programs[PROBE] = fail
    assert place.run(job, force=True).verdict is Verdict.STAGE_FAILED
    entry = entry_of(job)
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", first.run_id)
    assert restore(job, PROBE) == first.run_id
    assert copy_of(job) == "hello\n"


def test_a_stage_that_skipped_itself_says_so_again_after_it_was_switched_off_and_on(
    place: Place, job: Job
) -> None:
    def skip(process: FakeProcess) -> int:
        write_manifest(process, "skipped", outputs=[], reason="nothing to do")
        return 0

    place.programs[PROBE] = skip
    place.run(job)
    job.file.write_text(switch_off(place, job))
    assert place.run(job).verdict is Verdict.CACHED
    assert (entry_of(job)["verdict"], entry_of(job)["reason"]) == ("skipped", "nothing to do")


def test_switching_off_waits_for_nobody_and_writes_nothing_beside_another_runner(
    place: Place, job: Job
) -> None:
    place.run(job)
    job.file.write_text(job.file.read_text() + f"stages: {{{PROBE}: {{enabled: false}}}}\n")
    with stage_lock(job, PROBE):
        assert place.run(job).verdict is Verdict.BUSY
    assert entry_of(job)["verdict"] == "success"


def test_no_notice_is_given_where_nothing_is_to_be_said(place: Place, job: Job) -> None:
    outcome = place.run(job)
    assert record_of(job, outcome.run_id)["warnings"] == []
    assert not [event for event in place.events if isinstance(event, Notice)]
