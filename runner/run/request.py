"""What one run shall be: variant, image, configuration, inputs, models, and the fingerprint."""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from runner.errors import GpuUnavailableError, ImageMissingError, SettingsError
from runner.host.engine import Engine
from runner.host.gpu import Grant, Inventory
from runner.host.images import Condition, image_state
from runner.host.machine import ProcessIdentity
from runner.host.recipes import Recipes
from runner.job.fingerprint import DigestStore, fingerprint, text_digest
from runner.job.folder import Job
from runner.project.config import ResolvedLimits, Value, resolve_config, resolve_limits
from runner.project.models import NeededModel, needed_models
from runner.project.pipeline import Project
from runner.project.stage import Resources, StageSpec
from runner.run.cancellation import Cancellation
from runner.run.inputs import InputFile, resolve_inputs
from runner.run.pins import check_digest, check_pins
from runner.run.retry import Attempt
from runner.run.rhythm import Rhythm
from runner.run.site_access import SiteAccess, find_site_access
from runner.run.variant import allowed_variants, choose_variant, gpu_variant, needs_gpu

if TYPE_CHECKING:
    from runner.gpu.reserving import Held
    from runner.job.model_store import FoundModel
    from runner.run.gpu_request import GpuRequest

DECLARED_OUTPUTS: Final = "declared outputs"
CONTAINER_MODELS: Final = "/models"
TIDY_SECONDS: Final = 10.0


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """What the caller asks of a run.

    With ``keep_given`` a result that the user gave stays, even with ``force``; with ``keep`` the
    container of a run that fails. ``retry`` is whether declared retries take place, ``attempt``
    what one of them changes.
    """

    force: bool = False
    keep_given: bool = False
    wait_seconds: float = 0.0
    overrides: Mapping[str, str] = field(default_factory=dict)
    limits: Resources = field(default_factory=Resources)
    dev: bool = False
    keep: bool = False
    retry: bool = True
    attempt: Attempt = field(default_factory=Attempt)


@dataclass(frozen=True, kw_only=True)
class Host:
    """The machine as a run needs it; ``began_at`` is when the present call did.

    ``tidying`` says when it is looked again for what dead runners left on the machine.
    """

    engine: Engine
    inventory: Callable[[], Inventory]
    cancellation: Cancellation
    identity: ProcessIdentity
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    recipes: dict[int, Recipes] = field(default_factory=dict)
    tidying: Rhythm = field(default_factory=lambda: Rhythm(TIDY_SECONDS))

    def recipes_of(self, project: Project) -> Recipes:
        """How a project's images are made; their sources are read once in a call."""
        return self.recipes.setdefault(id(project), Recipes(project))


@dataclass(frozen=True, kw_only=True)
class ImageReference:
    """The image that a run uses: the name is for people, the digest counts."""

    name: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Request:
    """Everything that is decided before a run begins.

    ``gpu`` is what it asks of the GPUs, None where it needs none; ``held`` is its reservation.
    """

    stage: StageSpec
    project: Project
    variant: str
    image: ImageReference
    config: Mapping[str, Value]
    inputs: tuple[InputFile, ...]
    limits: ResolvedLimits
    grant: Grant
    gpu: "GpuRequest | None"
    models: "Mapping[str, FoundModel]"
    secrets: Mapping[str, Path]
    site: SiteAccess
    components: Mapping[str, str]
    fingerprint: str
    notices: tuple[str, ...]
    skipped: tuple[str, ...]
    options: RunOptions
    held: "Held | None" = None


def resolve(
    stage: StageSpec, project: Project, job: Job, host: Host, options: RunOptions
) -> Request:
    """Decide everything about a run.

    Raises ConfigError, InputMissingError, ImageMissingError, ImageMismatchError, ModelMissingError,
    SettingsError or GpuUnavailableError.
    """
    attempt, digests = options.attempt, DigestStore(job)
    asked = resolve_config(stage, project, job.layer, options.overrides)
    config = attempt.settings(asked)
    inputs, skipped = resolve_inputs(stage, project, job, digests)
    allowed = allowed_variants(stage, config)

    def limits_of(variant: str) -> ResolvedLimits:
        return attempt.limited(resolve_limits(stage, project, job.layer, options.limits, variant))

    @cache
    def basis_of(variant: str, *, as_asked: bool = False) -> _Basis:
        settings = asked if as_asked else config
        return _basis(stage, project, host, options, variant, settings, inputs, digests)

    on_gpu = None if attempt.without_gpu else gpu_variant(stage, allowed)
    if attempt.without_gpu and needs_gpu(stage, allowed):
        raise GpuUnavailableError(attempt.without_gpu)

    def asked_of_gpus() -> "GpuRequest":
        from runner.run.gpu_request import gpu_request

        basis, limits = basis_of(str(on_gpu)), limits_of(str(on_gpu))
        models = {name: model.files for name, model in basis.models.items()}
        digest = basis.image.digest
        return gpu_request(stage, digest, models, config, limits, project.settings.gpu)

    chosen = choose_variant(stage, allowed, on_gpu, asked_of_gpus, project, host)
    granted, variant = chosen.grant, chosen.variant
    if attempt.without_gpu:
        granted = Grant(fallback_reason=attempt.without_gpu)
    basis = answers = basis_of(variant)
    if config != asked or attempt.variant not in (None, variant):
        # The result answers what was asked: a later call, which asks the same, has to find it.
        answers = basis_of(attempt.variant or variant, as_asked=True)
    digests.save()
    notices = [basis.notice] if basis.notice and not options.dev else []
    if granted.fallback_reason:
        notices.append(f"no GPU was granted, the stage runs on the CPU: {granted.fallback_reason}")
    if attempt.notice:
        notices.append(attempt.notice)
    return Request(
        stage=stage,
        project=project,
        variant=variant,
        image=basis.image,
        config=config,
        inputs=inputs,
        limits=limits_of(variant),
        grant=granted,
        gpu=chosen.gpu,
        models=basis.models,
        secrets=find_secrets(stage, project),
        site=find_site_access(project.settings.network) if stage.network else SiteAccess(),
        components=answers.components,
        fingerprint=fingerprint(answers.components),
        notices=tuple(notices),
        skipped=skipped,
        options=options,
    )


