"""``--keep``: the container of a run that failed is there until somebody asks for its removal."""

from runner.errors import StageBusyError, Verdict
from runner.host.engine_fake import FakeContainer, FakeProcess
from runner.job.folder import Job
from runner.job.journal import journal_of
from runner.job.removal import remove_folder
from runner.run.kept_container import kept_container
from runner.run.left_containers import is_kept, left_containers
from runner.run.outcome import Outcome
from runner.run.reaping import reap_containers
from tests.unit.run.conftest import IDENTITY, PROBE, Place, copy, declare, entry_of, fail, record_of


def kept_after_failure(place: Place, job: Job) -> tuple[Outcome, FakeContainer]:
    place.programs[PROBE] = fail
    outcome = place.run(job, keep=True)
    assert outcome.verdict is Verdict.STAGE_FAILED
    return outcome, place.engine.created[-1]


def test_a_kept_container_costs_the_run_neither_record_nor_journal(place: Place, job: Job) -> None:
    outcome, container = kept_after_failure(place, job)
    assert not container.removed
    assert record_of(job, outcome.run_id)["verdict"] == "stage_failed"
    assert journal_of(job, str(outcome.run_id)).is_closed
    assert entry_of(job)["verdict"] == "stage_failed"


def test_without_keep_and_after_success_no_container_is_left(place: Place, job: Job) -> None:
    assert place.run(job, keep=True).good
    place.programs[PROBE] = fail
    assert place.run(job, force=True).verdict is Verdict.STAGE_FAILED
    assert [container.removed for container in place.engine.created] == [True, True]


def test_a_run_that_was_cancelled_keeps_nothing(place: Place, job: Job) -> None:
    def cancelled(process: FakeProcess) -> int:
        place.cancellation.request("SIGINT")
        process.sleep_until_signal(9)
        return 1

    place.programs[PROBE] = cancelled
    assert place.run(job, keep=True).verdict is Verdict.CANCELLED
    assert [container.removed for container in place.engine.created] == [True]


def test_the_commands_name_the_container_and_change_nothing(place: Place, job: Job) -> None:
    outcome, container = kept_after_failure(place, job)
    kept = kept_container(outcome, job, place.engine)
    assert kept is not None
    assert kept.removal == f"docker --host {place.engine.address} rm {container.id}"
    assert kept.output.endswith(f" logs {container.id}")
    assert kept.inside is not None
    assert f" --volumes-from {container.id}:ro " in kept.inside
    assert kept.inside.endswith(f" --entrypoint /bin/sh {container.spec.image}")


def test_a_container_with_secrets_is_not_offered_for_a_look_inside(place: Place, job: Job) -> None:
    secret = place.kit.root / "secret"
    secret.write_text("hush")
    place.kit.settings(f"secrets: {{key: {secret}}}\n")
    declare(place, "secrets: [key]\n")
    outcome, _ = kept_after_failure(place, job)
    kept = kept_container(outcome, job, place.engine)
    assert kept is not None
    assert kept.inside is None


def test_later_runs_and_reaping_leave_a_kept_container_alone(place: Place, job: Job) -> None:
    _, container = kept_after_failure(place, job)
    assert place.run(job).verdict is Verdict.STAGE_FAILED
    assert list(reap_containers(place.engine, IDENTITY)) == []
    assert list(left_containers(place.engine)) == []
    assert not container.removed


def test_a_kept_container_goes_when_asked_and_with_its_job(place: Place, job: Job) -> None:
    outcome, container = kept_after_failure(place, job)
    found = list(left_containers(place.engine, kept=True))
    assert [(item.id, why) for item, why in found] == [
        (container.id, f"kept when its run {outcome.run_id} failed")
    ]
    remove_folder(job.root)
    assert [why for _, why in left_containers(place.engine)] == ["its job is gone"]
    (reaped,) = reap_containers(place.engine, IDENTITY)
    assert reaped.why == "its runner died and its job is gone"


def test_a_kept_container_stays_when_the_record_of_its_run_is_cleaned_away(
    place: Place, job: Job
) -> None:
    outcome, container = kept_after_failure(place, job)
    remove_folder(job.run_folder(str(outcome.run_id)))
    assert is_kept(container.spec.labels)


def test_what_a_dead_runner_left_of_a_run_with_keep_is_no_kept_container(
    place: Place, job: Job
) -> None:
    outcome, container = kept_after_failure(place, job)
    journal = journal_of(job, str(outcome.run_id))
    lines = journal.path.read_text().splitlines(keepends=True)
    journal.path.write_text("".join(lines[:-1]))
    assert not is_kept(container.spec.labels)
    place.programs[PROBE] = copy
    assert place.run(job).verdict is Verdict.SUCCESS
    assert container.removed


def test_a_kept_container_that_was_started_again_holds_up_the_stage(place: Place, job: Job) -> None:
    _, kept = kept_after_failure(place, job)
    again = FakeContainer(
        place.engine, kept.spec, lambda process: int(bool(process.sleep_until_signal(9)))
    )
    again.start()
    place.engine.created[-1] = again
    outcome = place.run(job)
    assert outcome.verdict is StageBusyError.verdict
    assert "still runs" in place.said()
    again.remove()
