"""Engines that are not there, are elsewhere or refuse; images that are missing or old."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.calls import call, program
from tests.project_kit import STAGERUN, Kit, make_kit


@pytest.fixture
def plain_job(kit: Kit) -> Path:
    """A job with a result that no run is on record for, to see that it stays."""
    folder = kit.job()
    (folder / "50_probe").mkdir()
    (folder / "50_probe/copy.txt").write_text("by hand\n")
    return folder


def test_without_an_engine_nothing_is_changed(kit: Kit, plain_job: Path) -> None:
    outcome = call(kit, plain_job, DOCKER_HOST=f"unix://{kit.root}/nothing.sock")

    assert outcome.code == 5, outcome.text
    assert "no container engine answers at nothing.sock" in outcome.text
    assert "DOCKER_HOST" in outcome.text
    assert (plain_job / "50_probe/copy.txt").read_text() == "by hand\n"


def test_a_socket_that_nobody_serves_is_no_engine(kit: Kit, plain_job: Path) -> None:
    path = kit.root / "dead.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))

    outcome = call(kit, plain_job, DOCKER_HOST=f"unix://{path}")

    assert outcome.code == 5, outcome.text
    assert "no container engine answers at dead.sock" in outcome.text


@pytest.mark.parametrize(
    "address", ["tcp://192.0.2.1:2375", "ssh://somebody@192.0.2.1", "nonsense", "http://x"]
)
def test_an_engine_on_another_machine_is_refused(kit: Kit, plain_job: Path, address: str) -> None:
    outcome = call(kit, plain_job, DOCKER_HOST=address)

    assert outcome.code == 5, outcome.text
    assert f"DOCKER_HOST is {address}" in outcome.text
    assert "on this machine" in outcome.text
    assert (plain_job / "50_probe/copy.txt").read_text() == "by hand\n"


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_socket_that_the_user_may_not_use_is_told_with_advice(open_folder: Path) -> None:
    kit = make_kit(open_folder / "project")
    job = kit.job()
    shutil.chown(job, 12345, 12345)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(open_folder / "engine.sock"))
        server.listen()
        (open_folder / "engine.sock").chmod(0o600)
        finished = subprocess.run(
            ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups",
             sys.executable, STAGERUN, "50_probe", job, "--dev"],
            capture_output=True, text=True, timeout=60, check=False, cwd=kit.root,
            env={"PATH": os.environ["PATH"], "HOME": "/nonexistent",
                 "DOCKER_HOST": f"unix://{open_folder}/engine.sock"},
        )  # fmt: skip

    text = finished.stdout + finished.stderr
    assert finished.returncode == 5, text
    assert "you may not use the engine's socket" in text
    assert "Join its group" in text


@pytest.mark.engine
def test_an_image_that_is_not_built_is_told_and_nothing_changed(real_kit: Kit, job: Path) -> None:
    (real_kit.root / "stages/50_probe").rename(real_kit.root / "stages/49_unbuilt")
    (job / "49_unbuilt").mkdir()
    (job / "49_unbuilt/copy.txt").write_text("by hand\n")
    for stage in ("51_next", "52_last"):
        shutil.rmtree(real_kit.root / "stages" / stage)

    outcome = call(real_kit, job, stage="49_unbuilt")

    assert outcome.code == 5, outcome.text
    assert "stagerun/49_unbuilt" in outcome.text
    assert "stagerun build 49_unbuilt" in outcome.text
    assert "--build" in outcome.text
    assert (job / "49_unbuilt/copy.txt").read_text() == "by hand\n"


@pytest.mark.engine
def test_an_image_older_than_its_code_runs_as_it_was_built_with_a_warning(real_kit: Kit) -> None:
    real_kit.code("50_probe", program("sys.exit('the new code ran')"))
    job = real_kit.job()

    finished = real_kit.run("50_probe", job)

    text = finished.stdout + finished.stderr
    assert finished.returncode == 0, text
    assert "older than stages/50_probe/stage.py" in " ".join(text.split())
    assert "--build" in text
    assert (job / "50_probe/copy.txt").read_text() == "hello\n"
    assert "older than" in (job / "50_probe/manifest.json").read_text()
    assert "older than" in (job / "manifest.json").read_text()
