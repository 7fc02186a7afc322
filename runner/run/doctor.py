"""What this machine, its engine and this project's images and models are fit for."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from runner.errors import (
    DiskFullError,
    EngineError,
    GpuUnavailableError,
    ModelMissingError,
    StagerunError,
    UsageError,
)
from runner.gpu.box import GpuBox
from runner.host.engine import Engine, EngineFacts
from runner.host.gpu import Absence, Inventory, withheld
from runner.host.images import Condition, ImageState, image_state
from runner.host.machine import free_bytes
from runner.host.recipes import Recipes
from runner.job.model_store import model_folder
from runner.project.config import resolve_config
from runner.project.models import needed_models
from runner.project.pipeline import Project
from runner.project.quantity import limit_text, size_text
from runner.run.variant import chosen_images

SHOWN: Final = 3
INSTALL: Final = "install NVIDIA's driver, or use a machine with a GPU"
GPU_REMEDIES: Final = {
    Absence.NOT_ANSWERING: "see what dmesg says of NVRM; a reboot may be needed",
    Absence.ERROR: "see what dmesg says of NVRM; a reset or a reboot may be needed",
}


class Health(StrEnum):
    """How a part of the machine stands."""

    OK = "ok"
    ABSENT = "absent"
    MEND = "mend"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One line of the report; ``exit_code`` counts where the health is broken."""

    subject: str
    text: str
    health: Health = Health.OK
    remedy: str | None = None
    exit_code: int = 0


def examine(
    project: Project | None,
    engine: Callable[[], Engine],
    inventory: Callable[[], Inventory],
    box: GpuBox | None = None,
) -> list[Check]:
    """All checks; nothing is changed and nothing raised for a part that does not work.

    Without a project its images and models are left out; ``box`` is how the GPUs are shared, None
    to leave that out too.
    """
    facts: EngineFacts | None = None
    checks = []
    try:
        facts = engine().facts()
        checks.append(_engine(facts))
    except EngineError as problem:
        checks.append(_no_engine(problem))
    found = withheld(inventory(), facts.why_no_gpus if facts else None)
    checks += [_user(facts), _gpu(found, project)]
    if found.gpus and box is not None:
        checks += gpu_sharing(box)
    if facts is not None and project is not None:
        checks.append(_images(project, engine()))
    checks.append(_disk(project, facts))
    if project is not None:
        checks.append(_models(project))
    return checks


def exit_code(checks: Iterable[Check]) -> int:
    """That of the first part that is broken."""
    return next((check.exit_code for check in checks if check.health is Health.BROKEN), 0)


def _no_engine(problem: EngineError) -> Check:
    what, _, remedy = str(problem).partition(". ")
    return Check(
        subject="engine",
        text=what,
        health=Health.BROKEN,
        remedy=remedy or None,
        exit_code=problem.exit_code,
    )


def _engine(facts: EngineFacts) -> Check:
    address = facts.address.removeprefix("unix://")
    parts = [f"{facts.name} {facts.version} at {address}", facts.storage]
    parts.append(f"cgroup v{facts.cgroup_version}")
    if facts.rootless:
        parts.append("rootless")
    if facts.why_no_gpus:
        parts.append("no GPUs")
    if facts.why_no_limits:
        return Check(
            subject="engine",
            text=", ".join([*parts, "no limits"]),
            health=Health.BROKEN,
            remedy=f"{facts.why_no_limits}: boot with v2, or use root's engine",
            exit_code=EngineError.exit_code,
        )
    if not facts.swap_limit:
        return Check(
            subject="engine",
            text=", ".join([*parts, "no swap limit"]),
            health=Health.MEND,
            remedy="memory limits do not count swap: boot with swapaccount=1",
        )
    return Check(subject="engine", text=", ".join(parts))


def _user(facts: EngineFacts | None) -> Check:
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        text = "you are root: stages run as the owner of the job directory, without capabilities"
    elif facts is not None and facts.rootless:
        text = f"stages run as uid 0 of the rootless engine, which is you ({uid}:{gid})"
    else:
        text = f"stages run as {uid}:{gid}"
    if facts is not None:
        return Check(subject="user", text=f"you may use the socket; {text}")
    return Check(subject="user", text=text, health=Health.ABSENT)


