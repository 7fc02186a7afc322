"""``--build``: the images that are missing or older than their sources, before stages run."""

from collections.abc import Sequence

from runner.cli.context import Context
from runner.errors import GpuError
from runner.events import Observer
from runner.project.stage import StageSpec


def build_first(context: Context, stage_ids: Sequence[str], emit: Observer) -> None:
    """Build what these stages need on this machine. Raises BuildError and its kin."""
    from runner.host.image_build import build
    from runner.host.images import plan

    project = context.project
    stages = [project.stages[stage] for stage in stage_ids]
    variants = {_variant(stage, context) for stage in stages}
    if steps := plan(project, context.engine, stages, variants=variants):
        build(project, context.engine, steps, emit)


def _variant(stage: StageSpec, context: Context) -> str:
    """The variant that a run would use; whether it may run is for the run to say."""
    from runner.project.config import resolve_config
    from runner.run.variant import allowed_variants, choose_variant, gpu_variant

    allowed = allowed_variants(stage, resolve_config(stage, context.project))
    try:
        return choose_variant(stage, allowed, None, context.host)[1]
    except GpuError:
        return gpu_variant(stage, allowed) or allowed[0]
