"""Stage 08 with an Apertium that loses texts, dies or hangs."""

from __future__ import annotations

from pathlib import Path

import docker
import pytest
from docker.types import Mount

from tests.stages.containers import ROOT, Ended, Stages
from tests.stages.translation_jobs import new_translation_job, segments_of

pytestmark = [pytest.mark.images, pytest.mark.engine]

FAKE = """#!/bin/bash
[ "$1" != -l ] || exec echo eng-spa
text=$(cat)
case $text in
*crash*) echo 'out of luck' >&2; exit 3 ;;
*merge*$'\\n\\n'*) echo "one text" ;;
*) printf '%s\\n' "${text^^}" ;;
esac
"""


def with_fake_apertium(stages: Stages, job: Path) -> Ended:
    (job / "input").mkdir()
    (job / "input" / "apertium").write_text(FAKE)
    (job / "input" / "apertium").chmod(0o755)
    path = "/job/input:/usr/bin:/bin"
    return stages.run("08_translation", job, TARGET_LANGUAGES="es", PATH=path)


def test_texts_that_a_batch_loses_or_dies_of_are_tried_alone(
    stages: Stages, tmp_path: Path
) -> None:
    job = new_translation_job(tmp_path, ["a house", "a merge", "a crash", "a river"])
    segments = segments_of(with_fake_apertium(stages, job), "es")
    assert [segment["text"] for segment in segments] == ["A HOUSE", "A MERGE", "", "A RIVER"]
    assert segments[2]["untranslated"] == "Apertium ended with exit code 3: out of luck"


def test_an_apertium_that_never_works_fails_the_stage(stages: Stages, tmp_path: Path) -> None:
    ended = with_fake_apertium(stages, new_translation_job(tmp_path, ["crash"] * 3))
    assert ended.exit_code == 1
    assert ended.manifest["errors"][0]["exception_type"] == "EngineError"
    assert "out of luck" in ended.errors


HANGING = """
import os, time, apertium_engine as engine
from translation_engine import AttemptError
engine._SECONDS_TO_START = 0.5

def programs():
    return sum(name.isdigit() for name in os.listdir("/proc"))

before = programs()
try:
    engine._run(["bash", "-c", "sleep 600 | cat"], ["a house"])
except AttemptError as error:
    print(error)
# A killed process is there until the container's init has taken its exit code.
deadline = time.monotonic() + 10
while programs() > before and time.monotonic() < deadline:
    time.sleep(0.05)
print(programs() - before, "programs left")
"""


def test_an_apertium_that_hangs_is_killed_with_all_its_programs(stages: Stages) -> None:
    assert stages is not None  # asked for because it skips where there are no images
    client = docker.from_env()
    output = client.containers.run(
        "stagerun/parent-mt:current",
        ["python3", "-c", HANGING],
        mounts=[
            Mount("/app/shared", str(ROOT / "shared"), type="bind", read_only=True),
            Mount("/app/stage", str(ROOT / "stages/08_translation"), type="bind", read_only=True),
        ],
        environment={"PYTHONPATH": "/app:/app/stage", "PYTHONDONTWRITEBYTECODE": "1"},
        network_mode="none",
        init=True,
        remove=True,
    )
    client.close()
    assert output.decode().splitlines() == [
        "Apertium did not come to an end in 1 s",
        "0 programs left",
    ]
