"""``stagerun.yaml``: what the project and the site decide for every stage."""

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from runner.errors import SettingsError
from runner.project.document import Document, load_document
from runner.project.retry import RetryRule, rules_from
from runner.project.stage import Resources, Source


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Defaults of every limit, in bytes and seconds, and what may run at once."""

    cpus: float
    memory: int
    tmp: int
    shm: int
    pids: int
    timeout: float
    stop_grace: float
    stages_at_once: int
    disk_free: int


@dataclass(frozen=True, kw_only=True)
class Switches:
    """What a job or the site sets for one stage.

    ``enabled`` and ``retry`` are None where it says nothing of them.
    """

    enabled: bool | None = None
    retry: tuple[RetryRule, ...] | None = None
    resources: Resources = field(default_factory=Resources)


@dataclass(frozen=True, kw_only=True)
class Network:
    """The network for stages that ask for one; the proxy's address may hold a password."""

    name: str
    ca_bundle: Path | None
    proxy: str | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class GpuSharing:
    """How the runs of this machine share its GPUs.

    ``ledger`` is the folder of their reservations and ``learnt`` that of what was seen of stages,
    None for the usual ones. ``head_room`` bytes of each GPU are never granted; ``only`` are the
    UUIDs that stages may use, None for all.
    """

    ledger: Path | None
    learnt: Path | None
    head_room: int
    only: tuple[str, ...] | None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole of ``stagerun.yaml``; paths are absolute.

    ``images`` are the digests to which images are pinned, by name.
    """

    name: str
    workflows: dict[str, tuple[Source, ...]]
    default_workflow: str | None
    models: Path | None
    images: dict[str, str]
    secrets: dict[str, Path]
    network: Network
    limits: Limits
    gpu: GpuSharing
    config: dict[str, str | None]
    stages: dict[str, Switches]
    base: str
    document: Document


def switches_from(data: dict[str, Any]) -> dict[str, Switches]:
    """The ``stages:`` part of job.yaml or stagerun.yaml."""
    return {
        stage: Switches(
            enabled=part["enabled"],
            retry=None if part["retry"] is None else rules_from(part["retry"]),
            resources=Resources(**{it.name: part[it.name] for it in fields(Resources)}),
        )
        for stage, part in data.items()
    }


def load_settings(root: Path) -> Settings:
    """Read the project's ``stagerun.yaml``; without one every setting has its default.

    Raises SettingsError with line and column.
    """

    def schema() -> type:
        from runner.project.settings_schema import SettingsFile

        return SettingsFile

    file = root / "stagerun.yaml"
    document = load_document(file, schema, SettingsError, kind="settings", absent_is_empty=True)
    data = document.data
    return Settings(
        name=data["name"],
        workflows={
            name: tuple(
                Source(stage=(pair := text.split("/", 1))[0], output=pair[1]) for text in texts
            )
            for name, texts in data["workflows"].items()
        },
        default_workflow=data["default_workflow"] or next(iter(data["workflows"]), None),
        models=_path(root, data["models"]),
        images=data["images"],
        secrets={name: root / Path(text).expanduser() for name, text in data["secrets"].items()},
        network=Network(
            name=data["network"]["name"],
            ca_bundle=_path(root, data["network"]["ca_bundle"]),
            proxy=data["network"]["proxy"],
        ),
        limits=Limits(**data["limits"]),
        gpu=GpuSharing(
            ledger=_path(root, data["gpu"]["ledger"]),
            learnt=_path(root, data["gpu"]["learnt"]),
            head_room=data["gpu"]["head_room"],
            only=None if data["gpu"]["only"] is None else tuple(data["gpu"]["only"]),
        ),
        config=data["config"],
        stages=switches_from(data["stages"]),
        base=data["base"],
        document=document,
    )


def _path(root: Path, text: str | None) -> Path | None:
    return None if text is None else root / Path(text).expanduser()
