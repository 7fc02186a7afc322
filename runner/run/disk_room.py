"""Is there room on the disks for what a run is expected to write?"""

import contextlib
import hashlib
from pathlib import Path

from runner.errors import DiskFullError
from runner.host.engine import Engine
from runner.host.machine import free_bytes
from runner.job.folder import Job
from runner.job.job_manifest import read_entries
from runner.project.quantity import size_text
from runner.run.request import Request
from runner.run.runtime_folder import runtime_folder


def check_disks(request: Request, job: Job, engine: Engine) -> None:
    """Look at the job's file system and at that of the engine's images and containers.

    Raises DiskFullError, with the numbers.
    """
    spare = request.project.settings.limits.disk_free
    written, why = expected_bytes(request, job)
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
            "limits.disk_free). "
            "Free some: stagerun clean --images shows what would go."
        )
        raise DiskFullError(msg)


def expected_bytes(request: Request, job: Job) -> tuple[int, str]:
    """What a run may write to the job's folder, and who says so.

    As declared (``resources.disk``), or else as much as its last good result.
    """
    declared = request.limits.values.disk
    if declared is not None:
        return declared, request.limits.sources["disk"]
    entry = read_entries(job).get(request.stage.id) or {}
    return sum(item["size_bytes"] for item in entry.get("outputs", ())), "as its last result"


def image_store(engine: Engine) -> Path | None:
    """Where the engine keeps images and containers; None where it does not say.

    The engine is asked once after each boot: the answer takes it longer than all else before a
    start.
    """
    name = hashlib.sha256(engine.address.encode()).hexdigest()[:16]
    noted = runtime_folder("image-stores") / name
    try:
        text = noted.read_text(encoding="utf-8")
    except OSError:
        text = engine.facts().root_folder
        with contextlib.suppress(OSError):
            noted.write_text(text, encoding="utf-8")
    return Path(text) if text else None


def _free_in_store(store: Path | None) -> int | None:
    with contextlib.suppress(OSError):
        return None if store is None else free_bytes(store)
    return None
