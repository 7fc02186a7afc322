"""Compose, 1.29 or 2, whichever is installed."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest


def compose_command() -> list[str]:
    """How Compose is called; the test is skipped where there is none."""
    for command in (["docker-compose"], ["docker", "compose"]):
        if shutil.which(command[0]) and call([*command, "version"]).returncode == 0:
            return command
    pytest.skip("NO COMPOSE: needs docker-compose 1.29 or docker compose 2")


def call(
    command: list[str], variables: Mapping[str, str] | None = None, *, timeout: float = 120
) -> "subprocess.CompletedProcess[str]":
    """Run a command with these environment variables."""
    return subprocess.run(
        command,
        env={**os.environ, **(variables or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def caller(job: Path) -> dict[str, str]:
    """What every service asks the environment for."""
    return {"JOB": str(job), "UID": str(os.getuid()), "GID": str(os.getgid())}
