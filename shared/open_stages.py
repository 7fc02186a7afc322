"""The stages that this process has open, and what happens to them when it ends."""

from __future__ import annotations

import atexit
import logging
import os
import signal
import sys
import threading
import weakref
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Dict, Final, List, MutableMapping, Optional, Tuple

from shared.folder_lock import FolderLock
from shared.log_files import StageLogs, prepare_pipeline_log
from shared.logger import DESK, get_logger, stage_logger_name
from shared.request import Request
from shared.spec import StageSpec
from shared.stage_manifest import StageManifest
from shared.stage_order import stage_name

NOT_FINALIZED: Final = "ended without finalize"
ENDING_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)


@dataclass(eq=False)
class OpenStage:
    """A stage's folder while this process works in it; shared by its StageIO objects."""

    job_dir: Path
    stage_id: str
    known_stages: Tuple[str, ...]
    request: Optional[Request] = None
    spec: Optional[StageSpec] = None
    manifest: Optional[StageManifest] = None
    logs: Optional[StageLogs] = None
    lock: Optional[FolderLock] = None
    owner: int = field(default_factory=os.getpid)

    @property
    def stage_dir(self) -> Path:
        """The stage's own folder."""
        return self.job_dir / self.stage_id

    @property
    def is_own(self) -> bool:
        """Whether this very process opened it."""
        return self.owner == os.getpid()

    @property
    def is_open(self) -> bool:
        """Whether this process opened it and has not said how it ended."""
        return self.is_own and self.manifest is not None and not self.manifest.is_final

    @property
    def logger(self) -> logging.Logger:
        """The stage's logger."""
        return get_logger(stage_logger_name(stage_name(self.stage_id)))

    def warn(self, message: str) -> None:
        """Log a warning in the stage's name."""
        self.logger.warning("%s", message)

    def hold(self) -> None:
        """Keep other processes out of the folder. Raises StageBusyError when one is in it."""
        if self.lock is None:
            self.lock = FolderLock(self.stage_dir)

    def release(self) -> None:
        """Let other processes have the folder."""
        if self.lock is not None:
            self.lock.release()
            self.lock = None


