"""What may stand in ``stagerun.yaml``, as pydantic models."""

from typing import Annotated, Literal

from pydantic import Field

from runner.project.schema import (
    Duration,
    ImageDigest,
    Name,
    Part,
    Reference,
    Size,
    Space,
    Span,
    StageSwitches,
)

GpuUuid = Annotated[str, Field(pattern=r"^(GPU|MIG)-[A-Za-z0-9/-]+$")]


class NetworkPart(Part):
    """The network that a stage with ``network: site`` joins, and how to reach what is behind it."""

    name: str = "bridge"
    ca_bundle: str | None = None
    proxy: str | None = None


class LimitsPart(Part):
    """Defaults of every limit, and what may run at once."""

    cpus: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 2
    memory: Size = 2 << 30
    tmp: Size = 64 << 20
    shm: Size = 64 << 20
    pids: Annotated[int, Field(gt=0)] = 256
    timeout: Duration = 7200
    stop_grace: Span = 10
    stages_at_once: Annotated[int, Field(gt=0)] = 2
    disk_free: Space = 256 << 20


class GpuPart(Part):
    """How the GPUs of the machine are shared; ``only`` names those that stages may use, by UUID."""

    ledger: str | None = None
    learnt: str | None = None
    head_room: Space = 256 << 20
    only: Annotated[list[GpuUuid], Field(min_length=1)] | None = None


class SettingsFile(Part):
    """``stagerun.yaml``: the project and the site."""

    name: Name = "stagerun"
    workflows: Annotated[
        dict[Name, Annotated[list[Reference], Field(min_length=1)]], Field(default_factory=dict)
    ]
    default_workflow: Name | None = None
    models: str | None = None
    images: dict[str, ImageDigest] = Field(default_factory=dict)
    secrets: dict[Name, str] = Field(default_factory=dict)
    network: NetworkPart = NetworkPart()
    limits: LimitsPart = LimitsPart()
    gpu: GpuPart = GpuPart()
    config: dict[str, str | None] = Field(default_factory=dict)
    stages: dict[str, StageSwitches] = Field(default_factory=dict)
    base: Literal["auto", "registry", "bootstrap"] = "auto"
