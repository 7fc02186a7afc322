"""What a container gets of the site: network, certificates, proxy, secrets, and who sees them."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from runner.errors import EngineError
from runner.host.container import Mount
from runner.host.engine_fake import FakeProcess
from runner.host.machine import ProcessIdentity
from runner.job.folder import Job
from runner.job.journal import open_runs
from runner.run.intent import run_again
from runner.run.private_files import forget, kept_file, lay_down, private_folder
from runner.run.reaping import reap_private_files
from tests.unit.run.conftest import (
    NEXT,
    PROBE,
    Place,
    copy,
    declare,
    fail,
    ran,
    record_of,
    write_manifest,
)
from tests.unit.run.dead_runners import RUN, begun, dies_in_the_middle


def test_a_stage_that_asks_for_a_network_joins_the_sites(place: Place, job: Job) -> None:
    declare(place, "network: site\n")
    assert ran(place, job).network == "bridge"
    place.kit.settings("network: {name: pipeline}\n")
    assert ran(place, job, force=True).network == "pipeline"


DEAD = ProcessIdentity(pid=1, started=1, boot_id="an earlier one", machine_id="machine")
PASSWORD = "pr0xyPassw0rd"
PROXY = f"http://me:{PASSWORD}@proxy.example:3128"


def in_files(folder: Path, word: str) -> list[Path]:
    """The files below a folder that hold a word."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return [path for path in files if word.encode() in path.read_bytes()]


