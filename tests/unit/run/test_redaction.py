"""A run's secrets are what they were when it began, and are told in no part of its record."""

from pathlib import Path

from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job
from tests.unit.run.conftest import PROBE, Place, declare, record_of, write_manifest

SECRET = "first-s3cret"


def with_secret(place: Place, folder: Path) -> Path:
    token = folder / "token"
    token.write_text(SECRET)
    place.kit.settings(f"secrets: {{tmdb: {token}}}\n")
    declare(place, "secrets: [tmdb]\n")
    return token


def test_a_secret_that_is_exchanged_meanwhile_is_told_nowhere(
    place: Place, job: Job, tmp_path: Path
) -> None:
    token = with_secret(place, tmp_path)

    def tell(process: FakeProcess) -> int:
        token.write_text("another-s3cret")
        write_manifest(process, "failed", outputs=[], errors=[f"refused: {SECRET}"])
        return 1

    place.programs[PROBE] = tell
    outcome = place.run(job)
    assert "refused: ***" in place.said()
    assert SECRET not in repr(record_of(job, outcome.run_id))
    assert SECRET not in job.manifest_file.read_text()


def test_a_secret_in_the_name_of_a_file_is_told_nowhere(
    place: Place, job: Job, tmp_path: Path
) -> None:
    with_secret(place, tmp_path)

    def tell(process: FakeProcess) -> int:
        paths = [{"type": "text", "path": f"50_probe/{SECRET}.txt"}]
        write_manifest(process, "success", outputs=paths)
        return 0

    place.programs[PROBE] = tell
    outcome = place.run(job)
    assert SECRET not in place.said()
    record = record_of(job, outcome.run_id)
    assert record["findings"][0]["path"] == "***.txt"
    assert SECRET not in repr(record)


def test_a_secret_that_is_gone_is_refused_by_its_name(
    place: Place, job: Job, tmp_path: Path
) -> None:
    with_secret(place, tmp_path).unlink()
    assert place.run(job).exit_code == 2
    assert "for the secret 'tmdb'" in place.said()
