"""``request.json``: what the stage library in the container is told of its run."""

from pathlib import PurePosixPath
from typing import Any

from runner.job.folder import Job
from runner.run.request import CONTAINER_MODELS, Request


def request_document(request: Request, job: Job, run_id: str) -> dict[str, Any]:
    """``request.json``: what the stage library in the container needs to know."""
    stage = request.stage
    files: dict[str, list[dict[str, Any]]] = {item.name: [] for item in stage.inputs}
    for file in request.inputs:
        files[file.name].append(
            {"path": file.path, "size_bytes": file.size_bytes, "checksum": file.checksum}
        )
    return {
        "schema_version": 1,
        "run_id": run_id,
        "stage_id": stage.id,
        "variant": request.variant,
        "job": job.name,
        "stages": list(request.project.stage_ids),
        "skipped": list(request.skipped),
        "config": {
            key: {"value": value.value, "source": value.source}
            for key, value in request.config.items()
        },
        "inputs": files,
        "outputs": {
            item.name: {"file": item.file, "type": item.type, "optional": item.optional}
            for item in stage.outputs
        },
        "notices": list(request.notices),
        "secrets": list(request.secrets),
        "models": {
            name: {
                "folder": str(PurePosixPath(CONTAINER_MODELS) / model.name),
                "files": model.files,
            }
            for name, model in request.models.items()
        },
    }
