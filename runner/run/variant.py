"""Which variant of a stage runs: one that its settings allow, on a GPU where one is granted."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from runner.errors import ConfigError
from runner.host.gpu import Grant, grant, withheld
from runner.host.images import StageImage
from runner.project.config import Value, resolve_config
from runner.project.pipeline import Project
from runner.project.stage import StageSpec, holds

if TYPE_CHECKING:
    from runner.run.request import Host

GPU_VARIANT: Final = "cuda"
CPU_VARIANT: Final = "cpu"


def allowed_variants(stage: StageSpec, config: Mapping[str, Value]) -> tuple[str, ...]:
    """The variants whose conditions the settings fulfil. Raises ConfigError when none does."""
    values = {key: value.value for key, value in config.items()}
    allowed = tuple(name for name, parent in stage.parents.items() if holds(parent.when, values))
    if not allowed:
        keys = dict.fromkeys(key for parent in stage.parents.values() for key in parent.when)
        said = ", ".join(f"{key} is {values[key]} ({config[key].source})" for key in keys)
        msg = f"{stage.file} has no variant for these settings: {said}. Change one of them."
        raise ConfigError(msg)
    return allowed


def chosen_images(project: Project, stages: Iterable[StageSpec] | None = None) -> list[StageImage]:
    """The images that the project's settings choose for these stages (None: for all).

    Raises ConfigError.
    """
    wanted = project.stages.values() if stages is None else stages
    return [
        (stage, variant)
        for stage in wanted
        for variant in allowed_variants(stage, resolve_config(stage, project))
    ]


def gpu_variant(stage: StageSpec, allowed: tuple[str, ...]) -> str | None:
    """The variant that would run on a GPU; None where these settings have no use for one."""
    if stage.gpu == "none":
        return None
    if GPU_VARIANT in stage.parents:
        return GPU_VARIANT if GPU_VARIANT in allowed else None
    return allowed[0]


def choose_variant(
    stage: StageSpec, allowed: tuple[str, ...], gpu_memory: int | None, host: "Host"
) -> tuple[Grant, str]:
    """The GPUs that the stage gets, and the variant that fits them.

    With a GPU the variant ``cuda``, without one ``cpu``, as far as the stage has them; else the
    first that is allowed. A stage whose settings leave only ``cuda`` needs a GPU. Raises
    GpuUnavailableError.
    """
    on_gpu = gpu_variant(stage, allowed)
    if on_gpu is None:
        return Grant(), CPU_VARIANT if CPU_VARIANT in allowed else allowed[0]
    needs = "required" if allowed == (GPU_VARIANT,) else stage.gpu
    found = host.promises.after_ours(host.inventory())
    if found.gpus:
        found = withheld(found, host.engine.why_no_gpus())
    granted = grant(needs, gpu_memory, found)
    if granted.uuids:
        return granted, on_gpu
    return granted, CPU_VARIANT if CPU_VARIANT in allowed else allowed[0]
