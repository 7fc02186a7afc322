"""What is known about the end of a container."""

import signal
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from runner.host.container import ContainerState
from runner.run.output import EndReport

if TYPE_CHECKING:
    from runner.host.monitor import Usage

SIGNALLED: Final = frozenset({128 + signal.SIGTERM, 128 + signal.SIGKILL})
GPU_LOST: Final = "gpu_lost"
GPU_LIMIT: Final = "gpu_limit"


@dataclass(frozen=True)
class Stop:
    """Why a run is stopped that nobody cancelled: a word for the cause, and the whole story.

    ``at_once`` is whether its stage gets no time to end by itself.
    """

    cause: str
    story: str
    at_once: bool = False


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known about how a container ended; None is unknown, not no.

    ``stop_story`` goes with ``stopped_for``; ``notes`` are what the user must know of the run
    beside its end.
    """

    started_at: datetime
    ended_at: datetime
    duration_seconds: float
    exit_code: int | None
    oom_event: bool | None = None
    oom_flag: bool | None = None
    report: EndReport | None = None
    stopped_for: str | None = None
    stop_story: str | None = None
    notes: tuple[str, ...] = ()
    engine_error: str | None = None
    state: ContainerState | None = None
    usage: "Usage | None" = None
    tail: tuple[str, ...] = ()
    media_seconds: float | None = None
    container_id: str | None = None
    start_ms: float = 0.0
