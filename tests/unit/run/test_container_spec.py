"""What a container may see and use: exactly what the contract says, and nothing else."""

import os
from pathlib import Path

import pytest

from runner.errors import Verdict
from runner.host.container import Mount
from runner.job.folder import Job
from runner.project.config import parse_limits
from tests.unit.run.conftest import (
    PROBE,
    Place,
    declare,
    ran,
    record_of,
)


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
