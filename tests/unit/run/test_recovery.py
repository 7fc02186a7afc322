"""After a runner died: at whatever moment, the next call finds a job that it can go on with."""

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from runner.errors import EngineError, JobFolderError, Verdict
from runner.events import Event, Notice, RunStarted
from runner.host.engine_fake import FakeContainer, FakeProcess
from runner.job.folder import Job, open_job
from runner.job.journal import (
    CLOSED,
    CONTAINER,
    INTENT,
    STARTED,
    Journal,
    journal_of,
    open_runs,
)
from runner.run.attempt import begin, reserve_space, stage_labels
from runner.run.output import Output
from runner.run.request import RunOptions, resolve
from runner.run.results import restore
from runner.run.scheduler import execute
from runner.run.stage_folder import put_back, set_aside
from tests.unit.run.conftest import (
    IDENTITY,
    NEXT,
    PROBE,
    Place,
    Program,
    copy,
    copy_of,
    entry_of,
    fail,
    record_of,
)

RUN = "20261121-0914-dead"


def snapshot(place: Place, job: Job, name: str = "crashed") -> Job:
    """The job as a runner would leave it that dies at this moment."""
    copy = place.kit.root / name / job.name
    shutil.copytree(job.root, copy, symlinks=True)
    return open_job(copy)


def dies_before_the_container(place: Place, job: Job) -> Job:
    """A forced run whose runner dies when the stage's folder is set up."""
    crashed: list[Job] = []

    def emit(event: Event) -> None:
        if isinstance(event, RunStarted):
            crashed.append(snapshot(place, job))

    execute(PROBE, place.project, job, place.host, RunOptions(force=True), emit)
    return crashed[0]


def dies_in_the_middle(place: Place, job: Job, program: Program = copy) -> Job:
    """A forced run whose runner dies while the container runs."""
    crashed: list[Job] = []

    def stage(process: FakeProcess) -> int:
        code = program(process)
        run_id = process.spec.environment["STAGERUN_RUN_ID"]
        while STARTED not in [step["step"] for step in journal_of(job, run_id).read()]:
            process.sleep_until_signal(0.01)
        crashed.append(snapshot(place, job))
        return code

    before = place.programs.get(PROBE, copy)
    place.programs[PROBE] = stage
    place.run(job, force=True)
    place.programs[PROBE] = before
    return crashed[0]


def begun(job: Job, machine: str = "machine") -> Journal:
    """A run by hand whose runner died right after it wrote its intent down."""
    job.run_folder(RUN).mkdir(parents=True)
    journal = journal_of(job, RUN)
    journal.write(
        INTENT,
        stage_id=PROBE,
        run_id=RUN,
        fingerprint="sha256:" + "0" * 64,
        image="sha256:" + "0" * 64,
        owner={**asdict(IDENTITY), "machine_id": machine},
    )
    return journal


def notices(place: Place) -> list[str]:
    return [event.message for event in place.events if isinstance(event, Notice)]


def test_a_run_that_never_started_is_undone(place: Place, job: Job) -> None:
    first = place.run(job)
    crashed = dies_before_the_container(place, job)
    assert not (crashed.stage_folder(PROBE) / "copy.txt").exists()
    outcome = place.run(crashed)
    assert (outcome.verdict, outcome.run_id) == (Verdict.CACHED, first.run_id)
    assert copy_of(crashed) == "hello\n"
    assert open_runs(crashed, PROBE) == []
    assert not list((crashed.private / "previous").iterdir())


def test_a_failed_attempt_is_where_it_was_when_the_next_one_never_started(
    place: Place, job: Job
) -> None:
    place.programs[PROBE] = fail
    place.run(job)
    crashed = dies_before_the_container(place, job)
    place.engine.images.clear()
    place.run(crashed)
    assert json.loads((crashed.stage_folder(PROBE) / "manifest.json").read_text())["errors"]


