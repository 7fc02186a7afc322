"""What a container may see and use: exactly what the contract says, and nothing else."""

import os
from pathlib import Path

import pytest

from runner.errors import EngineError, Verdict
from runner.host.container import ContainerSpec, Mount
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job
from runner.project.config import parse_limits
from tests.project_kit import STAGE_YAML
from tests.unit.run.conftest import NEXT, PROBE, Place, copy, fail, record_of, write_manifest
from tests.unit.run.test_recovery import dies_in_the_middle


def declare(place: Place, more: str, stage: str = PROBE) -> None:
    source = "input/text" if stage == PROBE else f"{PROBE}/copy"
    place.kit.spec(stage, STAGE_YAML.format(source=source) + more)
    place.build()


def ran(place: Place, job: Job, stage: str = PROBE, **options: object) -> ContainerSpec:
    outcome = place.run(job, stage, **options)
    assert outcome.verdict is Verdict.SUCCESS, place.said(stage)
    return place.engine.created[-1].spec


def test_a_plain_stage_sees_the_job_and_writes_its_own_folder(place: Place, job: Job) -> None:
    spec = ran(place, job)
    assert spec.mounts == (
        Mount(source=str(job.root), target="/job", read_only=True),
        Mount(source=str(job.root / PROBE), target=f"/job/{PROBE}", read_only=False),
    )
    assert spec.network == "none"
    assert spec.gpus == ()
    assert spec.command is None


def test_the_image_is_named_by_its_digest(place: Place, job: Job) -> None:
    spec = ran(place, job)
    assert spec.image == place.engine.images[f"stagerun/{PROBE}:main"].digest


def test_the_user_is_the_jobs(place: Place, job: Job) -> None:
    uid, gid = job.owner
    assert ran(place, job).user == f"{uid}:{gid}"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a job away")
def test_for_a_root_runner_the_user_is_the_jobs_owner(place: Place, job: Job) -> None:
    for path in (job.root, *job.root.rglob("*")):
        os.chown(path, 1234, 2345)
    spec = ran(place, job)
    assert spec.user == "1234:2345"
    strangers = [path for path in job.root.rglob("*") if path.stat().st_uid != 1234]
    # What the stage writes is the container's own; here it ran as the test.
    assert {path.parent.name for path in strangers} <= {PROBE}


def test_the_environment_is_what_a_stage_needs_and_nothing_of_the_callers(
    place: Place, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "proxy")
    monkeypatch.setenv("SECRET_TOKEN", "token")
    spec = ran(place, job)
    assert dict(spec.environment) == {
        "OUTPUT_DIR": "/job",
        "STAGERUN_STAGE": PROBE,
        "STAGERUN_RUN_ID": spec.labels["org.stagerun.run"],
        "HOME": "/tmp",
    }


def test_configuration_is_no_part_of_the_environment(place: Place) -> None:
    declare(place, "config: {LOUD: {type: bool, default: no, help: x}}\n")
    spec = ran(place, place.job(more="config: {LOUD: yes}\n"))
    assert "LOUD" not in spec.environment


def test_limits_are_those_of_the_spec(place: Place, job: Job) -> None:
    spec = ran(place, job)
    assert (spec.memory, spec.tmp, spec.pids, spec.shm) == (128 << 20, 16 << 20, 64, 64 << 20)
    assert spec.cpus == 1


def test_limits_of_the_caller_come_first(place: Place, job: Job) -> None:
    limits = parse_limits({"memory": "64MiB", "pids": "7", "tmp": "1MiB", "cpus": "0.5"})
    spec = ran(place, job, limits=limits)
    assert (spec.memory, spec.tmp, spec.pids, spec.cpus) == (64 << 20, 1 << 20, 7, 0.5)


def test_more_processors_than_there_are_are_cut_and_the_record_says_so(
    place: Place, job: Job
) -> None:
    spec = ran(place, job, limits=parse_limits({"cpus": "4096"}))
    assert spec.cpus == os.cpu_count()
    (difference,) = record_of(job, spec.labels["org.stagerun.run"])["limit_differences"]
    assert (difference["name"], difference["asked"]) == ("cpus", "4096")
    assert difference["reason"] == f"this machine has {os.cpu_count()}"


def test_labels_tell_whose_container_it_is(place: Place, job: Job) -> None:
    labels = ran(place, job).labels
    assert set(labels) == {
        "org.stagerun.job",
        "org.stagerun.stage",
        "org.stagerun.run",
        "org.stagerun.owner.pid",
        "org.stagerun.owner.started",
        "org.stagerun.boot",
        "org.stagerun.machine",
    }
    assert labels["org.stagerun.job"] == str(job.root)
    assert labels["org.stagerun.stage"] == PROBE
    assert labels["org.stagerun.owner.pid"] == "1"


