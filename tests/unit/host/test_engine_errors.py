"""What the engines say when they refuse, told with advice."""

import pytest
from docker.errors import APIError, ImageNotFound

from runner.errors import (
    DiskFullError,
    EngineError,
    GpuUnavailableError,
    ImageMissingError,
    StagerunError,
)
from runner.host.engine_errors import translate, unavailable

REFUSALS = [
    (
        'could not select device driver "" with capabilities: [[gpu]]',
        GpuUnavailableError,
        "container toolkit",
    ),
    (
        "setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=GPU-1",
        GpuUnavailableError,
        "nvidia-ctk cdi generate",
    ),
    (
        "OCI runtime error: crun: the requested cgroup controller `cpu` is not available",
        EngineError,
        "Delegate=memory pids cpu cpuset",
    ),
    ("container create: container-init binary not found on the host", EngineError, "catatonit"),
    ("write /x: no space left on device", DiskFullError, "stagerun clean"),
    ("something else", EngineError, "the engine refused: something else."),
]


@pytest.mark.parametrize(("text", "kind", "advice"), REFUSALS)
def test_a_refusal_is_typed_and_says_what_to_do(
    text: str, kind: type[StagerunError], advice: str
) -> None:
    found = translate(APIError("500", explanation=text), "unix:///x.sock")
    assert type(found) is kind
    assert advice in str(found)


def test_an_image_that_is_not_there_is_told_as_such() -> None:
    found = translate(ImageNotFound("404", explanation="no such image: a:b"), "unix:///x.sock")
    assert type(found) is ImageMissingError


@pytest.mark.parametrize(
    ("problem", "advice"),
    [
        (PermissionError(13, "Permission denied"), "usermod -aG docker"),
        (FileNotFoundError(2, "No such file or directory"), "name the socket in DOCKER_HOST"),
        (ConnectionRefusedError(111, "Connection refused"), "name the socket in DOCKER_HOST"),
        (TimeoutError("timed out"), "Is it running?"),
    ],
)
def test_an_engine_that_cannot_be_reached_is_told_with_advice(
    problem: OSError, advice: str
) -> None:
    assert advice in unavailable(str(problem), "unix:///x.sock")