def test_a_runner_that_died_before_it_touched_the_folder_costs_no_result(
    place: Place, job: Job
) -> None:
    place.run(job)
    begun(job)
    assert place.run(job).verdict is Verdict.CACHED
    assert copy_of(job) == "hello\n"
    assert open_runs(job, PROBE) == []


def test_a_result_made_after_a_torn_journal_is_not_undone_with_it(place: Place, job: Job) -> None:
    journal = begun(job)
    with journal.path.open("a") as file:
        file.write('{"step": "fold')
    assert place.run(job).verdict is Verdict.SUCCESS
    assert place.run(job).verdict is Verdict.CACHED
    assert copy_of(job) == "hello\n"


def interrupted(job: Job, journal: Journal, when: str) -> None:
    """Do what ``set_aside`` does, up to one of its steps."""
    aside = job.previous_folder(PROBE)
    folder = job.stage_folder(PROBE)
    if when == "after all":
        set_aside(job, PROBE, journal)
        return
    journal.write("folder", good_moved=True, inode=folder.stat().st_ino)
    if when == "before the move":
        return
    aside.parent.mkdir(exist_ok=True)
    folder.rename(aside)
    if when == "before the new folder":
        return
    folder.mkdir()
    if when == "before the cache":
        return
    (aside / ".cache").rename(folder / ".cache")


@pytest.mark.parametrize(
    "when",
    [
        "before the move",
        "before the new folder",
        "before the cache",
        "after the cache",
        "after all",
    ],
)
def test_setting_the_folder_up_can_be_undone_from_every_step(
    place: Place, job: Job, when: str
) -> None:
    place.run(job)
    (job.stage_folder(PROBE) / ".cache").mkdir()
    (job.stage_folder(PROBE) / ".cache" / "x").touch()
    journal = begun(job)
    interrupted(job, journal, when)
    for _ in range(2):
        put_back(job, PROBE, journal)
        assert copy_of(job) == "hello\n"
        assert (job.stage_folder(PROBE) / ".cache" / "x").exists()
        assert not job.previous_folder(PROBE).exists()
    assert place.run(job).verdict is Verdict.CACHED


def test_undoing_a_first_run_leaves_no_folder(job: Job) -> None:
    journal = begun(job)
    set_aside(job, PROBE, journal)
    assert job.stage_folder(PROBE).is_dir()
    put_back(job, PROBE, journal)
    assert not job.stage_folder(PROBE).exists()
    put_back(job, PROBE, journal)


def test_a_run_whose_runner_died_is_closed_and_the_stage_runs_again(place: Place, job: Job) -> None:
    first = place.run(job)
    crashed = dies_in_the_middle(place, job)
    ((lost, _),) = open_runs(crashed, PROBE)
    outcome = place.run(crashed, force=True)
    assert outcome.verdict is Verdict.SUCCESS
    record = record_of(crashed, lost)
    assert record["verdict"] == "runner_lost"
    assert "process 1" in record["reason"]
    assert notices(place) == [
        f"the runner of run {lost} died (process 1); the run is closed as runner_lost, the result "
        "before it stays in force"
    ]
    assert first.run_id != outcome.run_id
    assert open_runs(crashed, PROBE) == []


def test_a_result_before_a_lost_run_stays_in_force(place: Place, job: Job) -> None:
    first = place.run(job)
    crashed = dies_in_the_middle(place, job)
    place.engine.images.clear()
    assert place.run(crashed).verdict is Verdict.IMAGE_MISSING
    entry = entry_of(crashed)
    assert entry["verdict"] == "runner_lost"
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", first.run_id)
    assert (crashed.previous_folder(PROBE) / "copy.txt").read_text() == "hello\n"


def test_outputs_of_a_lost_run_are_not_taken_for_a_result(place: Place, job: Job) -> None:
    crashed = dies_in_the_middle(place, job)
    assert (crashed.stage_folder(PROBE) / "copy.txt").exists()
    place.engine.images.clear()
    place.run(crashed)
    assert entry_of(crashed)["good_is"] is None


