"""The stages under the runner's contract as Compose files, for work by hand.

``compose.yaml`` has what needs no GPU, ``compose.gpu.yaml`` what gets one; each stands alone. Both
hold for Compose 1.29 and Compose 2.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from runner.host.recipe import image_name
from runner.project.config import NO_JOB, resolve_config, resolve_limits
from runner.project.models import needed_models
from runner.project.pipeline import Project
from runner.project.stage import Resources, StageSpec
from runner.run.request import CONTAINER_MODELS
from runner.run.variant import GPU_VARIANT, allowed_variants

FILE: Final = Path("compose/compose.yaml")
GPU_FILE: Final = Path("compose/compose.gpu.yaml")
HEADER: Final = """\
# The stages by hand, without the runner; how to use them is in docs/compose.md of stagerun.
# Written by: stagerun compose
"""
JOB: Final = "${JOB:?must be the absolute path of a job directory}"
USER: Final = "${UID:?must be the number of a user}:${GID:?must be the number of a group}"
# What the stage library takes for a variant that nobody names, and where it finds the name.
MAIN_VARIANT: Final = "main"
VARIANT_VARIABLE: Final = "STAGERUN_VARIANT"
MEBIBYTE: Final = 1 << 20


def compose_files(project: Project) -> dict[Path, str | None]:
    """The Compose files of a project by their paths in it; None for one that is not to be there."""
    return {FILE: compose_text(project), GPU_FILE: compose_text(project, gpu=True)}


def compose_text(project: Project, *, gpu: bool = False) -> str | None:
    """The file of the services that get no GPU, or of those that get one; None without any."""
    services = {
        name: service for name, service in _services(project) if ("deploy" in service) is gpu
    }
    if not services:
        return None
    document: dict[str, Any] = {"services": services}
    secrets = sorted({one for service in services.values() for one in service.get("secrets", ())})
    if secrets:
        # An empty file is a secret that nobody gave.
        document["secrets"] = {
            name: {"file": f"${{{_variable(name)}:-/dev/null}}"} for name in secrets
        }
    return HEADER + yaml.safe_dump(document, sort_keys=False, width=100)


def _services(project: Project) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each stage under its own name as the settings choose it, and its other variants beside it."""
    for stage in project.stages.values():
        chosen = allowed_variants(stage, resolve_config(stage, project, environment={}))[0]
        yield stage.id, _service(stage, chosen, project)
        for variant in stage.parents:
            if variant != chosen:
                yield f"{stage.id}-{variant}", _service(stage, variant, project)


def _variable(secret: str) -> str:
    """The environment variable that names a secret's file."""
    return "SECRET_" + "".join(sign if sign.isalnum() else "_" for sign in secret.upper())


def _service(stage: StageSpec, variant: str, project: Project) -> dict[str, Any]:
    limits = resolve_limits(stage, project, NO_JOB, Resources(), variant).values
    defaults = project.settings.limits
    memory = _size(limits.memory or defaults.memory)
    tmp = limits.tmp or defaults.tmp
    return {
        "image": image_name(stage.id, variant),
        # Only what is named on the command line runs: "up" would start all stages at once.
        "profiles": ["by-hand"],
        "user": USER,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "network_mode": project.settings.network.name if stage.network else "none",
        "init": True,
        "mem_limit": memory,
        "memswap_limit": memory,
        "cpus": float(limits.cpus or defaults.cpus),
        "pids_limit": limits.pids or defaults.pids,
        "shm_size": _size(limits.shm or defaults.shm),
        "stop_grace_period": f"{defaults.stop_grace:g}s",
        "tmpfs": [f"/tmp:rw,nosuid,nodev,exec,size={tmp},mode=1777"],
        "volumes": list(_mounts(stage, variant, project)),
        "environment": list(_environment(stage, variant, project)),
        **({"secrets": list(stage.secrets)} if stage.secrets else {}),
        **({"deploy": _gpu()} if variant == GPU_VARIANT or stage.gpu == "required" else {}),
    }


def _gpu() -> dict[str, Any]:
    device = {"capabilities": ["gpu"], "device_ids": ["${GPU:-0}"]}
    return {"resources": {"reservations": {"devices": [device]}}}


def _conditions(stage: StageSpec, variant: str, project: Project) -> dict[str, str]:
    """The settings for which a variant is made: the project's, where they are among them."""
    config = resolve_config(stage, project, environment={})
    found = {}
    for key, wanted in stage.parents[variant].when.items():
        value = config[key].value
        found[key] = value if value in wanted else wanted[0]
    return found


def _mounts(stage: StageSpec, variant: str, project: Project) -> Iterator[dict[str, Any]]:
    yield {"type": "bind", "source": JOB, "target": "/job", "read_only": True}
    yield {"type": "bind", "source": f"{JOB}/{stage.id}", "target": f"/job/{stage.id}"}
    conditions = _conditions(stage, variant, project)
    if needed_models(stage, resolve_config(stage, project, overrides=conditions, environment={})):
        source = f"${{STAGERUN_MODELS:-{project.settings.models or CONTAINER_MODELS}}}"
        yield {"type": "bind", "source": source, "target": CONTAINER_MODELS, "read_only": True}


def _environment(stage: StageSpec, variant: str, project: Project) -> Iterator[str]:
    conditions = _conditions(stage, variant, project)
    for key in stage.config.values():
        # A name without a value is taken from the caller's environment, if it is set there.
        is_default = conditions.get(key.name, key.default) == key.default
        yield key.name if is_default else f"{key.name}={conditions[key.name]}"
    if variant != MAIN_VARIANT:
        yield f"{VARIANT_VARIABLE}={variant}"


def _size(size: int) -> str:
    return f"{size // MEBIBYTE}m" if size % MEBIBYTE == 0 else f"{size}b"
