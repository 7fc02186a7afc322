"""Whether a stage is tried again, and with what: a pure function of cause, attempt and rules.

There is one counter for all causes. The first rule that names the cause, allows one more attempt
and has something left to change decides; rules for the same cause are a ladder. A result with
changed settings still answers what was asked, so a later call finds it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from runner.errors import Verdict
from runner.project.config import ResolvedLimits, Value, amount_text
from runner.project.retry import NO_GPU, SIZES, Change, RetryRule, amount
from runner.project.stage import Key, Resources

SOURCE: Final = "retry"
WHOLE: Final = SIZES | {"pids"}


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A limit or setting as the call asked for it, and as this attempt has it instead."""

    name: str
    asked: str
    used: str

    def __str__(self) -> str:
        return f"{self.name} {self.used} instead of {self.asked}"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """Which attempt of a stage a run is, and what it has otherwise than was asked.

    ``because`` is the cause of the attempt before, ``after`` its run where there was one, and
    ``moved_from`` the run of this attempt whose GPU was lost; ``variant`` is the one that ran as
    asked, None while nothing has run. One ``without_gpu`` runs on the CPU although the stage could
    have a GPU, for this reason. One that is ``remembered`` begins with the changes with which that
    run fitted into the GPU's memory.
    """

    number: int = 1
    of: int = 1
    because: Verdict | None = None
    after: str | None = None
    moved_from: str | None = None
    variant: str | None = None
    without_gpu: str | None = None
    remembered: str | None = None
    config: Mapping[str, str] = field(default_factory=dict)
    limits: Resources = field(default_factory=Resources)
    changes: tuple[Changed, ...] = ()

    def __str__(self) -> str:
        return f"attempt {self.number} of {self.of}"

    @property
    def follows(self) -> Verdict | None:
        """How the run before it ended."""
        return Verdict.GPU_LOST if self.moved_from else self.because

    def settings(self, asked: Mapping[str, Value]) -> dict[str, Value]:
        """The settings of this attempt."""
        return {
            name: Value(value=self.config[name], source=SOURCE) if name in self.config else value
            for name, value in asked.items()
        }

    def limited(self, asked: ResolvedLimits) -> ResolvedLimits:
        """The limits of this attempt."""
        changed = _there(self.limits)
        return ResolvedLimits(
            values=replace(asked.values, **changed),
            sources={**asked.sources, **dict.fromkeys(changed, SOURCE)},
        )

    @property
    def notice(self) -> str | None:
        """What the user must know of a result that was made otherwise than asked."""
        if not self.changes:
            return None
        if self.remembered and self.number == 1:
            before = f"since this fitted into the GPU's memory in run {self.remembered}"
            return f"{before}: ran with {listed(self.changes)}"
        return f"{self}, after {self.because}: ran with {listed(self.changes)}"


@dataclass(frozen=True, kw_only=True)
class Tried:
    """A run that ended badly: the settings and limits that it had."""

    run_id: str
    variant: str
    config: Mapping[str, Value]
    limits: Resources


@dataclass(frozen=True, kw_only=True)
class Next:
    """The attempt that follows, and the pause before it in seconds."""

    attempt: Attempt
    pause_seconds: float


def next_attempt(
    cause: Verdict,
    attempt: Attempt,
    rules: Sequence[RetryRule],
    *,
    tried: Tried | None,
    keys: Mapping[str, Key],
    most_memory: int | None = None,
) -> Next | None:
    """The attempt after one that ended by this cause; None where it is left at that.

    ``tried`` is None where nothing ran: then there is nothing to change. No memory limit grows
    beyond ``most_memory`` bytes.
    """
    number = attempt.number + 1
    for rule in rules:
        if cause not in rule.on or number > rule.attempts:
            continue
        after = tried.run_id if tried else None
        following = replace(
            attempt, number=number, of=rule.attempts, because=cause, after=after, moved_from=None
        )
        if rule.changes and tried:
            changed = _changed(following, rule.changes, tried, keys, most_memory)
            if changed is None:
                continue
            following = changed
        return Next(attempt=following, pause_seconds=rule.pause_before(number))
    return None


