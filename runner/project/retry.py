"""When a failed stage is tried again: ``retry`` in stage.yaml, job.yaml or stagerun.yaml."""

import re
from dataclasses import dataclass
from typing import Any, Final

from runner.errors import Verdict
from runner.project.quantity import parse_duration, parse_size

RETRIED: Final = (
    Verdict.STAGE_FAILED,
    Verdict.ENGINE_UNAVAILABLE,
    Verdict.GPU_UNAVAILABLE,
    Verdict.GPU_LOST,
    Verdict.OOM_MEMORY,
    Verdict.OOM_GPU,
    Verdict.TIMEOUT,
    Verdict.DISK_FULL,
)
"""Causes that may be gone the next time, by themselves or with other settings."""

_ABSENT: Final = "it stays away until somebody provides it"
_SAME_AGAIN: Final = "it would end the same way until the stage is mended"
_NO_FAILURE: Final = "it is no failure"
_WAITED_FOR: Final = "--wait waits for that"

NEVER_RETRIED: Final = {
    Verdict.SUCCESS: _NO_FAILURE,
    Verdict.CACHED: _NO_FAILURE,
    Verdict.SKIPPED: _NO_FAILURE,
    Verdict.CONTRACT_VIOLATION: _SAME_AGAIN,
    Verdict.GPU_MISMATCH: _SAME_AGAIN,
    Verdict.INPUT_MISSING: _ABSENT,
    Verdict.IMAGE_MISSING: _ABSENT,
    Verdict.IMAGE_MISMATCH: _ABSENT,
    Verdict.MODEL_MISSING: _ABSENT,
    Verdict.BUSY: _WAITED_FOR,
    Verdict.NOT_ADMITTED: _WAITED_FOR,
    Verdict.RUNNER_LOST: "nobody is left to try again; the next call does",
    Verdict.CANCELLED: "somebody wanted it to stop",
}
"""Causes that no rule may name, and why."""

ONLY_WAITING_HELPS: Final = frozenset({Verdict.ENGINE_UNAVAILABLE, Verdict.GPU_UNAVAILABLE})

SIZES: Final = frozenset({"memory", "tmp", "shm", "gpu_memory"})
LIMITS: Final = SIZES | {"cpus", "pids", "timeout"}
GPU: Final = "gpu"
NO_GPU: Final = "none"
"""What a rule sets ``gpu`` to, for a stage that can do without one."""

WORDS: Final = {"double": 2.0, "halve": 0.5}
TIMES: Final = re.compile(r"[×x]\s*(\d{1,6}(?:\.\d{1,6})?)")  # noqa: RUF001 - people write it so


@dataclass(frozen=True, kw_only=True)
class Change:
    """What becomes of a limit or a setting: ``by`` is a factor, ``to`` a value of its own.

    ``up_to`` and ``down_to`` are as far as the factor goes: bytes, seconds, the setting's unit.
    """

    name: str
    by: float | None = None
    to: str | None = None
    up_to: float | None = None
    down_to: float | None = None

    @property
    def is_limit(self) -> bool:
        """Whether it is about a limit and not about a setting."""
        return self.name in LIMITS

    @property
    def is_gpu(self) -> bool:
        """Whether it takes the GPU away."""
        return self.name == GPU


@dataclass(frozen=True, kw_only=True)
class RetryRule:
    """For these causes: at most so many attempts in all, with these changes from one to the next.

    ``wait`` is the pause before the second attempt, in seconds; it doubles up to ``wait_up_to``.
    """

    on: frozenset[Verdict]
    attempts: int
    changes: tuple[Change, ...] = ()
    wait: float = 0.0
    wait_up_to: float = 0.0

    @property
    def takes_gpu_away(self) -> bool:
        """Whether the next attempt shall do without a GPU."""
        return any(change.is_gpu for change in self.changes)

    def pause_before(self, attempt: int) -> float:
        """Seconds of pause before an attempt from the second on."""
        return min(self.wait * 2.0 ** (attempt - 2), max(self.wait, self.wait_up_to))


def rules_from(data: list[dict[str, Any]]) -> tuple[RetryRule, ...]:
    """The rules behind a validated ``retry``."""
    return tuple(
        RetryRule(
            on=frozenset(map(Verdict, part["on"])),
            attempts=part["attempts"],
            changes=tuple(_change(name, change) for name, change in part["set"].items()),
            wait=part["wait"],
            wait_up_to=part["wait_up_to"],
        )
        for part in data
    )


def _change(name: str, part: dict[str, Any]) -> Change:
    return Change(
        name=name,
        by=None if part["by"] is None else factor(part["by"]),
        to=part["to"],
        up_to=None if part["up_to"] is None else amount(name, part["up_to"]),
        down_to=None if part["down_to"] is None else amount(name, part["down_to"]),
    )


def factor(text: str) -> float | None:
    """2 of ``double`` or ``x2``, a half of ``halve``; None where it is no factor."""
    if (match := TIMES.fullmatch(text.strip())) is not None:
        return float(match[1])
    return WORDS.get(text.strip())


def amount(name: str, text: str) -> float:
    """A value of a limit, or a bound of a setting, as a number. Raises ValueError."""
    if name in SIZES:
        return float(parse_size(text))
    return parse_duration(text) if name == "timeout" else float(text)
