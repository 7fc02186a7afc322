"""``--build``: the images that are missing or older than their sources, before stages run."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runner.cli.context import Context
from runner.events import Observer
from runner.host.images import StageImage
from runner.job.folder import Job
from runner.project.config import resolve_config
from runner.project.stage import StageSpec


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Stages that shall run in a job, with the settings of the call."""

    job: Job
    stages: Iterable[str]
    overrides: Mapping[str, str] = field(default_factory=dict)


def build_first(context: Context, wanted: Iterable[Wanted], emit: Observer) -> None:
    """Build what these stages need on this machine with their jobs' settings.

    Raises ConfigError, BuildError and its kin.
    """
    from runner.run.inputs import is_enabled

    project = context.project
    images = {
        (stage_id, _variant(project.stages[stage_id], one, context)): project.stages[stage_id]
        for one in wanted
        for stage_id in one.stages
        if is_enabled(stage_id, project, one.job)
    }
    pairs = [(stage, variant) for (_, variant), stage in images.items()]
    build_images(context, pairs, emit)


def build_images(context: Context, images: Iterable[StageImage], emit: Observer) -> None:
    """Build those of these images that are missing or older than their sources.

    Raises SpecError, BuildError and its kin.
    """
    from runner.host.image_build import build
    from runner.host.images import plan

    if steps := plan(context.project, context.engine, images):
        build(context.project, context.engine, steps, emit)


def _variant(stage: StageSpec, wanted: Wanted, context: Context) -> str:
    """The variant that a run would use if its GPUs are free."""
    from runner.run.variant import allowed_variants, likely_variant

    config = resolve_config(stage, context.project, wanted.job.layer, wanted.overrides)
    return likely_variant(stage, allowed_variants(stage, config), context.host)