class StageTable:
    """The open stages of the process by folder; the latest one has the logs and the lock."""

    def __init__(self) -> None:
        self.current: Optional[OpenStage] = None
        self._open: Dict[str, OpenStage] = {}
        # Ended ones are remembered as long as somebody could still write through them.
        self._ended: MutableMapping[str, OpenStage] = weakref.WeakValueDictionary()
        self._lock = threading.RLock()
        self._is_hooked = False

    def open(self, stage: OpenStage, *, enable_manifest: bool) -> OpenStage:
        """Open the stage's folder, or return what this process has open there.

        Raises StageBusyError when another process works in it, OSError when it cannot be written.
        """
        with self._lock:
            key = os.path.realpath(stage.stage_dir)
            known = self._open.get(key)
            if enable_manifest and known is not None and known.is_open:
                stage = known
            self._let_go_of_others(stage)
            stage.stage_dir.mkdir(parents=True, exist_ok=True)
            if enable_manifest:
                stage.hold()
            try:
                self._equip(stage, key, enable_manifest=enable_manifest)
            except BaseException:
                stage.release()
                raise
            self.current = stage
            return stage

    def close(self, stage: OpenStage) -> None:
        """Note that a stage has said how it ended."""
        with self._lock:
            key = os.path.realpath(stage.stage_dir)
            if self._open.get(key) is stage:
                self._ended[key] = self._open.pop(key)
            stage.release()

    def write_pending(self) -> None:
        """Write what the latest manifest still holds back."""
        if self.current is not None and self.current.manifest is not None:
            self.current.manifest.write_if_due()

    def end_all(self, message: str, exception: Optional[BaseException] = None) -> bool:
        """Make every manifest final; returns whether one had not been."""
        own = [stage for stage in (*self._open.values(), *self._ended.values()) if stage.is_own]
        unfinished = [stage for stage in own if stage.is_open]
        for stage in own:
            # The process is about to end: what the disk refuses now cannot be said better.
            with suppress(OSError):
                if stage.manifest is not None:
                    stage.manifest.end(message, exception)
        for stage in unfinished:
            stage.logger.error("%s", message)
        return bool(unfinished)

    def free_lock(self) -> None:
        """In a new worker process: forget a lock that a thread of the parent may hold."""
        self._lock = threading.RLock()

    def _let_go_of_others(self, stage: OpenStage) -> None:
        # Descriptors are scarce, and a process that goes on to the next stage is done here.
        if self.current is not None and self.current is not stage and self.current.is_own:
            self.current.release()

    def _equip(self, stage: OpenStage, key: str, *, enable_manifest: bool) -> None:
        """Give the stage its logs and, once, its manifest."""
        if stage.logs is not None:
            DESK.open(stage.logs)
            return
        pipeline_log, problem = None, None
        if stage.request is None:
            pipeline_log, problem = prepare_pipeline_log(stage.job_dir / "logs")
        name = stage_name(stage.stage_id)
        stage.logs = StageLogs(name, stage.stage_dir / "stage.log", pipeline_log)
        DESK.open(stage.logs)
        if enable_manifest:
            self._retire(key)
            stage.manifest = _new_manifest(stage, [] if problem is None else [problem])
            self._open[key] = stage
            self._hook()
        if problem is not None:
            stage.warn(problem)

    def _retire(self, key: str) -> None:
        """Keep what ended in this folder before from writing over its successor."""
        before = self._ended.pop(key, None)
        if before is not None and before.manifest is not None and before.is_own:
            before.manifest.retire()

    def _hook(self) -> None:
        if not self._is_hooked:
            atexit.register(_at_exit)
            self._is_hooked = True
        if threading.current_thread() is not threading.main_thread():
            return
        for number in ENDING_SIGNALS:
            # A handler of the stage's own stays; what it does is its business.
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _on_signal)


def _new_manifest(stage: OpenStage, warnings: List[str]) -> StageManifest:
    request = stage.request
    if request is None:
        return StageManifest(
            stage.stage_id,
            stage.stage_dir,
            job_dir=stage.job_dir,
            warnings=warnings,
            notify=stage.warn,
        )
    return StageManifest(
        stage.stage_id,
        stage.stage_dir,
        job_dir=stage.job_dir,
        run_id=request.run_id,
        warnings=[*request.notices, *warnings],
        models={name: asdict(model) for name, model in request.models.items()},
        handed_file=request.handed_file,
        notify=stage.warn,
    )


def _at_exit() -> None:
    exception = getattr(sys, "last_value", None)
    if not isinstance(exception, BaseException):
        exception = None
    why = "" if exception is None else f": {type(exception).__name__}"
    STAGES.end_all(NOT_FINALIZED + why, exception)
    DESK.rest()


def _on_signal(number: int, _frame: Optional[FrameType]) -> None:
    if STAGES.end_all(f"{NOT_FINALIZED}: {signal.Signals(number).name}"):
        sys.exit(128 + number)  # and not at once, so that the stage's own clean-up runs
    # Nothing is left to say: end as if there were no handler.
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    sys.exit(128 + number)  # the kernel spares the first process of a container


def _unhook() -> None:
    """Let signals end a worker process at once, which has nothing to say about the stage.

    A handler would be run by Python alone, and not while it waits for a lock of another process:
    a pool that ends its workers would now and then wait for one for ever.
    """
    for number in ENDING_SIGNALS:
        if signal.getsignal(number) is _on_signal:
            signal.signal(number, signal.SIG_DFL)


STAGES: Final = StageTable()
DESK.after_line = STAGES.write_pending
os.register_at_fork(after_in_child=STAGES.free_lock)
os.register_at_fork(after_in_child=_unhook)
