"""What may stand in a stage's ``fixture.yaml`` and ``expect.yaml``, as pydantic models."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from runner.errors import Verdict
from runner.project.schema import (
    ImageDigest,
    Name,
    Part,
    Reference,
    Size,
    one_or_several_words,
)

JsonType = Literal["text", "number", "boolean", "list", "object", "null"]


def _one_number_or_a_range(value: Any) -> Any:
    return [value, value] if isinstance(value, str | int | float) else value


def _ascending(value: list[float]) -> list[float]:
    if value[0] > value[1]:
        problem = f"a range begins with the smaller number: [{value[1]:g}, {value[0]:g}]"
        raise ValueError(problem)
    return value


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as problem:
        msg = f"{value!r} is no regular expression: {problem}"
        raise ValueError(msg) from None
    return value


Texts = Annotated[
    list[str], BeforeValidator(one_or_several_words, json_schema_input_type=str | list[str])
]
Range = Annotated[list[float], Field(min_length=2, max_length=2), AfterValidator(_ascending)]
Count = Annotated[
    Range, BeforeValidator(_one_number_or_a_range, json_schema_input_type=int | list[int])
]
SizeRange = Annotated[list[Size], Field(min_length=2, max_length=2), AfterValidator(_ascending)]
Expression = Annotated[str, AfterValidator(_expression)]


class ValuePart(Part):
    """What a value inside a JSON file must be; one word for a value, two numbers for a range."""

    equals: str | None = None
    range: Range | None = None
    length: Count | None = None
    type: JsonType | None = None
    contains: Texts = Field(default_factory=list)
    matches: Expression | None = None
    like: str | None = None
    likeness: Annotated[float, Field(gt=0, le=1)] = 0.9

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, list):
            return {"range": value}
        return value if isinstance(value, dict) else {"equals": value}


class FilePart(Part):
    """What a file must be."""

    size: SizeRange | None = None
    digest: ImageDigest | None = None
    contains: Texts = Field(default_factory=list)
    like: str | None = None
    likeness: Annotated[float, Field(gt=0, le=1)] = 0.9
    json_: Annotated[dict[str, ValuePart], Field(alias="json", default_factory=dict)]


class OutputPart(FilePart):
    """What each file of an output must be, and how many there are; a number stands for these."""

    files: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"files": value}


class JobPart(Part):
    """The files and settings of a job for one stage."""

    input: dict[Name, str] = Field(default_factory=dict)
    have: dict[Reference, Texts] = Field(default_factory=dict)
    config: dict[str, str] = Field(default_factory=dict)


class FixtureFile(JobPart):
    """``stages/NN_name/fixture/fixture.yaml``: a small job, and how its files are made."""

    make: Name | None = None
    make_in: Name | None = None


class BadPart(JobPart):
    """A job that is no good: what is different in it, and how the stage must end."""

    leave_out: list[str] = Field(default_factory=list)
    verdict: Verdict | Literal["refused"]
    says: Texts = Field(default_factory=list)


class ExpectFile(Part):
    """``stages/NN_name/fixture/expect.yaml``: what must come of the job, and of bad ones."""

    verdict: Verdict = Verdict.SUCCESS
    outputs: dict[Name, OutputPart] = Field(default_factory=dict)
    files: dict[str, FilePart] = Field(default_factory=dict)
    bad: dict[str, BadPart] = Field(default_factory=dict)
