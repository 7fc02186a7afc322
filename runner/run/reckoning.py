"""How the jobs of a call have ended, all in all."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.errors import Verdict
from runner.events import FailedJob, JobRefused, JobsFinished
from runner.run.standing import JobOutcome


@dataclass
class Reckoning:
    """Counts how jobs end; ``exit_codes`` are theirs, by job."""

    done: int = 0
    up_to_date: int = 0
    cancelled: int = 0
    failed: list[FailedJob] = field(default_factory=list)
    exit_codes: dict[str, int] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic)

    def ended(self, outcome: JobOutcome) -> None:
        """Count a job that has ended."""
        job, blamed = str(outcome.job.root), outcome.blamed
        self.exit_codes[job] = outcome.exit_code or self.exit_codes.get(job, 0)
        if blamed is None:
            self.done += 1
            self.up_to_date += all(item.ran is None for item in outcome.outcomes)
        elif blamed.verdict is Verdict.CANCELLED:
            self.cancelled += 1
        else:
            self.failed.append(
                FailedJob(
                    job=job,
                    stage=blamed.stage,
                    verdict=blamed.verdict,
                    exit_code=blamed.exit_code,
                    reason=blamed.reason,
                    run_id=blamed.run_id,
                    log=str(outcome.log) if outcome.log and blamed.is_own_fault else None,
                )
            )

    def refused(self, refusal: JobRefused) -> None:
        """Count what could not be run as a job."""
        self.exit_codes[refusal.job] = refusal.exit_code
        self.failed.append(
            FailedJob(
                job=refusal.job,
                stage=None,
                verdict=None,
                exit_code=refusal.exit_code,
                reason=refusal.reason,
            )
        )

    def exit_code(self, order: Sequence[str]) -> int:
        """That of the first job, in this order, that did not end well."""
        return next((code for job in order if (code := self.exit_codes[job])), 0)

    def event(self, exit_code: int) -> JobsFinished:
        """All of it, for observers."""
        return JobsFinished(
            done=self.done,
            up_to_date=self.up_to_date,
            failed=tuple(self.failed),
            cancelled=self.cancelled,
            duration_seconds=round(time.monotonic() - self._began, 3),
            exit_code=exit_code,
        )
