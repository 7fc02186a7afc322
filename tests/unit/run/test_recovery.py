"""After a runner died: at whatever moment, the next call finds a job that it can go on with."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import EngineError, JobFolderError, Verdict
from runner.host.engine_fake import FakeContainer, FakeProcess
from runner.job.folder import Job
from runner.job.journal import CONTAINER, journal_of, open_runs
from runner.run.attempt import begin, reserve_space
from runner.run.left_containers import stage_labels
from runner.run.output import Output
from runner.run.request import RunOptions, resolve
from runner.run.results import restore
from runner.run.stage_folder import set_aside
from tests.unit.run.conftest import (
    NEXT,
    PROBE,
    Place,
    copy,
    copy_of,
    entry_of,
    fail,
    record_of,
)
from tests.unit.run.dead_runners import RUN, begun, dies_in_the_middle, notices


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
        f"the runner of run {lost} died (process 1). The run is closed as runner_lost, the result "
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
    place.programs[PROBE] = lambda process: 3 * int(process.sleep_until_signal(1) is None)
    run_id, (container,) = breaks_at_the_start(place, job, lost=lost)
    assert [open_id for open_id, _ in open_runs(job, PROBE)] == [run_id]
    assert (job.previous_folder(PROBE) / "copy.txt").read_text() == "hello\n"
    place.engine.lost = False
    place.engine.images.clear()
    place.run(job)
    assert container.removed
    assert record_of(job, run_id)["evidence"]["exit_code"] == 3
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
