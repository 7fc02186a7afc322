"""The Compose file with a real Compose and a real engine."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from runner.compose_file import FILE, compose_text
from runner.host.engine import LABEL
from runner.project.pipeline import load_project
from tests.project_kit import ROOT, Kit

pytestmark = pytest.mark.engine


@pytest.fixture(scope="session")
def compose() -> list[str]:
    """The command of the Compose that is installed, 1.29 or 2."""
    for command in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(command[0]) and _run([*command, "version"]).returncode == 0:
            return command
    pytest.skip("needs docker-compose 1.29 or docker compose 2")


def _run(command: list[str], **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _caller(job: Path) -> dict[str, str]:
    return {"JOB": str(job), "UID": str(os.getuid()), "GID": str(os.getgid())}


def _by_hand(compose: list[str], kit: Kit, stage: str, job: Path, *program: str) -> str:
    """What the stage prints, or the program that takes its place."""
    file = kit.root / FILE
    file.parent.mkdir(exist_ok=True)
    file.write_text(compose_text(load_project(kit.root)))
    options = ["--rm", "-T", "--label", f"{LABEL}job={job}"]
    if program:
        options += ["--entrypoint", program[0]]
    words = ["--file", str(file), "run", *options, stage, *program[1:]]
    ended = _run([*compose, *words], **_caller(job))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def test_compose_understands_the_file_of_this_project(compose: list[str], tmp_path: Path) -> None:
    words = ["--file", str(ROOT / FILE), "--profile", "by-hand", "config"]
    ended = _run([*compose, *words], **_caller(tmp_path))
    assert ended.returncode == 0, ended.stderr
    assert "stagerun/06_asr:main" in ended.stdout
    assert "stagerun/06_asr:cuda" in ended.stdout


def test_compose_says_which_variable_is_missing(compose: list[str]) -> None:
    words = ["--file", str(ROOT / FILE), "--profile", "by-hand", "config"]
    ended = _run([*compose, *words], UID="1", GID="1", JOB="")
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
