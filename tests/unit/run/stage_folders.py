"""A stage's folder that keeps its contract, for tests to spoil."""

import json
import os
import socket
from pathlib import Path
from typing import Any

from runner.project.stage import Output, Parent, Resources, StageSpec
from runner.run.contract import Found, check_contract

RUN = "20261121-0914-7f3a"


def output(name: str, file: str, *, optional: bool = False) -> Output:
    return Output(name=name, file=file, type="text", optional=optional)


def spec(*outputs: Output, stage_id: str = "06_asr") -> StageSpec:
    return StageSpec(
        id=stage_id,
        folder=Path("stages") / stage_id,
        summary="",
        parents={"main": Parent(image="base")},
        gpu="none",
        inputs=(),
        outputs=outputs,
        config={},
        models=(),
        resources=Resources(),
        network=False,
        secrets=(),
    )


SPEC = spec(output("segments", "segments.json"), output("extra", "*.srt", optional=True))


class Folder:
    """A stage's folder that keeps its contract until a test spoils it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        self.document: dict[str, Any] = {
            "stage": "asr",
            "stage_number": 6,
            "stage_id": "06_asr",
            "run_id": RUN,
            "status": "success",
            "inputs": [],
            "outputs": [{"type": "text", "path": "06_asr/segments.json", "size_bytes": 2}],
        }
        (root / "segments.json").write_text("{}")

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    def track(self, *paths: str, **parts: Any) -> None:
        self.document["outputs"] += [{"type": "text", "path": path, **parts} for path in paths]

    def check(self, stage: StageSpec = SPEC) -> Found:
        self.manifest.write_text(json.dumps(self.document))
        (self.root / "stage.log").write_text("")
        return check_contract(stage, self.root, RUN)

    def errors(self, stage: StageSpec = SPEC) -> dict[str, str]:
        return {problem.path: problem.text for problem in self.check(stage).errors}


def as_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(os.path.relpath(path))
