"""On which rung of its ladder a stage begins: what fitted into a GPU's memory before fits again.

The ladder is what the stage's rules change when the memory of the GPU was full. The rung that held
is kept for the stage with these settings and models, the GPU's model and the memory asked for.
"""

from dataclasses import asdict
from typing import Any, Final

from runner.errors import StagerunError, Verdict
from runner.gpu.rungs import RungKey, remember, rung
from runner.job.folder import Job
from runner.project.config import resolve_config, resolve_limits
from runner.project.models import needed_models
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.gpu_request import decisive_settings, notes_folder
from runner.run.outcome import Outcome
from runner.run.request import Host, RunOptions
from runner.run.retry import Attempt, attempt_from
from runner.run.variant import allowed_variants, gpu_variant

KEPT: Final = ("variant", "without_gpu", "config", "limits", "changes")


def first_attempt(
    stage: StageSpec, project: Project, job: Job, host: Host, options: RunOptions, attempts: int
) -> Attempt:
    """The attempt to begin with, of at most so many: as asked, or on the rung that held before.

    On a machine with several models of GPUs only where one is kept for each: nobody knows yet which
    the stage will get.
    """
    plain = Attempt(of=attempts)
    names = list(dict.fromkeys(gpu.name for gpu in host.inventory().gpus))
    folder = notes_folder(project.settings.gpu)
    found = [rung(folder, _key(stage, project, job, options, name)) for name in names]
    if not found or any(kept is None for kept in found):
        return plain
    try:
        return _attempt(found[0] or {}, attempts)
    except (KeyError, TypeError, ValueError):
        return plain


def _attempt(kept: dict[str, Any], attempts: int) -> Attempt:
    parts = {name: kept[name] for name in KEPT}
    run_id = str(kept["run_id"])
    return attempt_from(
        {
            **parts,
            "number": 1,
            "of": attempts,
            "because": Verdict.OOM_GPU,
            "after": run_id,
            "remembered": run_id,
        }
    )


def remember_rung(
    stage: StageSpec,
    project: Project,
    job: Job,
    options: RunOptions,
    outcome: Outcome,
    gpu_name: str | None,
) -> None:
    """Keep the rung of a good run; ``gpu_name`` is the model of the GPU whose memory was full."""
    if outcome.ran is None or outcome.verdict is not Verdict.SUCCESS:
        return
    attempt, names = outcome.ran.request.options.attempt, outcome.ran.request.grant.names
    name = names[0] if names else gpu_name
    if name is None or not attempt.changes or attempt.remembered == outcome.run_id:
        return
    plain = asdict(attempt)
    kept = {**{part: plain[part] for part in KEPT}, "run_id": outcome.run_id}
    remember(notes_folder(project.settings.gpu), _key(stage, project, job, options, name), kept)


def _key(
    stage: StageSpec, project: Project, job: Job, options: RunOptions, gpu_name: str
) -> RungKey:
    config = resolve_config(stage, project, job.layer, options.overrides)
    allowed = allowed_variants(stage, config)
    variant = gpu_variant(stage, allowed) or allowed[0]
    limits = resolve_limits(stage, project, job.layer, options.limits, variant)
    return RungKey(
        stage=stage.id,
        settings={name: str(config[name].value) for name in decisive_settings(stage)},
        models={model.key: model.name for model in needed_models(stage, config)},
        gpu_name=gpu_name,
        memory=limits.values.gpu_memory,
    )


def may_move(project: Project, host: Host, outcome: Outcome) -> bool:
    """Whether there is a GPU left for a stage whose own was lost."""
    from runner.run.gpu_request import gpu_box

    if outcome.ran is None or outcome.ran.request.gpu is None:
        return False
    try:
        accounts = gpu_box(project.settings.gpu, host).look().accounts
    except StagerunError:
        return False
    return len(accounts) >= outcome.ran.request.gpu.wish.count