def _gpu(found: Inventory, project: Project | None) -> Check:
    if found.gpus:
        listed = [
            f"{gpu.index} {gpu.name}"
            + (f" {limit_text(gpu.memory_total_bytes)}" if gpu.memory_total_bytes else "")
            for gpu in found.gpus
        ]
        faults = [f"GPU {fault.index} does not answer: {fault.detail}" for fault in found.faults]
        health = Health.MEND if faults else Health.OK
        return Check(subject="GPU", text="; ".join([*listed, *faults]), health=health)
    stages = project.stages.values() if project else ()
    required = [stage.id for stage in stages if stage.gpu == "required"]
    reason = found.detail or "the machine offers no GPU"
    if required:
        return Check(
            subject="GPU",
            text=f"{reason}; it is required by {', '.join(required)}",
            health=Health.BROKEN,
            remedy="use Docker, or a newer Podman"
            if found.absence is Absence.ENGINE
            else GPU_REMEDIES.get(found.absence or Absence.NO_DEVICE, INSTALL),
            exit_code=GpuUnavailableError.exit_code,
        )
    return Check(
        subject="GPU",
        text=f"{reason}: stages with gpu: required will not run here",
        health=Health.ABSENT,
    )


def gpu_sharing(box: GpuBox) -> list[Check]:
    """What is wrong with GPUs that answer, or with the ledger that runs share them by."""
    try:
        look = box.look()
        strange = box.ledger.strange()
    except StagerunError as problem:
        what, _, remedy = str(problem).partition(". ")
        return [
            Check(
                subject="GPU ledger",
                text=what,
                health=Health.BROKEN,
                remedy=remedy or None,
                exit_code=problem.exit_code,
            )
        ]
    checks = [
        Check(
            subject="GPU",
            text=f"{uuid} is left out: {why}",
            health=Health.MEND,
            remedy="it is used again by itself when it has answered for a while",
        )
        for uuid, why in look.sick.items()
    ]
    if strange:
        checks.append(
            Check(
                subject="GPU ledger",
                text=f"{len(strange)} files in {box.ledger.folder} are no reservations of this "
                f"machine: {', '.join(path.name for path in strange[:SHOWN])}",
                health=Health.MEND,
                remedy="remove them, or give each machine a folder of its own (gpu: ledger)",
            )
        )
    return checks


def _images(project: Project, engine: Engine) -> Check:
    recipes = Recipes(project)
    try:
        states = [
            (stage.id, image_state(recipes, engine, stage, variant))
            for stage, variant in chosen_images(project)
        ]
    except StagerunError as problem:
        return Check(
            subject="images",
            text=str(problem),
            health=Health.BROKEN,
            exit_code=problem.exit_code,
        )
    bad = [(stage, state) for stage, state in states if state.condition is not Condition.PRESENT]
    there = sum(state.condition is not Condition.MISSING for _, state in states)
    text = f"{there} of {len(states)} present"
    if not bad:
        return Check(subject="images", text=text)
    names = list(dict.fromkeys(stage for stage, _ in bad))
    every = len(names) == len(project.stages)
    return Check(
        subject="images",
        text="; ".join([text, *_stale(bad)]),
        health=Health.MEND,
        remedy="stagerun build" + ("" if every else " " + " ".join(names)),
    )


def _stale(bad: list[tuple[str, ImageState]]) -> list[str]:
    old = {stage: state.reason for stage, state in bad if state.condition is Condition.STALE}
    if len(old) > 1:
        return [f"{', '.join(old)} are older than their code"]
    return [f"{stage} is {reason}" for stage, reason in old.items()]


def _disk(project: Project | None, facts: EngineFacts | None) -> Check:
    here = project.root if project else Path.cwd()
    free = free_bytes(here)
    parts = [f"{here} {size_text(free)} free"]
    least = project.settings.limits.disk_free if project else 0
    root = Path(facts.root_folder) if facts is not None and facts.root_folder else None
    if root is not None:
        try:
            parts.append(f"engine ({root}) {size_text(free_bytes(root))} free")
        except OSError:
            parts.append(f"engine ({root}) not readable")
    if free < least:
        return Check(
            subject="disk",
            text=", ".join(parts),
            health=Health.BROKEN,
            remedy=f"a stage starts only with {size_text(least)} free: stagerun clean JOB",
            exit_code=DiskFullError.exit_code,
        )
    return Check(subject="disk", text=", ".join(parts))


def _models(project: Project) -> Check:
    needed: list[str] = []
    for stage in project.stages.values():
        try:
            for model in needed_models(stage, resolve_config(stage, project)):
                model_folder(project.settings.models, model)
                needed.append(model.name)
        except (ModelMissingError, UsageError) as problem:
            what, _, remedy = str(problem).rpartition(". ")
            return Check(
                subject="models",
                text=what or remedy,
                health=Health.BROKEN,
                remedy=remedy if what else None,
                exit_code=problem.exit_code,
            )
    if not needed:
        return Check(subject="models", text="none needed by the configured engines")
    return Check(subject="models", text=f"{', '.join(dict.fromkeys(needed))} complete")
