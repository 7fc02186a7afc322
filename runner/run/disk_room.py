"""Is there room on the disks for what a run is expected to write?"""

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runner.errors import DiskFullError
from runner.host.engine import Engine
from runner.host.machine import boot_id, free_bytes
from runner.job.folder import Job
from runner.project.quantity import size_text
from runner.run.request import Request
from runner.run.runtime_folder import runtime_folder


def check_disks(
    request: Request, job: Job, entry: Mapping[str, Any] | None, engine: Engine
) -> None:
    """Look at the job's file system and at that of the engine's images and containers.

    ``entry`` is what the job manifest has of the stage.

    Raises DiskFullError, with the numbers.
    """
    spare = request.project.settings.limits.disk_free
    written, why = expected_bytes(request, entry)
    free = free_bytes(job.root)
    if free < spare + written:
        what = f"{size_text(spare)} (stagerun.yaml: limits.disk_free)"
        if written:
            what += f" beside the {size_text(written)} that it may write ({why})"
        msg = (
            f"{job.root} has {size_text(free)} free, and {request.stage.id} starts only with "
            f"{what}. Free some: stagerun clean {job.root} shows what would go."
        )
        raise DiskFullError(msg)
    store = image_store(engine)
    free_there = _free_in_store(store)
    if free_there is not None and free_there < spare:
        msg = (
            f"{store}, where the engine keeps images and containers, has {size_text(free_there)} "
            f"free, and a stage starts only with {size_text(spare)} (stagerun.yaml: "
            "limits.disk_free). Free some: stagerun clean --images shows what would go."
        )
        raise DiskFullError(msg)


def expected_bytes(request: Request, entry: Mapping[str, Any] | None) -> tuple[int, str]:
    """What a run may write to the job's folder, and who says so.

    As declared (``resources.disk``), or else as much as its last good result.
    """
    declared = request.limits.values.disk
    if declared is not None:
        return declared, request.limits.sources["disk"]
    outputs = entry["outputs"] if entry else ()
    return sum(item["size_bytes"] for item in outputs), "as its last result"


def image_store(engine: Engine) -> Path | None:
    """Where the engine keeps images and containers; None where it does not say.

    The engine is asked once after each boot: the answer takes it longer than all else before a
    start.
    """
    name = hashlib.sha256(f"{boot_id()} {engine.address}".encode()).hexdigest()[:16]
    noted = runtime_folder("image-stores") / name
    with contextlib.suppress(OSError):
        # Empty while another runner is about to write it, or where that one died.
        if text := noted.read_text(encoding="utf-8"):
            return Path(text)
    text = engine.facts().root_folder
    with contextlib.suppress(OSError):
        noted.write_text(text, encoding="utf-8")
    return Path(text) if text else None


def _free_in_store(store: Path | None) -> int | None:
    with contextlib.suppress(OSError):
        return None if store is None else free_bytes(store)
    return None
