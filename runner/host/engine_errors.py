"""The border to the docker SDK: its errors become ours, with advice."""

import contextlib
from collections.abc import Iterator
from typing import Final

from runner.errors import (
    DiskFullError,
    EngineError,
    EngineUnavailableError,
    GpuUnavailableError,
    ImageMissingError,
    StagerunError,
)

REFUSALS: Final[tuple[tuple[str, type[StagerunError], str], ...]] = (
    (
        "could not select device driver",
        GpuUnavailableError,
        "the engine cannot hand a GPU to a container: {}. Install the NVIDIA container toolkit and "
        "restart the engine; stagerun doctor shows what is there.",
    ),
    (
        "nvidia-container",
        GpuUnavailableError,
        "the engine could not hand the GPU to the container: {}. stagerun doctor shows which GPUs "
        "answer.",
    ),
    (
        "cdi device",
        GpuUnavailableError,
        "the engine does not know the GPU: {}. Describe the GPUs to it by UUID: sudo nvidia-ctk "
        "cdi generate --device-name-strategy=uuid --output=/etc/cdi/nvidia.yaml",
    ),
    (
        "requested cgroup controller",
        EngineError,
        "the engine may not keep a limit: {}. Let users limit what they run: Delegate=memory pids "
        "cpu cpuset below [Service] in /etc/systemd/system/user@.service.d/delegate.conf, and log "
        "in again.",
    ),
    (
        "container-init binary not found",
        EngineError,
        "Podman has no init program to start containers with: {}. Install one: sudo apt-get "
        "install catatonit",
    ),
    (
        "no space left on device",
        DiskFullError,
        "the engine has no space left: {}. Free some: stagerun clean shows what would go.",
    ),
)
"""Words of an engine that refuses, in lower case; what they mean, and what to say of them."""


@contextlib.contextmanager
def translated(address: str) -> Iterator[None]:
    """Turn whatever the SDK raises inside into a StagerunError."""
    # The SDK's exceptions are imported only when there is something to translate.
    try:
        yield
    except (StagerunError, GeneratorExit):
        raise
    except Exception as problem:
        raise translate(problem, address) from problem


def translate(problem: Exception, address: str) -> StagerunError:
    """Our error for one of the SDK's."""
    import docker
    import requests
    import urllib3

    if isinstance(problem, docker.errors.ImageNotFound):
        return ImageMissingError(str(problem.explanation or problem))
    if isinstance(problem, docker.errors.NotFound) and "image" in str(problem).lower():
        return ImageMissingError(str(problem.explanation or problem))
    if isinstance(problem, docker.errors.APIError):
        return refusal(str(problem.explanation or problem))
    if isinstance(
        problem,
        docker.errors.DockerException
        | requests.RequestException
        | urllib3.exceptions.HTTPError
        | OSError,
    ):
        return EngineUnavailableError(unavailable(str(problem), address))
    raise problem


def refusal(text: str) -> StagerunError:
    """Our error for the words with which an engine refuses."""
    lower = text.lower()
    for words, kind, sentence in REFUSALS:
        if words in lower:
            return kind(sentence.format(text.strip()))
    return EngineError(f"the engine refused: {text.strip()}.")


def unavailable(text: str, address: str) -> str:
    """What to say and advise when no engine answers."""
    path = address.removeprefix("unix://")
    if "PermissionError" in text or "Permission denied" in text:
        return (
            f"you may not use the engine's socket {path}. Join its group and log in again: "
            "sudo usermod -aG docker $USER"
        )
    if any(word in text for word in ("FileNotFoundError", "No such file", "onnection refused")):
        return (
            f"no container engine answers at {path}. Install and start Docker "
            "(sudo apt-get install docker.io), or name the socket in DOCKER_HOST."
        )
    return f"the container engine at {path} does not answer: {text}. Is it running?"
