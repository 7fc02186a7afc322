"""Writes ``compose/compose.yaml``: the stages under the runner's contract, for work by hand.

Run it after a change to a stage.yaml: ``python -m runner.compose_file``. The file holds for Compose
1.29 and Compose 2.
"""

import sys
from pathlib import Path
from typing import Any, Final

import yaml

from runner.host.recipes import image_name
from runner.project.config import NO_JOB, resolve_config, resolve_limits
from runner.project.pipeline import Project, find_project, load_project
from runner.project.stage import Resources, StageSpec
from runner.run.variant import allowed_variants

FILE: Final = Path("compose/compose.yaml")
HEADER: Final = """\
# The stages by hand, without the runner. Written by: python -m runner.compose_file
# How to use it: docs/compose.md
"""
JOB: Final = "${JOB:?must be the absolute path of a job directory}"
USER: Final = "${UID:?must be the number of a user}:${GID:?must be the number of a group}"
MEBIBYTE: Final = 1 << 20


def compose_text(project: Project) -> str:
    """The whole compose file of a project."""
    stages = project.stages.values()
    document: dict[str, Any] = {"services": {it.id: _service(it, project) for it in stages}}
    secrets = sorted({secret for stage in stages for secret in stage.secrets})
    if secrets:
        # An empty file is a secret that nobody gave.
        document["secrets"] = {
            name: {"file": f"${{{_variable(name)}:-/dev/null}}"} for name in secrets
        }
    return HEADER + yaml.safe_dump(document, sort_keys=False, width=100)


def _variable(secret: str) -> str:
    """The environment variable that names a secret's file."""
    return "SECRET_" + "".join(sign if sign.isalnum() else "_" for sign in secret.upper())


def _service(stage: StageSpec, project: Project) -> dict[str, Any]:
    variant = allowed_variants(stage, resolve_config(stage, project, environment={}))[0]
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
        "volumes": [
            {"type": "bind", "source": JOB, "target": "/job", "read_only": True},
            {"type": "bind", "source": f"{JOB}/{stage.id}", "target": f"/job/{stage.id}"},
        ],
        # A name without a value is taken from the caller's environment, if it is set there.
        "environment": list(stage.config),
        **({"secrets": list(stage.secrets)} if stage.secrets else {}),
    }


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