def test_the_container_of_a_dead_runner_is_removed_first(place: Place, job: Job) -> None:
    place.run(job)
    spec = place.engine.created[0].spec
    begun(job).write(CONTAINER, container_id=spec.name)
    labels = {**stage_labels(job, PROBE), "org.stagerun.run": RUN}
    container = place.engine.container(replace(spec, labels=labels))
    left = container.__enter__()
    assert place.run(job).verdict is Verdict.CACHED
    assert place.engine.containers(labels) == []
    assert left.removed
    container.__exit__(None, None, None)


def test_a_container_that_was_started_makes_its_run_a_lost_one(place: Place, job: Job) -> None:
    place.run(job)
    journal = begun(job)
    set_aside(job, PROBE, journal)
    labels = {**stage_labels(job, PROBE), "org.stagerun.run": RUN}
    place.programs[PROBE] = lambda process: int(process.sleep_until_signal(10) is None)
    spec = place.engine.created[0].spec
    with place.engine.container(replace(spec, labels=labels)) as alive:
        alive.start()
        del place.programs[PROBE]
        assert place.run(job).verdict is Verdict.SUCCESS
        assert alive.removed
    assert record_of(job, RUN)["verdict"] == "runner_lost"


def test_a_run_of_another_machine_is_never_judged(place: Place, job: Job) -> None:
    place.run(job)
    journal = begun(job, machine="another")
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.BUSY, 11)
    assert "begun on another machine" in place.said()
    assert not journal.is_closed
    assert copy_of(job) == "hello\n"


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


def test_a_result_written_outside_the_runner_is_not_used(place: Place, job: Job) -> None:
    place.run(job)
    folder = job.stage_folder(PROBE)
    document = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**document, "run_id": None}))
    outcome = place.run(job, NEXT)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.INPUT_MISSING, 4)
    assert "was written outside the runner" in place.said(NEXT)
    assert f"Run {PROBE} again" in place.said(NEXT)


def test_a_folder_that_no_run_left_is_not_taken_for_a_result(place: Place, job: Job) -> None:
    folder = job.stage_folder(PROBE)
    folder.mkdir()
    (folder / "copy.txt").write_text("by hand")
    assert place.run(job, NEXT).verdict is Verdict.INPUT_MISSING
    assert place.run(job).verdict is Verdict.SUCCESS
    assert copy_of(job) == "hello\n"


def test_temporary_files_of_a_dead_runner_do_not_disturb(place: Place, job: Job) -> None:
    for path in (job.root / ".manifest.json.abc", job.private / ".digests.json.abc"):
        Path(path).write_text("{")
    assert place.run(job).verdict is Verdict.SUCCESS


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


def test_a_run_whose_journal_cannot_be_read_stops_the_next_one_before_anything_is_touched(
    place: Place, job: Job
) -> None:
    place.run(job)
    begun(job).path.unlink()
    journal_of(job, RUN).path.mkdir()
    outcome = place.run(job, force=True)
    assert outcome.exit_code == 2
    assert "journal.jsonl is no regular file" in place.said()
    assert copy_of(job) == "hello\n"


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


def half_restored(place: Place, job: Job) -> str:
    """A runner died when it had put the previous result back and not yet said so."""
    good = str(place.run(job).run_id)
    place.programs[PROBE] = fail
    place.run(job, force=True)
    shutil.rmtree(job.stage_folder(PROBE))
    job.previous_folder(PROBE).rename(job.stage_folder(PROBE))
    return good


def test_a_result_half_restored_is_not_lost_to_the_next_failure(place: Place, job: Job) -> None:
    good = half_restored(place, job)
    assert place.run(job, force=True).verdict is Verdict.STAGE_FAILED
    entry = entry_of(job)
    assert (entry["good_is"], entry["good_run_id"]) == ("previous", good)
    assert (job.previous_folder(PROBE) / "copy.txt").read_text() == "hello\n"


