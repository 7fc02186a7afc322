"""A verdict with its reason, and what it is come to from beside facts and findings."""

from dataclasses import dataclass

from runner.errors import Verdict
from runner.project.stage import Resources, StageSpec
from runner.run.contract import Found
from runner.run.facts import Facts


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """The verdict, why, and what to do next."""

    verdict: Verdict
    reason: str
    advice: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Circumstances:
    """What the verdict needs beside facts and findings.

    ``notes`` are for the user, whatever the verdict is.
    """

    stage: StageSpec
    limits: Resources
    disk_free_bytes: int | None
    gpus: tuple[str, ...] = ()
    gpus_lost: tuple[str, ...] = ()
    inputs_changed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def was_killed_for_memory(facts: Facts) -> bool:
    """Whether the kernel ended a process of the container for want of the machine's memory."""
    return bool(facts.oom_event or facts.oom_flag or (facts.report and facts.report.oom_kills))


def texts_of(facts: Facts, found: Found) -> str:
    """All that the stage said of its trouble: its errors with their types, and its last lines."""
    errors = found.manifest.errors if found.manifest else []
    own = [
        error if isinstance(error, str) else f"{error.exception_type or ''}: {error.message}"
        for error in errors
    ]
    return "\n".join([*own, *facts.tail])