def _changed(
    attempt: Attempt,
    changes: Sequence[Change],
    tried: Tried,
    keys: Mapping[str, Key],
    most_memory: int | None,
) -> Attempt | None:
    """The attempt with these changes; None where none of them changes anything."""
    limits = _there(attempt.limits)
    config, told = dict(attempt.config), []
    without_gpu = attempt.without_gpu
    for change in changes:
        name = change.name
        if change.is_limit:
            old: float | str | None = getattr(tried.limits, name)
            new = _limit(change, old, most_memory)
            if new is not None and new != old:
                limits[name] = new
                told.append(_told(attempt, name, _limit_text(name, old), _limit_text(name, new)))
        elif change.is_gpu:
            if not attempt.without_gpu:
                without_gpu = f"its memory did not suffice in run {tried.run_id}"
                told.append(_told(attempt, name, "optional", NO_GPU))
        elif name in keys and name in tried.config:
            before = tried.config[name].value
            after = _setting(change, before, keys[name])
            if after is not None and after != before:
                config[name] = after
                told.append(_told(attempt, name, _setting_text(before), after))
    if not told:
        return None
    return replace(
        attempt,
        variant=attempt.variant or tried.variant,
        without_gpu=without_gpu,
        config=config,
        limits=Resources(**limits),
        changes=tuple({item.name: item for item in (*attempt.changes, *told)}.values()),
    )


def _there(limits: Resources) -> dict[str, Any]:
    return {name: value for name, value in asdict(limits).items() if value is not None}


def _told(attempt: Attempt, name: str, old: str, new: str) -> Changed:
    """A change since the first attempt, however often it was changed in between."""
    asked = next((item.asked for item in attempt.changes if item.name == name), old)
    return Changed(name=name, asked=asked, used=new)


def _limit(change: Change, old: float | str | None, most_memory: int | None) -> float | None:
    if change.to is not None:
        new: float | None = amount(change.name, change.to)
    elif old is None or isinstance(old, str) or change.by is None:
        return None
    else:
        bounds = [change.up_to, most_memory if change.name == "memory" else None]
        most = min((bound for bound in bounds if bound is not None), default=math.inf)
        new = _multiplied(old, change.by, change.down_to or 0, most)
    return int(new) if new is not None and change.name in WHOLE else new


def _setting(change: Change, old: str | None, key: Key) -> str | None:
    if change.to is not None:
        return change.to
    if old is None or change.by is None:
        return old
    least, most = key.range or (-math.inf, math.inf)
    least = least if change.down_to is None else max(least, change.down_to)
    most = most if change.up_to is None else min(most, change.up_to)
    if key.type != "int":
        return f"{_multiplied(float(old), change.by, least, most):.12g}"
    number = int(old)
    if number > 0:
        # Half of 1 is 1: what is counted does not become nothing.
        least = max(least, 1)
    product = number * change.by
    whole = math.ceil(product) if abs(product) > abs(number) else math.floor(product)
    return str(int(_bounded(number, whole, least, most)))


def _multiplied(old: float, by: float, least: float, most: float) -> float:
    return _bounded(old, old * by, least, most)


def _bounded(old: float, new: float, least: float, most: float) -> float:
    """The new value within its bounds; a bound that lies behind the old one changes nothing."""
    if new >= old:
        return max(old, min(new, most))
    return min(old, max(new, least))


def _limit_text(name: str, value: float | str | None) -> str:
    return "not set" if value is None else amount_text(name, value)


def _setting_text(value: str | None) -> str:
    return "not set" if value is None else value


def listed(changes: Sequence[Changed]) -> str:
    """Changes in words."""
    return ", ".join(map(str, changes))


def attempt_from(kept: Mapping[str, Any]) -> Attempt:
    """The attempt that the journal kept as plain data. Raises KeyError, TypeError or ValueError."""
    because = kept["because"]
    return Attempt(
        **{
            **kept,
            "because": None if because is None else Verdict(because),
            "limits": Resources(**kept["limits"]),
            "changes": tuple(Changed(**item) for item in kept["changes"]),
        }
    )
