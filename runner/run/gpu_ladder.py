"""On which rung of its ladder a stage begins: what fitted into a GPU's memory before fits again.

The ladder is what the stage's rules change when the memory of the GPU was full. The rung that held
is kept for the stage with these settings and models, the GPU's model and the memory asked for.
"""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from runner.errors import StagerunError, Verdict
from runner.gpu.rungs import RungKey, remember, rung
from runner.job.folder import Job
from runner.project.config import misfit, resolve_config, resolve_limits
from runner.project.models import needed_models
from runner.project.pipeline import Project
from runner.project.retry import GPU, RetryRule
from runner.project.stage import Resources, StageSpec
from runner.run.gpu_request import decisive_settings, gpu_box, notes_folder
from runner.run.outcome import Outcome
from runner.run.request import Host, RunOptions
from runner.run.retry import Attempt, attempt_from
from runner.run.variant import allowed_variants, gpu_variant

KEPT: Final = ("variant", "without_gpu", "config", "limits", "changes")
LASTS_SECONDS: Final = 30 * 86400
"""After that a rung is tried anew from the top: machines and films change."""

MOST_MOVES: Final = 3
MORE: Final = 1.25
"""So many times the memory that did not suffice is a reason to try it as asked."""


@dataclass(frozen=True, kw_only=True)
class FullGpu:
    """The GPU whose memory did not suffice: its model, and what the run had of it in bytes."""

    name: str
    share_bytes: int


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """The ladder of one stage of one job, in the order of its rules."""

    stage: StageSpec
    project: Project
    job: Job
    host: Host
    options: RunOptions
    rules: tuple[RetryRule, ...]

    def first_attempt(self, attempts: int) -> Attempt:
        """The attempt to begin with, of at most so many: as asked, or on the rung that held before.

        On a machine with several models of GPUs that may be used only where one is kept for each:
        nobody knows yet which the stage will get.
        """
        # What is wrong with settings or GPUs is told when the stage is about to run.
        with contextlib.suppress(StagerunError, KeyError, TypeError, ValueError):
            box = gpu_box(self.project.settings.gpu, self.host)
            there = box.inventory()
            names = {gpu.name for gpu in there.gpus}
            known = {name: rung(self._folder, self._key(name)) for name in names}
            if any(known.values()):
                accounts = box.look(there).accounts.values()
                found = [known.get(account.gpu.name) for account in accounts]
                free = max((account.free_bytes or 0 for account in accounts), default=0)
                if found and all(kept is not None and self._holds(kept, free) for kept in found):
                    return _attempt(found[0] or {}, attempts)
        return Attempt(of=attempts)

    def remember(self, outcome: Outcome, full: FullGpu | None) -> None:
        """Keep the rung of a good run, if it is one: ``full`` is the GPU that did not suffice."""
        if outcome.ran is None or outcome.verdict is not Verdict.SUCCESS or full is None:
            return
        attempt = outcome.ran.request.options.attempt
        changes = [change for change in attempt.changes if change.name in self._names]
        by_ladder = any(change.name == GPU for change in changes)
        # Who merely found no free GPU on the way is no reason never to use one again.
        if not changes or (attempt.without_gpu and not by_ladder):
            return
        plain = asdict(attempt)
        kept = {
            **{part: plain[part] for part in KEPT},
            "config": {name: it for name, it in plain["config"].items() if name in self._names},
            "limits": {
                name: it if name in self._names else None for name, it in plain["limits"].items()
            },
            "changes": [asdict(change) for change in changes],
            "run_id": outcome.run_id,
            "share": full.share_bytes,
            "at": time.time(),
        }
        remember(self._folder, self._key(full.name), kept)

    @property
    def _folder(self) -> Path:
        return notes_folder(self.project.settings.gpu)

    @property
    def _names(self) -> set[str]:
        """The settings and limits that the ladder changes."""
        on_full = [rule for rule in self.rules if Verdict.OOM_GPU in rule.on]
        return {change.name for rule in on_full for change in rule.changes}

    def _holds(self, kept: Mapping[str, Any], free: int) -> bool:
        """Whether a rung still fits the stage, and there is no more memory than did not suffice.

        How much is ``free`` counts only where the stage does not ask for a size itself.
        """
        keys = self.stage.config
        fits = kept["variant"] in (None, *self.stage.parents) and all(
            name in keys and misfit(keys[name], value) is None
            for name, value in kept["config"].items()
        )
        is_recent = 0 <= time.time() - kept["at"] < LASTS_SECONDS
        offer = free if self._limits.gpu_memory is None else 0
        return fits and is_recent and offer <= MORE * kept["share"]

    @property
    def _limits(self) -> Resources:
        stage, layer = self.stage, self.job.layer
        config = resolve_config(stage, self.project, layer, self.options.overrides)
        allowed = allowed_variants(stage, config)
        variant = gpu_variant(stage, allowed) or allowed[0]
        return resolve_limits(stage, self.project, layer, self.options.limits, variant).values

    def _key(self, gpu_name: str) -> RungKey:
        stage = self.stage
        config = resolve_config(stage, self.project, self.job.layer, self.options.overrides)
        names = {*decisive_settings(stage), *(self._names & stage.config.keys())}
        return RungKey(
            stage=stage.id,
            settings={name: str(config[name].value) for name in sorted(names)},
            models={model.key: model.name for model in needed_models(stage, config)},
            gpu_name=gpu_name,
            memory=self._limits.gpu_memory,
        )


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


def may_move(project: Project, host: Host, outcome: Outcome, moves: int) -> bool:
    """Whether there is a GPU left for a stage that lost its own, after so many moves before.

    One that the driver still has is the same again: a second time it would be lost in the same way.
    """
    if outcome.ran is None or outcome.ran.request.gpu is None:
        return False
    try:
        accounts = gpu_box(project.settings.gpu, host).look().accounts
    except StagerunError:
        return False
    is_gone = any(uuid not in accounts for uuid in outcome.ran.request.grant.uuids)
    most = MOST_MOVES if is_gone else 1
    return moves < most and len(accounts) >= outcome.ran.request.gpu.wish.count
