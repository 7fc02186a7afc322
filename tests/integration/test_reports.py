"""The report verbs on real runs: a log that grows, a runner that is killed, images that are old."""

import contextlib
import io
import json
import os
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.host.recipe import KIND, NAME
from tests.project_kit import STAGERUN, Kit
from tests.second_engine import SecondEngine, second_engine, why_no_second_engine

pytestmark = pytest.mark.engine

PROBE = "50_probe"
SLOW = """\
    import time
    from pathlib import Path
    from shared.stage_utils import StageIO

    io = StageIO("50_probe", Path("/job"), enable_manifest=True)
    logger = io.get_stage_logger()
    io.output("copy").write_text("slow")
    logger.info("first line")
    while not (Path("/job/input") / "go").exists():
        time.sleep(0.05)
    logger.info("last line")
    io.finalize(status="success")
"""
NO_SECOND_ENGINE = why_no_second_engine()


@contextlib.contextmanager
def started(kit: Kit, *words: str | Path) -> Iterator["subprocess.Popen[str]"]:
    """The command line in the background; it is killed at the end if need be."""
    process = subprocess.Popen(
        [str(STAGERUN), *map(str, words)],
        cwd=kit.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(there: Callable[[], bool], seconds: float = 30) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.05)


def says(path: Path, text: str) -> bool:
    return path.is_file() and text in path.read_text()


@pytest.fixture
def slow(real_kit: Kit) -> tuple[Kit, Path]:
    """A stage that goes on until ``input/go`` is there, and its job."""
    real_kit.code(PROBE, SLOW)
    return real_kit, real_kit.job()


@pytest.mark.images
def test_a_log_is_followed_until_its_run_has_ended(slow: tuple[Kit, Path]) -> None:
    kit, job = slow
    with started(kit, PROBE, job, "--dev") as run:
        wait_until(lambda: says(job / PROBE / "stage.log", "first line"))
        document = json.loads(kit.run("status", job, "--json").stdout)
        assert document["stages"][0]["state"] == "running"
        with started(kit, "logs", "-f", PROBE, job) as logs:
            assert logs.stdout is not None
            assert "first line" in logs.stdout.readline()
            (job / "input" / "go").touch()
            rest, _ = logs.communicate(timeout=30)
        assert "last line" in rest
        assert logs.returncode == 0
        assert run.wait(30) == 0


@pytest.mark.images
def test_a_killed_runner_is_told_until_the_next_run_closes_its_run(slow: tuple[Kit, Path]) -> None:
    kit, job = slow
    with started(kit, PROBE, job, "--dev") as run:
        wait_until(lambda: says(job / PROBE / "stage.log", "first line"))
        run.send_signal(signal.SIGKILL)
        run.wait(30)
    lost = kit.run("status", job)
    assert lost.returncode == 10
    assert "runner lost" in lost.stdout
    assert "its runner died" in kit.run("why", PROBE, job).stdout
    (job / "input" / "go").touch()
    assert kit.run(PROBE, job, "--dev").returncode == 0
    assert kit.run("status", job).returncode == 0


@pytest.mark.images
def test_reports_in_a_pipe_hold_no_escape_codes(real_kit: Kit) -> None:
    job = real_kit.job()
    assert real_kit.run("run", job).returncode == 0
    for words in (("status",), ("why", PROBE), ("validate",), ("clean",), ("config", PROBE)):
        ended = real_kit.run(words[0], *words[1:], job)
        assert ended.returncode == 0, ended.stderr
        assert "\x1b" not in ended.stdout
    assert "\x1b" not in real_kit.run("doctor").stdout


@pytest.mark.docker
@pytest.mark.root
@pytest.mark.skipif(NO_SECOND_ENGINE is not None, reason=str(NO_SECOND_ENGINE))
def test_replaced_images_are_shown_and_go_on_request(kit: Kit) -> None:
    with second_engine() as engine:
        before = replace_image(engine)
        shown = kit.run("clean", DOCKER_HOST=engine.address)
        assert "image 50_probe" in shown.stdout
        assert engine.client.images.get(before).id == before
        gone = kit.run("clean", "--yes", "--json", DOCKER_HOST=engine.address)
        assert [image["digest"] for image in json.loads(gone.stdout)["images"]] == [before]
        assert "nothing to clean" in kit.run("clean", DOCKER_HOST=engine.address).stdout


def replace_image(engine: SecondEngine) -> str:
    """Two images of ours of the same name; returns the first, which has lost it."""
    layer = io.BytesIO()
    tarfile.open(fileobj=layer, mode="w").close()
    digests = []
    for version in ("1", "2"):
        engine.client.api.import_image_from_data(
            layer.getvalue(),
            repository="stagerun/50_probe",
            tag="main",
            changes=[f"LABEL {KIND}=stage {NAME}=50_probe version={version}"],
        )
        digests.append(str(engine.client.images.get("stagerun/50_probe:main").id))
    return digests[0]
