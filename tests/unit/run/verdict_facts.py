"""Facts of a run and its manifest, to be judged."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.errors import Verdict
from runner.project.stage import Parent, Resources, StageSpec
from runner.run.contract import Found
from runner.run.facts import Facts
from runner.run.findings import Problem
from runner.run.judgement import Circumstances
from runner.run.verdict import judge
from runner.stage_document import StageManifest

NOW = datetime(2026, 11, 21, tzinfo=UTC)
STAGE = StageSpec(
    id="06_asr",
    folder=Path("stages/06_asr"),
    summary="",
    parents={"main": Parent(image="base")},
    gpu="none",
    inputs=(),
    outputs=(),
    config={},
    models=(),
    resources=Resources(),
    network=False,
    secrets=(),
)
AROUND = Circumstances(
    stage=STAGE,
    limits=Resources(memory=1 << 30, tmp=64 << 20, timeout=90),
    disk_free_bytes=1 << 40,
)
DONE = Facts(started_at=NOW, ended_at=NOW, duration_seconds=1, exit_code=0)


def manifest(status: str = "success", **parts: Any) -> StageManifest:
    document = {
        "stage": "asr",
        "stage_number": 6,
        "status": status,
        "inputs": [],
        "outputs": [],
        **parts,
    }
    return StageManifest.model_validate_json(json.dumps(document))


def found(status: str | None = "success", *problems: Problem, **parts: Any) -> Found:
    return Found(
        manifest=None if status is None else manifest(status, **parts),
        manifest_problem="there is no manifest.json" if status is None else None,
        outputs=(),
        problems=problems,
    )


def verdict(facts: Facts, found: Found, around: Circumstances = AROUND) -> Verdict:
    return judge(facts, found, around).verdict


GPU = replace(AROUND, gpus=("GPU-1",))