def test_certificates_and_proxy_of_the_site_are_files_for_stages_with_its_network_alone(
    place: Place, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_text("certificates")
    place.kit.settings(f"network: {{ca_bundle: {tmp_path}/ca.crt, proxy: '{PROXY}'}}\n")
    declare(place, "network: site\n")
    seen: dict[str, object] = {}

    def look(process: FakeProcess) -> int:
        path = process.path("/run/site/proxy.env")
        seen["place"] = path
        seen["owner"], seen["mode"] = path.stat().st_uid, path.stat().st_mode & 0o777
        seen["text"] = path.read_text()
        return copy(process)

    place.programs[PROBE] = look
    spec = ran(place, job)
    assert spec.mounts[2:] == (
        Mount(source=f"{tmp_path}/ca.crt", target="/run/site/ca.crt"),
        Mount(source=str(seen["place"]), target="/run/site/proxy.env"),
    )
    # Other stages of the job see all of it, and run as the same user.
    assert not Path(str(seen["place"])).is_relative_to(job.root)
    variables = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    assert [spec.environment[name] for name in variables] == ["/run/site/ca.crt"] * 2
    assert (seen["owner"], seen["mode"]) == (job.owner[0], 0o400)
    assert f"HTTPS_PROXY={PROXY}\nhttps_proxy={PROXY}\n" in str(seen["text"])
    other = ran(place, job, NEXT)
    assert other.mounts[2:] == ()
    assert "SSL_CERT_FILE" not in other.environment


def test_the_password_of_a_proxy_is_in_nothing_that_stays_or_that_others_see(
    place: Place, job: Job
) -> None:
    place.kit.settings(f"network: {{proxy: '{PROXY}'}}\n")
    declare(place, "network: site\n")
    spec = ran(place, job)
    place.programs[PROBE] = fail
    assert not place.run(job, force=True).good
    assert in_files(job.root, PASSWORD) == []
    assert PASSWORD not in repr(spec)
    assert PASSWORD not in repr(place.events)
    assert PASSWORD not in repr(place.project.settings.network)


def test_a_run_that_never_starts_keeps_no_proxy_file(place: Place, job: Job) -> None:
    place.kit.settings(f"network: {{proxy: '{PROXY}'}}\n")
    declare(place, "network: site\n")
    place.engine.start_error = EngineError("no")
    assert not place.run(job).good
    assert in_files(job.root, PASSWORD) == []


def test_the_private_files_of_a_runner_that_died_go_when_nobody_can_use_them(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("first-s3cret")
    place.kit.settings(f"secrets: {{tmdb: {tmp_path}/token}}\nnetwork: {{proxy: '{PROXY}'}}\n")
    declare(place, "secrets: [tmdb]\nnetwork: site\n")
    job = place.job()
    lay_down(job, "run", {"secret-tmdb": b"first-s3cret"}, DEAD)
    lay_down(job, "kept", {"secret-tmdb": b"first-s3cret"}, ProcessIdentity.current())
    job.run_folder("kept").mkdir()
    dead, alive = private_folder(job, "run"), private_folder(job, "kept")
    assert [item.what for item in reap_private_files(place.host.identity, dry_run=True)] == [
        str(dead)
    ]
    assert dead.is_dir()
    assert place.run(job).good
    assert not dead.exists()
    assert alive.is_dir()
    forget(job, "kept")
    assert not alive.exists()


def test_a_run_whose_proxy_is_no_longer_known_is_not_gone_on_with(place: Place) -> None:
    place.kit.settings(f"network: {{proxy: '{PROXY}'}}\n")
    declare(place, "network: site\n")
    crashed = dies_in_the_middle(place, place.job())
    (run_id,) = open_runs(crashed, PROBE)
    stage = place.project.stages[PROBE]
    assert run_again(stage, place.project, crashed, place.host, *run_id) is None


def test_without_settings_the_callers_environment_says_how_to_reach_the_site(
    place: Place, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "ca.crt").write_text("certificates")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.crt"))
    monkeypatch.setenv("http_proxy", "http://a&b.example")
    monkeypatch.setenv("NO_PROXY", "localhost")
    declare(place, "network: site\n")
    seen = []

    def look(process: FakeProcess) -> int:
        seen.extend(process.path("/run/site/proxy.env").read_text().splitlines())
        return copy(process)

    place.programs[PROBE] = look
    spec = ran(place, job)
    assert Mount(source=f"{tmp_path}/ca.crt", target="/run/site/ca.crt") in spec.mounts
    assert seen == [
        "HTTP_PROXY='http://a&b.example'",
        "http_proxy='http://a&b.example'",
        "NO_PROXY=localhost",
        "no_proxy=localhost",
    ]


def test_certificates_that_are_gone_are_refused(place: Place, job: Job) -> None:
    place.kit.settings("network: {ca_bundle: gone.crt}\n")
    declare(place, "network: site\n")
    assert place.run(job).exit_code == 2
    assert "gone.crt for the site's certificates" in place.said()


def test_a_secret_is_a_file_for_stages_that_list_it_alone(
    place: Place, job: Job, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret")
    (tmp_path / "link").symlink_to(token)
    place.kit.settings(f"secrets: {{tmdb: {tmp_path}/link, other: {token}}}\n")
    declare(place, "secrets: [tmdb]\n")
    seen: dict[str, object] = {}

    def look(process: FakeProcess) -> int:
        path = process.path("/run/secrets/tmdb")
        seen["text"], seen["mode"] = path.read_text(), path.stat().st_mode & 0o777
        seen["owner"] = path.stat().st_uid
        return copy(process)

    place.programs[PROBE] = look
    spec = ran(place, job)
    assert [mount.target for mount in spec.mounts[2:]] == ["/run/secrets/tmdb"]
    assert seen == {"text": "s3cret", "mode": 0o400, "owner": job.owner[0]}
    assert not Path(spec.mounts[2].source).exists()
    assert ran(place, job, NEXT).mounts[2:] == ()
    written = [path for path in job.root.rglob("*") if path.is_file()]
    assert not [path for path in written if b"s3cret" in path.read_bytes()]


def test_what_a_stage_gives_away_of_its_secrets_is_told_and_written_nowhere(
    place: Place, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("first-s3cret\nno\n")
    place.kit.settings(f"secrets: {{tmdb: {tmp_path}/token}}\nnetwork: {{proxy: '{PROXY}'}}\n")
    declare(place, "secrets: [tmdb]\nnetwork: site\n")

    def tell(process: FakeProcess) -> int:
        process.print(f"not the short one, but first-s3cret and {PASSWORD}")
        texts = ["refused: first-s3cret"]
        write_manifest(process, "failed", outputs=[], errors=texts, warnings=texts)
        return 1

    place.programs[PROBE] = tell
    outcome = place.run(job)
    assert "The stage reports: refused: ***" in place.said()
    record = record_of(job, outcome.run_id)
    assert record["warnings"] == ["refused: ***"]
    log = job.run_folder(str(outcome.run_id)) / "output.log"
    assert log.read_text() == "not the short one, but *** and ***\n"
    assert "first-s3cret" not in repr(place.events)
    # The manifest is the stage's own.
    assert {path.name for path in in_files(job.root, "first-s3cret")} == {"manifest.json"}


def test_a_secret_that_the_site_lacks_is_the_stages_to_miss(place: Place, job: Job) -> None:
    declare(place, "secrets: [tmdb]\n")
    assert len(ran(place, job).mounts) == 2


def test_a_secret_whose_file_is_gone_is_refused(place: Place, job: Job) -> None:
    place.kit.settings("secrets: {tmdb: gone}\n")
    declare(place, "secrets: [tmdb]\n")
    assert place.run(job).exit_code == 2
    assert "for the secret 'tmdb', but there is no such file" in place.said()


def test_secrets_of_before_the_last_boot_go_though_nobody_closed_their_run(place: Place) -> None:
    job = place.job()
    begun(job)
    lay_down(job, RUN, {"secret-tmdb": b"first-s3cret"}, DEAD)
    assert [item.job for item in reap_private_files(place.host.identity)] == [str(job.root)]
    assert not private_folder(job, RUN).exists()


def test_secrets_of_another_machine_stay(place: Place) -> None:
    job = place.job()
    lay_down(job, "run", {"secret-tmdb": b"first-s3cret"}, replace(DEAD, machine_id="other"))
    assert list(reap_private_files(place.host.identity)) == []
    assert private_folder(job, "run").is_dir()


def test_secrets_that_a_timers_call_laid_down_are_found_by_one_from_a_login(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = place.job()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with monkeypatch.context() as timer:
        timer.delenv("XDG_RUNTIME_DIR")
        lay_down(job, "run", {"secret-tmdb": b"first-s3cret"}, DEAD)
        left = private_folder(job, "run")
    assert kept_file(job, "run", "secret-tmdb") == b"first-s3cret"
    forget(job, "run")
    assert not left.exists()
