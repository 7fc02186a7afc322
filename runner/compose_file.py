"""Writes ``compose/compose.yaml``: the stages under the runner's contract, for work by hand.

Run it after a change to a stage.yaml: ``python -m runner.compose_file``. The file holds for Compose
1.29 and Compose 2.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from runner.host.recipes import image_name
from runner.project.config import NO_JOB, resolve_config, resolve_limits
from runner.project.models import needed_models
from runner.project.pipeline import Project, find_project, load_project
from runner.project.stage import Resources, StageSpec
from runner.run.request import CONTAINER_MODELS
from runner.run.variant import GPU_VARIANT, allowed_variants

FILE: Final = Path("compose/compose.yaml")
HEADER: Final = """\
# The stages by hand, without the runner. Written by: python -m runner.compose_file
# How to use it: docs/compose.md
"""
JOB: Final = "${JOB:?must be the absolute path of a job directory}"
USER: Final = "${UID:?must be the number of a user}:${GID:?must be the number of a group}"
# What the stage library takes for a variant that nobody names, and where it finds the name.
MAIN_VARIANT: Final = "main"
VARIANT_VARIABLE: Final = "STAGERUN_VARIANT"
MEBIBYTE: Final = 1 << 20


def compose_text(project: Project) -> str:
    """The whole compose file of a project."""
    document: dict[str, Any] = {"services": dict(_services(project))}
    secrets = sorted({secret for stage in project.stages.values() for secret in stage.secrets})
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


def main() -> int:
    """Write the file into the project that the caller stands in."""
    root = find_project(Path.cwd())
    path = root / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(compose_text(load_project(root)), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
