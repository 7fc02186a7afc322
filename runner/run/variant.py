"""Which variant of a stage runs: one that its settings allow, on a GPU where one is granted."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from runner.errors import ConfigError, GpuUnavailableError
from runner.host.gpu import Grant
from runner.host.images import StageImage
from runner.project.config import Value, resolve_config
from runner.project.pipeline import Project
from runner.project.stage import StageSpec, holds

if TYPE_CHECKING:
    from runner.gpu.box import Look
    from runner.run.gpu_request import GpuRequest
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


def needs_gpu(stage: StageSpec, allowed: tuple[str, ...]) -> bool:
    """Whether it cannot run on the CPU: by its spec, or by settings that leave nothing else."""
    return allowed == (GPU_VARIANT,) or stage.gpu == "required"


def likely_variant(stage: StageSpec, allowed: tuple[str, ...], host: "Host") -> str:
    """The variant that runs where no GPU of the machine is taken."""
    on_gpu = gpu_variant(stage, allowed)
    if on_gpu is None or allowed == (on_gpu,) or stage.gpu == "required":
        return on_gpu or _without_gpu(allowed)
    has_gpus = host.inventory().gpus and not host.engine.why_no_gpus()
    return on_gpu if has_gpus else _without_gpu(allowed)


def _without_gpu(allowed: tuple[str, ...]) -> str:
    return CPU_VARIANT if CPU_VARIANT in allowed else allowed[0]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The variant that runs, what it asks of the GPUs, and what it can have of them now.

    ``gpu`` is None where it runs without one.
    """

    variant: str
    grant: Grant = field(default_factory=Grant)
    gpu: "GpuRequest | None" = None


def choose_variant(
    stage: StageSpec,
    allowed: tuple[str, ...],
    on_gpu: str | None,
    asked: "Callable[[], GpuRequest]",
    project: Project,
    host: "Host",
) -> Chosen:
    """The variant for what the machine has; ``on_gpu`` is the one that would run on a GPU.

    With a GPU the variant ``cuda``, without one ``cpu``, as far as the stage has them; else the
    first that is allowed. A stage whose settings leave only ``cuda`` needs a GPU. Whether a GPU is
    free now is no matter here: a result may be there that was made on one. Raises
    GpuUnavailableError where no GPU is large enough.
    """
    without = _without_gpu(allowed)
    if on_gpu is None:
        return Chosen(variant=without)
    from runner.gpu.box import is_passing
    from runner.gpu.placement import place
    from runner.gpu.refusal import refusal, why_not, without_gpus
    from runner.gpu.reservation import State
    from runner.run.gpu_request import gpu_box

    is_needed = needs_gpu(stage, allowed)
    box = gpu_box(project.settings.gpu, host)
    found = box.inventory()
    if not found.gpus:
        if is_needed and not is_passing(found):
            raise GpuUnavailableError(without_gpus(found))
        if is_needed:
            return Chosen(variant=on_gpu, gpu=asked())
        reason = found.detail or "the machine offers no GPU"
        return Chosen(variant=without, grant=Grant(fallback_reason=reason))
    look = box.look(found)
    request = _as_a_whole(asked(), look)
    waiting = [entry for entry in look.entries if entry.state is State.WAITING]
    placement = place(request.wish, look.accounts, waiting)
    if placement.is_possible(request.wish.count) or (is_needed and look.is_passing):
        return Chosen(variant=on_gpu, grant=Grant(uuids=tuple(placement.shares)), gpu=request)
    if is_needed:
        raise GpuUnavailableError(refusal(request.wish, placement, look))
    reason = why_not(request.wish, placement, look)
    return Chosen(variant=without, grant=Grant(fallback_reason=reason))


def _as_a_whole(request: "GpuRequest", look: "Look") -> "GpuRequest":
    """The request with what becomes of it where more was learnt than the GPUs have for it."""
    wish = request.wish
    known = [it for it in look.accounts.values() if it.gpu.name in wish.learnt]
    if not known or not all(map(wish.is_too_much_for, known)):
        return request
    return replace(
        request,
        source=f"{request.source}; all that a GPU here has, or more: without other programs",
    )
