"""What may stand under ``retry``, as pydantic models."""

import math
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from runner.errors import Verdict
from runner.project.quantity import parse_duration
from runner.project.retry import (
    GPU,
    LIMITS,
    NEVER_RETRIED,
    NO_GPU,
    ONLY_WAITING_HELPS,
    RETRIED,
    amount,
    factor,
)

Span = Annotated[float, BeforeValidator(lambda value: parse_duration(str(value)))]


def _cause(value: Any) -> Any:
    text = str(value)
    if text not in RETRIED:
        reason = NEVER_RETRIED.get(Verdict(text)) if text in list(Verdict) else "no run ends so"
        problem = f"{text} is never retried: {reason}. There are {', '.join(RETRIED)}"
        raise ValueError(problem)
    return text


def _factor(text: str) -> str:
    found = factor(text)
    if found is None or found in (0, 1):
        problem = f"{text!r} is no factor; write double, halve, or one such as ×1.5"  # noqa: RUF001 - people write it so
        raise ValueError(problem)
    return text


def _one_or_several(value: Any) -> Any:
    """A list with one entry may be written without the list."""
    return [value] if isinstance(value, str | dict) else value


def _short_changes(value: Any) -> Any:
    """A change may be written as one word: a factor, or else a value."""
    if not isinstance(value, dict):
        return value
    return {
        name: {"to" if factor(part) is None else "by": part} if isinstance(part, str) else part
        for name, part in value.items()
    }


Cause = Annotated[str, BeforeValidator(_cause), WithJsonSchema({"enum": list(RETRIED)})]


class ChangePart(BaseModel):
    """What a limit or setting becomes: ``by`` multiplies it, ``to`` is a value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Annotated[str, AfterValidator(_factor)] | None = None
    to: str | None = None
    up_to: str | None = None
    down_to: str | None = None

    @model_validator(mode="after")
    def _one_way(self) -> "ChangePart":
        if (self.by is None) == (self.to is None):
            problem = "say 'by' for a factor or 'to' for a value, and not both"
            raise ValueError(problem)
        grows = self.by is not None and (factor(self.by) or 0) > 1
        shrinks = self.by is not None and not grows
        if (self.up_to and not grows) or (self.down_to and not shrinks):
            problem = "'up_to' ends a factor above 1, 'down_to' one below 1"
            raise ValueError(problem)
        return self


class RetryPart(BaseModel):
    """One rule: for these causes, so many attempts in all, with these changes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    on: Annotated[
        list[Cause],
        Field(min_length=1),
        BeforeValidator(_one_or_several, json_schema_input_type=Cause | list[Cause]),
    ]
    attempts: Annotated[int, Field(ge=2, le=100)] = 3
    set: Annotated[
        dict[str, ChangePart],
        BeforeValidator(_short_changes, json_schema_input_type=dict[str, str | ChangePart]),
    ] = {}
    wait: Annotated[Span, Field(ge=0)] = 10
    wait_up_to: Annotated[Span, Field(ge=0)] = 300

    @property
    def keys(self) -> list[str]:
        """The settings that it changes."""
        return [name for name in self.set if name not in LIMITS and name != GPU]

    @model_validator(mode="after")
    def _changes_help(self) -> "RetryPart":
        idle = sorted(ONLY_WAITING_HELPS.intersection(self.on))
        if idle and self.set:
            problem = f"only waiting helps against {idle[0]}: give it a rule without 'set'"
            raise ValueError(problem)
        for name, change in self.set.items():
            if name == GPU:
                if change.to != NO_GPU:
                    problem = f"'gpu' can be set to {NO_GPU} alone, for a stage that can do without"
                    raise ValueError(problem)
                continue
            if name.islower() and name not in LIMITS:
                problem = f"there is no limit {name!r}; there are {', '.join(sorted(LIMITS))}"
                raise ValueError(problem)
            texts = (change.up_to, change.down_to, change.to if name in LIMITS else None)
            for text in (text for text in texts if text is not None):
                _check_amount(name, text)
        return self


def _check_amount(name: str, text: str) -> None:
    try:
        found = amount(name, text)
    except ValueError as trouble:
        problem = f"{name}: {trouble}"
        raise ValueError(problem) from None
    if not math.isfinite(found) or (name in LIMITS and found <= 0):
        problem = f"{name}: {text} must be a number" + (", above 0" if name in LIMITS else "")
        raise ValueError(problem)


Rules = Annotated[
    list[RetryPart],
    BeforeValidator(_one_or_several, json_schema_input_type=RetryPart | list[RetryPart]),
]
