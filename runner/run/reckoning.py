"""How the jobs of a call have ended, all in all."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.errors import Verdict
from runner.events import FailedJob, JobRefused, JobsFinished
from runner.run.standing import JobOutcome


@dataclass(frozen=True, kw_only=True)
class _End:
    """How one job ended: badly, stopped, or well, and then whether nothing had to run."""

    exit_code: int
    failed: FailedJob | None = None
    is_cancelled: bool = False
    is_up_to_date: bool = False

    @property
    def is_good(self) -> bool:
        return self.failed is None and not self.is_cancelled


@dataclass
class Reckoning:
    """Counts how jobs end, each by its last end: one that is tried again counts once."""

    _ends: dict[str, _End] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    def ended(self, outcome: JobOutcome) -> None:
        """Count a job that has ended."""
        job, blamed = str(outcome.job.root), outcome.blamed
        if blamed is None:
            is_up_to_date = all(item.ran is None for item in outcome.outcomes)
            self._ends[job] = _End(exit_code=0, is_up_to_date=is_up_to_date)
        elif blamed.verdict is Verdict.CANCELLED:
            self._ends[job] = _End(exit_code=outcome.exit_code, is_cancelled=True)
        else:
            failed = FailedJob(
                job=job,
                stage=blamed.stage,
                verdict=blamed.verdict,
                exit_code=blamed.exit_code,
                reason=blamed.reason,
                run_id=blamed.run_id,
                log=str(outcome.log) if outcome.log and blamed.is_own_fault else None,
            )
            self._ends[job] = _End(exit_code=outcome.exit_code, failed=failed)

    def refused(self, refusal: JobRefused) -> None:
        """Count what could not be run as a job."""
        failed = FailedJob(
            job=refusal.job,
            stage=None,
            verdict=None,
            exit_code=refusal.exit_code,
            reason=refusal.reason,
        )
        self._ends[refusal.job] = _End(exit_code=refusal.exit_code, failed=failed)

    def taken(self, place: str) -> bool:
        """Count no longer as refused what has become a job after all; False if it was not."""
        return self._ends.pop(place, None) is not None

    def exit_code(self, order: Sequence[str]) -> int:
        """That of the first job, in this order, that did not end well."""
        ends = (self._ends.get(job) for job in order)
        return next((end.exit_code for end in ends if end is not None and end.exit_code), 0)

    def event(self, exit_code: int) -> JobsFinished:
        """All of it, for observers."""
        ends = self._ends.values()
        return JobsFinished(
            done=sum(end.is_good for end in ends),
            up_to_date=sum(end.is_up_to_date for end in ends),
            failed=tuple(end.failed for end in ends if end.failed is not None),
            cancelled=sum(end.is_cancelled for end in ends),
            duration_seconds=round(time.monotonic() - self._began, 3),
            exit_code=exit_code,
        )
