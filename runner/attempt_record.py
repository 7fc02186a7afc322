"""What the record of a run says of attempts: which one it was, and what was changed for it."""

from pydantic import BaseModel, ConfigDict, PositiveInt

from runner.errors import Verdict


class ChangedValue(BaseModel):
    """A limit or setting that the attempt had otherwise than the call asked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    asked: str
    used: str


class AttemptRecord(BaseModel):
    """Attempt ``number`` of at most ``of``.

    ``because`` is how the attempt before ended, ``after`` its run where it had one. ``moved_from``
    is the run whose GPU was lost, so that this one went on with its attempt.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: PositiveInt = 1
    of: PositiveInt = 1
    because: Verdict | None = None
    after: str | None = None
    moved_from: str | None = None
    changes: list[ChangedValue] = []
