"""One entry of the ledger: what a run has of the GPUs, or waits for.

Other users write entries too, so each is read as a stranger's.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from runner.host.machine import ProcessIdentity

SCHEMA_VERSION: Final = 1
# More bytes or nanoseconds than any machine has.
LARGEST: Final = 1 << 63
LARGEST_PID: Final = (1 << 31) - 1
LONGEST: Final = 200
"""Characters of a name that are shown of what another user wrote."""


class State(StrEnum):
    """What an entry is about.

    ``OUTLIVED`` is what a run had that has ended while its container has not, and ``KEPT`` memory
    that did not come back when both had ended.
    """

    WAITING = "waiting"
    HELD = "held"
    OUTLIVED = "outlived"
    KEPT = "kept"


@dataclass(frozen=True, kw_only=True)
class Reservation:
    """What one run has, waits for, or left; memory in bytes per GPU, by UUID.

    ``whole`` is whether it has its ``count`` GPUs for itself, or wants them so. ``ticket`` is its
    turn, a time in nanoseconds since the boot: lower ones come first; ``since`` is when it began to
    wait. The shares of one that waits are its claims: on those GPUs nothing may start that would
    make it wait longer. ``started`` is whether the engine is done with the start of the container.
    ``holders`` are the processes that still have what was left, and ``unlisted_bytes`` what no
    process had on each GPU before the run.
    """

    id: str
    state: State
    owner: ProcessIdentity
    user: str
    job: str
    stage: str
    ticket: int
    since: int
    shares: Mapping[str, int]
    count: int = 1
    whole: bool = False
    run_id: str | None = None
    container_id: str | None = None
    started: bool = False
    holders: tuple[int, ...] = ()
    unlisted_bytes: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The run for people."""
        return f"{self.stage} of {self.job} ({self.user})"

    @property
    def is_alone(self) -> bool:
        """Whether nobody else may get memory of its GPUs, not even what becomes free there."""
        return self.whole and self.state in (State.HELD, State.OUTLIVED)

    @property
    def is_lost(self) -> bool:
        """Whether it is memory that no process is said to have, which may never come back."""
        return self.state is State.KEPT and not self.holders


def text_of(reservation: Reservation) -> str:
    """The entry as it lies in the ledger."""
    return json.dumps({"schema_version": SCHEMA_VERSION, **asdict(reservation)})


def reservation_from(text: str | bytes) -> Reservation:
    """The entry of such a text. Raises ValueError for anything else."""
    try:
        content = json.loads(text)
        if content.pop("schema_version") != SCHEMA_VERSION:
            raise ValueError
        return _checked(content)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        msg = "no entry of a ledger"
        raise ValueError(msg) from None


def _checked(content: dict[str, Any]) -> Reservation:
    owner = ProcessIdentity(**content.pop("owner"))
    shares, unlisted = (_sizes(content.pop(name)) for name in ("shares", "unlisted_bytes"))
    holders = tuple(_pid(pid) for pid in content.pop("holders"))
    found = Reservation(
        **{
            **content,
            "state": State(content["state"]),
            "owner": ProcessIdentity(
                _pid(owner.pid),
                _size(owner.started),
                _text(owner.boot_id),
                _text(owner.machine_id),
            ),
            "shares": shares,
            "unlisted_bytes": unlisted,
            "holders": holders,
        }
    )
    for text in (found.id, found.user, found.job, found.stage):
        _text(text)
    for known in (found.run_id, found.container_id):
        if known is not None and not _text(known):
            raise ValueError
    for size in (found.ticket, found.since, found.count):
        _size(size)
    for flag in (found.whole, found.started):
        if not isinstance(flag, bool):
            raise TypeError
    return found


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST or not value.isprintable():
        raise TypeError
    return value


def _sizes(value: dict[str, object]) -> dict[str, int]:
    return {_text(uuid): _size(size) for uuid, size in value.items()}


def _size(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < LARGEST:
        raise TypeError
    return value


def _pid(value: object) -> int:
    if not 0 < _size(value) <= LARGEST_PID:
        raise TypeError
    return _size(value)