def test_a_result_half_restored_is_in_force_in_the_next_call(place: Place, job: Job) -> None:
    good = half_restored(place, job)
    outcome = place.run(job)
    assert (outcome.verdict, outcome.run_id) == (Verdict.CACHED, good)


def test_restoring_again_finishes_what_was_begun(place: Place, job: Job) -> None:
    good = half_restored(place, job)
    assert restore(job, PROBE) == good
    assert (entry_of(job)["good_is"], entry_of(job)["verdict"]) == ("in place", "success")


def test_a_failed_attempt_is_not_taken_for_a_result_half_restored(place: Place, job: Job) -> None:
    place.run(job)
    place.programs[PROBE] = fail
    place.run(job, force=True)
    shutil.rmtree(job.previous_folder(PROBE))
    place.engine.images.clear()
    place.run(job)
    assert entry_of(job)["good_is"] == "previous"


def breaks_at_the_start(place: Place, job: Job, *, lost: bool) -> tuple[str, list[FakeContainer]]:
    """A start that the engine reports as failed, and that took place all the same."""
    request = resolve(place.project.stages[PROBE], place.project, job, place.host, RunOptions())
    left: list[FakeContainer] = []

    def start() -> None:
        with begin(request, job, place.host) as run:
            container = FakeContainer(place.engine, run.container_spec(), place.program)
            place.engine.created.append(container)
            left.append(container)
            run.journal.write(CONTAINER, container_id=container.id)
            container.start()
            place.engine.lost = lost
            message = "no answer"
            raise EngineError(message)

    with pytest.raises(EngineError, match="no answer"):
        start()
    return left[0].spec.labels["org.stagerun.run"], left


@pytest.mark.parametrize("lost", [False, True])
def test_the_folder_of_a_container_that_may_live_is_not_taken_from_under_it(
    place: Place, job: Job, lost: bool
) -> None:
    first = place.run(job)
    place.programs[PROBE] = lambda process: int(process.sleep_until_signal(10) is None)
    run_id, (container,) = breaks_at_the_start(place, job, lost=lost)
    assert [open_id for open_id, _ in open_runs(job, PROBE)] == [run_id]
    assert (job.previous_folder(PROBE) / "copy.txt").read_text() == "hello\n"
    place.engine.lost = False
    place.engine.images.clear()
    place.run(job)
    assert container.removed
    assert record_of(job, run_id)["verdict"] == "runner_lost"
    assert entry_of(job)["good_run_id"] == first.run_id


def test_files_of_a_run_are_not_written_through_links(
    place: Place, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "precious").write_text("precious")
    job.run_folder(RUN).mkdir()
    for name in ("reserve", "output.log"):
        (job.run_folder(RUN) / name).symlink_to(tmp_path / "precious")
    with pytest.raises(JobFolderError, match="symbolic link"):
        reserve_space(job, RUN)
    output = Output(
        stage=PROBE, run_id=RUN, log=job.run_folder(RUN) / "output.log", emit=place.emit
    )
    with pytest.raises(OSError, match="symbolic link"):
        output.read(iter([(1, b"text\n")]))
    assert (tmp_path / "precious").read_text() == "precious"


def leaves_a_link_as_cache(process: FakeProcess) -> int:
    folder = process.path(f"/job/{PROBE}")
    (folder / ".cache").symlink_to("../input")
    return copy(process)


def test_a_cache_that_is_a_link_is_not_carried_over(place: Place, job: Job) -> None:
    place.programs[PROBE] = leaves_a_link_as_cache
    assert place.run(job).verdict is Verdict.CONTRACT_VIOLATION
    assert ".cache" in place.said()
    del place.programs[PROBE]
    assert place.run(job).verdict is Verdict.SUCCESS
    assert not (job.stage_folder(PROBE) / ".cache").is_symlink()