def test_no_two_containers_have_one_name(place: Place, job: Job) -> None:
    names = {ran(place, job, force=True).name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith(f"stagerun-{PROBE}-") for name in names)


def test_a_stage_that_asks_for_a_network_joins_the_sites(place: Place, job: Job) -> None:
    declare(place, "network: site\n")
    assert ran(place, job).network == "bridge"
    place.kit.settings("network: {name: pipeline}\n")
    assert ran(place, job, force=True).network == "pipeline"


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
        seen["owner"], seen["mode"] = path.stat().st_uid, path.stat().st_mode & 0o777
        seen["text"] = path.read_text()
        return copy(process)

    place.programs[PROBE] = look
    spec = ran(place, job)
    run_folder = job.run_folder(spec.labels["org.stagerun.run"])
    assert spec.mounts[2:] == (
        Mount(source=f"{tmp_path}/ca.crt", target="/run/site/ca.crt"),
        Mount(source=f"{run_folder}/proxy.env", target="/run/site/proxy.env"),
    )
    variables = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
    assert [spec.environment[name] for name in variables] == ["/run/site/ca.crt"] * 2
    assert (seen["owner"], seen["mode"]) == (job.owner[0], 0o600)
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


def test_the_proxy_file_of_a_runner_that_died_goes_with_the_next_run(place: Place) -> None:
    place.kit.settings(f"network: {{proxy: '{PROXY}'}}\n")
    declare(place, "network: site\n")
    crashed = dies_in_the_middle(place, place.job())
    assert [path.name for path in in_files(crashed.root, PASSWORD)] == ["proxy.env"]
    assert place.run(crashed).good
    assert in_files(crashed.root, PASSWORD) == []


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
    spec = ran(place, job)
    assert spec.mounts[2:] == (Mount(source=str(token), target="/run/secrets/tmdb"),)
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
    assert "It reports: refused: ***" in place.said()
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


MODEL = """\
config:
  ENGINE: {type: choice, of: [small, large], default: large, help: x}
models:
  ear: {when: {ENGINE: large}, folder: "ear/{ENGINE}", files: [model.bin, config.json]}
"""


def test_the_model_store_is_mounted_where_a_model_is_needed(
    place: Place, job: Job, tmp_path: Path
) -> None:
    declare(place, MODEL)
    place.kit.settings(f"models: {tmp_path}/store\n")
    folder = tmp_path / "store" / "ear" / "large"
    folder.mkdir(parents=True)
    (folder / "model.bin").write_text("m")
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.MODEL_MISSING, 5)
    assert "lacks config.json" in place.said()
    (folder / "config.json").write_text("{}")
    spec = ran(place, job)
    assert spec.mounts[2:] == (Mount(source=f"{tmp_path}/store", target="/models"),)
    assert place.run(job).verdict is Verdict.CACHED
    (folder / "model.bin").write_text("n")
    assert place.run(job).verdict is Verdict.SUCCESS
    assert len(ran(place, job, overrides={"ENGINE": "small"}).mounts) == 2


def test_a_model_without_a_store_is_refused_with_where_to_name_one(place: Place, job: Job) -> None:
    declare(place, MODEL)
    assert place.run(job).verdict is Verdict.MODEL_MISSING
    assert "models: FOLDER" in place.said()


def test_an_input_by_reference_is_mounted_over_its_placeholder(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "film.txt").write_text("by reference")
    job = place.job(more=f"references: {{text: {tmp_path}/film.txt}}\n")
    (job.input / "text.txt").write_text("")
    spec = ran(place, job)
    assert spec.mounts[2:] == (
        Mount(source=f"{tmp_path}/film.txt", target="/job/input/text.txt", read_only=True),
    )


def test_a_reference_that_the_stage_does_not_read_is_not_mounted_into_it(
    place: Place, tmp_path: Path
) -> None:
    (tmp_path / "film.txt").write_text("by reference")
    (tmp_path / "key.txt").write_text("not for this stage")
    lines = "input: {text: text.txt, key: key.txt}\n"
    job = place.job()
    references = f"references: {{text: {tmp_path}/film.txt, key: {tmp_path}/key.txt}}\n"
    job.file.write_text(lines + references)
    (job.input / "key.txt").write_text("")
    assert [mount.target for mount in ran(place, job).mounts[2:]] == ["/job/input/text.txt"]


def test_mounted_code_lies_over_the_baked_copy_and_cannot_be_changed(
    place: Place, job: Job
) -> None:
    root = place.kit.root
    assert ran(place, job, dev=True).mounts[2:] == (
        Mount(source=f"{root}/stages/{PROBE}", target=f"/app/{PROBE}", read_only=True),
        Mount(source=f"{root}/shared", target="/app/shared", read_only=True),
    )
