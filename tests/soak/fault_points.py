"""The steps of a runner at which it can be stopped or killed: all by which it changes the world.

The runner knows nothing of them. The functions through which it changes files, locks and containers
are replaced by ones that tell of themselves before and after, so that a step that is new in the
runner is a named step here as well. A name is ``before journal intent``, or ``after replace
manifest.json``: paths are relative to the job, and what differs from run to run is left out.
"""

import fcntl
import functools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from runner.host.docker_container import DockerContainer
from runner.host.engine import DockerEngine
from runner.host.podman_container import PodmanContainer
from runner.job.journal import Journal

Reached = Callable[[str], None]
Named = Callable[..., str | None]

BY_PATHS: Final = ("replace", "rename", "link", "unlink", "remove", "mkdir", "rmdir")
BY_DESCRIPTOR: Final = ("fsync", "ftruncate", "posix_fallocate", "write", "pwrite", "fchmod")
OF_CONTAINERS: Final = {"attach", "start", "wait", "signal", "state", "kept_output", "remove"}
SHARED: Final = {
    "slots": "a place to run",
    "memory": "the promises of memory",
    "private": "the secrets",
}
"""What the runners of all jobs have in common, by the folder where it lies."""

VARYING: Final = (
    (re.compile(r"\d{8}-\d{4}-[0-9a-f]{4}"), "RUN"),
    (re.compile(r"99_pipeline_\w+\.log"), "PIPELINE.log"),
    (re.compile(r"\.removed\.\w{8}.*"), ".removed"),
    (re.compile(r"(\.\w+\.json)\.\w{8}$"), r"\1"),
)


def install(job: Path, reached: Reached) -> None:
    """From now on tell of every step of this process that concerns this job."""
    for name in BY_PATHS:
        _wrap(os, name, functools.partial(_of_paths, job, name), reached)
    for name in BY_DESCRIPTOR:
        _wrap(os, name, functools.partial(_of_descriptor, job, name), reached)
    _wrap(fcntl, "flock", functools.partial(_of_lock, job), reached)
    _wrap(Journal, "write", lambda _, step, **__: f"journal {step}", reached)
    for kind in (DockerContainer, PodmanContainer):
        for name in vars(kind).keys() & OF_CONTAINERS:
            _wrap(kind, name, functools.partial(_constant, f"container {name}"), reached)
    _wrap_creation(reached)


def _wrap(owner: Any, name: str, named: Named, reached: Reached) -> None:
    function = getattr(owner, name)

    @functools.wraps(function)
    def wrapper(*words: Any, **more: Any) -> Any:
        step = named(*words, **more)
        if step is None:
            return function(*words, **more)
        reached(f"before {step}")
        result = function(*words, **more)
        reached(f"after {step}")
        return result

    _replace(owner, name, wrapper)


def _wrap_creation(reached: Reached) -> None:
    """Containers are created by the SDK's client, which is there only when it is needed."""
    named = functools.partial(_constant, "container create")
    find = vars(DockerEngine)["api"].fget

    def api(engine: DockerEngine) -> Any:
        client = find(engine)
        if "create_container" not in vars(client):
            _wrap(client, "create_container", named, reached)
        return client

    _replace(DockerEngine, "api", property(api))


def _replace(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)


def _constant(step: str, *_: Any, **__: Any) -> str:
    return step


def _of_paths(job: Path, verb: str, *words: Any, **_: Any) -> str | None:
    paths = words[:2] if verb in {"replace", "rename", "link"} else words[:1]
    names = [name for path in paths if (name := place_name(job, os.fspath(path)))]
    # A file that is replaced by its successor and the successor have one name.
    return f"{verb} {' as '.join(dict.fromkeys(names))}" if names else None


def _of_descriptor(job: Path, verb: str, descriptor: int, *_: Any) -> str | None:
    name = _open_file(job, descriptor)
    return name and f"{verb} {name}"


def _of_lock(job: Path, descriptor: int, operation: int) -> str | None:
    name = _open_file(job, descriptor)
    return name and f"{'release' if operation & fcntl.LOCK_UN else 'lock'} {name}"


def _open_file(job: Path, descriptor: int) -> str | None:
    try:
        return place_name(job, str(Path(f"/proc/self/fd/{descriptor}").readlink()))
    except OSError:
        return None


def place_name(job: Path, path: str) -> str | None:
    """What a path is called in the name of a step; None for one that is none of the job's."""
    if path == str(job):
        return "the job"
    for folder, shared in SHARED.items():
        if f"/{folder}/" in path and not path.startswith(f"{job}/"):
            return shared
    if not path.startswith(f"{job}/"):
        return None
    name = path.removeprefix(f"{job}/").removesuffix(" (deleted)")
    for pattern, text in VARYING:
        name = pattern.sub(text, name)
    folder, slash, file = name.rpartition("/")
    # A file in the making has the name of what it becomes.
    return folder + slash + (file.removeprefix(".") if file.endswith(".json") else file)
