"""The demo's stages by hand, with Compose: the same bytes as under the runner."""

import json
import shutil
from pathlib import Path

import pytest

from runner.host.engine import LABEL
from runner.run.compose_file import FILE
from tests.by_hand import call, caller, compose_command
from tests.e2e.conftest import Demo
from tests.e2e.hand_offs import PROJECT
from tests.project_kit import ROOT

pytestmark = [pytest.mark.engine, pytest.mark.images]


@pytest.fixture
def by_hand(demo: Demo, tmp_path: Path) -> Path:
    """A job with the demo's input, in which the runner has done nothing."""
    job = tmp_path / demo.job.name
    shutil.copytree(demo.job / "input", job / "input")
    shutil.copy(demo.job / "job.yaml", job)
    return job


def test_every_output_of_every_stage_is_the_same_byte_for_byte(demo: Demo, by_hand: Path) -> None:
    compose = compose_command()
    entries = json.loads((demo.job / "manifest.json").read_text())["stages"]
    for stage in PROJECT.stage_ids:
        (by_hand / stage).mkdir()
        words = ["--file", str(ROOT / FILE), "run", "--rm", "-T"]
        words += ["--label", f"{LABEL}job={by_hand}", stage]
        settings = {"TARGET_LANGUAGES": "es", **caller(by_hand)}
        ended = call([*compose, *words], settings, timeout=300)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        paths = [output["path"] for output in entries[stage]["outputs"]]
        assert paths
        for path in paths:
            assert (by_hand / path).read_bytes() == (demo.job / path).read_bytes(), path