@dataclass(frozen=True, kw_only=True)
class _Basis:
    """What a result rests on beside its inputs; ``notice`` is about an old image."""

    image: ImageReference
    notice: str | None
    models: "dict[str, FoundModel]"
    components: dict[str, str]


def _basis(
    stage: StageSpec,
    project: Project,
    host: Host,
    options: RunOptions,
    variant: str,
    config: Mapping[str, Value],
    inputs: tuple[InputFile, ...],
    digests: DigestStore,
) -> _Basis:
    image, notice = find_image(stage, variant, project, host)
    models = _models(needed_models(stage, config), project, digests)
    components = _components(stage, image, config, inputs, models)
    if options.dev:
        # Mounted over the baked copy, so the image's digest says nothing about it.
        components["mounted sources"] = host.recipes_of(project).stage(stage, variant).digest
    return _Basis(image=image, notice=notice, models=models, components=components)


def _models(
    needed: Sequence[NeededModel], project: Project, digests: DigestStore
) -> "dict[str, FoundModel]":
    if not needed:
        return {}
    from runner.job.model_store import find_model

    return {one.key: find_model(project.settings.models, one, digests.digest) for one in needed}


def find_image(
    stage: StageSpec, variant: str, project: Project, host: Host
) -> tuple[ImageReference, str | None]:
    """The stage's image, and a notice when it is older than its sources.

    Raises ImageMissingError, ImageMismatchError, or SettingsError for pins that pin nothing.
    """
    check_pins(project)
    state = image_state(host.recipes_of(project), host.engine, stage, variant)
    if state.digest is None:
        msg = (
            f"the image {state.image} is not built. Build it with: stagerun build {stage.id} "
            "(or add --build to the command)."
        )
        raise ImageMissingError(msg)
    check_digest(project, state.image, state.digest)
    image = ImageReference(name=state.image, digest=state.digest)
    if state.condition is Condition.PRESENT:
        return image, None
    return image, (
        f"the image {state.image} is {state.reason}; it runs as it was built (--build builds it "
        "anew)"
    )


def find_secrets(stage: StageSpec, project: Project) -> dict[str, Path]:
    """The files of the secrets that the stage lists and the site has. Raises SettingsError."""
    found = {}
    for name in stage.secrets:
        path = project.settings.secrets.get(name)
        if path is not None and not path.is_file():
            msg = f"stagerun.yaml names {path} for the secret {name!r}, but there is no such file."
            raise SettingsError(msg)
        if path is not None and not os.access(path, os.R_OK):
            msg = (
                f"stagerun.yaml names {path} for the secret {name!r}, and you may not read it. "
                "Give it to the user who calls stagerun (mode 0400)."
            )
            raise SettingsError(msg)
        if path is not None:
            found[name] = path
    return found


def _components(
    stage: StageSpec,
    image: ImageReference,
    config: Mapping[str, Value],
    inputs: tuple[InputFile, ...],
    models: "Mapping[str, FoundModel]",
) -> dict[str, str]:
    components = {"image": image.digest}
    for key, value in sorted(config.items()):
        components[f"setting {key}"] = value.value if value.value is not None else "not set"
    for file in inputs:
        components[f"input {file.name}: {file.path}"] = file.checksum
    for name, model in models.items():
        components[f"model {name}"] = text_digest(json.dumps(model.files, sort_keys=True))
    components[DECLARED_OUTPUTS] = declared_outputs(stage)
    return components


def declared_outputs(stage: StageSpec) -> str:
    """The digest over what a stage declares to write."""
    return text_digest(
        json.dumps([[item.name, item.file, item.type, item.optional] for item in stage.outputs])
    )
