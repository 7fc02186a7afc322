"""The Compose files with a real Compose and a real engine."""

import json
import re
from pathlib import Path

import pytest

from runner.events import Event
from runner.host.engine import LABEL, DockerEngine
from runner.host.gpu import inventory
from runner.host.machine import ProcessIdentity
from runner.job.folder import open_job
from runner.project.pipeline import load_project
from runner.run.cancellation import Cancellation
from runner.run.compose_file import FILE, GPU_FILE
from runner.run.prompt import prompt
from runner.run.request import Host, RunOptions
from tests.by_hand import call, caller, compose_command
from tests.project_kit import ROOT, Kit

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def compose() -> list[str]:
    """The command of the Compose that is installed, 1.29 or 2."""
    return compose_command()


def _by_hand(compose: list[str], kit: Kit, stage: str, job: Path, *program: str) -> str:
    """What the stage prints, or the program that takes its place."""
    file = kit.root / FILE
    assert kit.run("compose").returncode == 0
    options = ["--rm", "-T", "--label", f"{LABEL}job={job}"]
    if program:
        options += ["--entrypoint", program[0]]
    words = ["--file", str(file), "run", *options, stage, *program[1:]]
    ended = call([*compose, *words], caller(job))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_compose_understands_the_file_of_this_project(compose: list[str], tmp_path: Path) -> None:
    for files, images in (
        ((FILE,), ("stagerun/06_asr:main",)),
        ((GPU_FILE,), ("stagerun/06_asr:cuda",)),
        ((FILE, GPU_FILE), ("stagerun/06_asr:main", "stagerun/06_asr:cuda")),
    ):
        named = [word for file in files for word in ("--file", str(ROOT / file))]
        ended = call([*compose, *named, "--profile", "by-hand", "config"], caller(tmp_path))
        assert ended.returncode == 0, ended.stderr
        assert all(image in ended.stdout for image in images)
        assert ("capabilities:" in ended.stdout) is (GPU_FILE in files)


def test_compose_says_which_variable_is_missing(compose: list[str]) -> None:
    words = ["--file", str(ROOT / FILE), "--profile", "by-hand", "config"]
    ended = call([*compose, *words], {"UID": "1", "GID": "1", "JOB": ""})
    assert ended.returncode != 0
    assert "must be the absolute path of a job directory" in ended.stderr


def test_a_stage_by_hand_writes_what_it_writes_under_the_runner(
    compose: list[str], real_kit: Kit
) -> None:
    ran, by_hand = real_kit.job("ran"), real_kit.job("by-hand")
    (by_hand / "50_probe").mkdir()
    under_the_runner = real_kit.run("50_probe", ran)
    assert under_the_runner.returncode == 0, under_the_runner.stdout
    printed = _by_hand(compose, real_kit, "50_probe", by_hand)
    assert "copied" in printed
    copies = [(job / "50_probe" / "copy.txt").read_bytes() for job in (ran, by_hand)]
    assert copies[0] == copies[1] == b"hello\n"
    manifests = [
        json.loads((job / "50_probe" / "manifest.json").read_text()) for job in (ran, by_hand)
    ]
    assert [manifest["status"] for manifest in manifests] == ["success", "success"]
    paths = [[entry["path"] for entry in manifest["outputs"]] for manifest in manifests]
    assert paths[0] == paths[1] == ["50_probe/copy.txt"]


@pytest.mark.docker
def test_a_container_by_hand_has_the_mounts_user_limits_and_sandbox_of_acall(
    compose: list[str], real_kit: Kit, engine: DockerEngine
) -> None:
    job = open_job(real_kit.job())
    project = load_project(real_kit.root)
    stage = project.stages["50_probe"]
    real_kit.run("compose")
    host = Host(
        engine=engine,
        inventory=inventory,
        cancellation=Cancellation(),
        identity=ProcessIdentity.current(),
    )
    heard: list[Event] = []
    with prompt(stage, project, job, host, options=RunOptions(), emit=heard.append) as opened:
        of_a_run = _sandbox(engine, opened.container.id)
    job.stage_folder(stage.id).mkdir()
    words = ["--file", str(real_kit.root / FILE), "run", "--detach", "--entrypoint", "sleep"]
    words += ["--label", f"{LABEL}job={job.root}", stage.id, "60"]
    ended = call([*compose, *words], caller(job.root))
    assert ended.returncode == 0, ended.stderr
    (container,) = engine.containers({f"{LABEL}job": str(job.root)})
    try:
        by_hand = _sandbox(engine, container.id)
    finally:
        container.remove()
    assert by_hand == of_a_run


def _sandbox(engine: DockerEngine, container_id: str) -> dict[str, object]:
    """What the engine says of a container, as far as it confines it."""
    found = engine.api.inspect_container(container_id)
    host = found["HostConfig"]
    kept = ("Memory", "MemorySwap", "NanoCpus", "PidsLimit", "ShmSize", "ReadonlyRootfs", "CapDrop")
    options = {option.partition(":")[0] for option in host["SecurityOpt"]}
    size = re.search(r"size=(\d+)", host["Tmpfs"]["/tmp"])
    assert size is not None
    return {
        **{name: host[name] for name in (*kept, "NetworkMode", "Init", "Privileged", "CapAdd")},
        "user": found["Config"]["User"],
        "security": options,
        "mounts": sorted((mount["Destination"], mount["RW"]) for mount in found["Mounts"]),
        "tmp": (size[1], sorted(host["Tmpfs"]["/tmp"].split(","))),
        "devices": host["DeviceRequests"] or [],
    }


def test_a_result_by_hand_is_not_taken_for_one(compose: list[str], real_kit: Kit) -> None:
    job = real_kit.job()
    (job / "50_probe").mkdir()
    _by_hand(compose, real_kit, "50_probe", job)
    refused = real_kit.run("51_next", job)
    assert refused.returncode == 4, refused.stdout


SPEC = """\
    summary: Copies its input
    parent: base
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    models: {words: {folder: words, files: [model.txt]}}
"""


def test_a_stage_by_hand_reads_the_model_store_and_cannot_write_it(
    compose: list[str], real_kit: Kit
) -> None:
    real_kit.spec("50_probe", SPEC)
    real_kit.settings(f"models: {real_kit.root}/store\n")
    (real_kit.root / "store/words").mkdir(parents=True)
    (real_kit.root / "store/words/model.txt").write_text("weights")
    job = real_kit.job()
    (job / "50_probe").mkdir()
    looking = "cat /models/words/model.txt; echo mine > /models/words/model.txt || true"
    printed = _by_hand(compose, real_kit, "50_probe", job, "sh", "-c", looking)
    assert "weights" in printed
    assert "Read-only file system" in printed
    assert (real_kit.root / "store/words/model.txt").read_text() == "weights"
