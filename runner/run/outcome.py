"""What a call did with one stage, and how observers hear of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runner.errors import EXIT_CODES, SIGNAL_EXIT_CODES, JobAccessError, StagerunError, Verdict
from runner.events import Observer, StageFinished, StageWaiting, WaitsFor
from runner.project.stage import StageSpec

if TYPE_CHECKING:
    from runner.manifest import RunRecord
    from runner.run.attempt import Run


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The end of one stage in this call; ``ran`` is the run that came to it, if one did.

    ``reason`` says of one that is not good what happened, ``is_access`` whether the system refused
    a file of the job, which may pass.
    """

    stage: str
    verdict: Verdict | None
    exit_code: int
    reason: str = ""
    is_access: bool = False
    run_id: str | None = None
    ran: "Run | None" = field(default=None, repr=False, compare=False)

    @property
    def good(self) -> bool:
        """Whether consumers can go on."""
        return self.verdict is not None and self.verdict.good

    @property
    def is_own_fault(self) -> bool:
        """Whether the program itself failed: any other lost runner has left a run."""
        return self.verdict is Verdict.RUNNER_LOST and self.run_id is None


def waiting(stage: StageSpec, emit: Observer) -> Callable[[str], None]:
    """A function that tells observers behind which runner a stage waits."""
    runner = WaitsFor.RUNNER
    return lambda reason: emit(StageWaiting(stage=stage.id, reason=reason, waits_for=runner))


def cached(stage: StageSpec, entry: dict[str, Any], emit: Observer) -> Outcome:
    """The last result is still good."""
    run_id = str(entry["good_run_id"])
    emit(
        StageFinished(
            stage=stage.id,
            verdict=Verdict.CACHED,
            run_id=run_id,
            summary=f"same inputs, image and settings as run {run_id} (--force runs it again)",
        )
    )
    return Outcome(stage=stage.id, verdict=Verdict.CACHED, exit_code=0, run_id=run_id)


def given(stage: StageSpec, entry: dict[str, Any], emit: Observer) -> Outcome:
    """The user gave the result, and it is still the same."""
    run_id, verdict = str(entry["good_run_id"]), Verdict.CACHED
    emit(StageFinished(stage=stage.id, verdict=verdict, run_id=run_id, summary=entry["summary"]))
    return Outcome(stage=stage.id, verdict=verdict, exit_code=0, run_id=run_id)


def skipped(stage: StageSpec, reason: str, emit: Observer) -> Outcome:
    """The stage is switched off."""
    emit(StageFinished(stage=stage.id, verdict=Verdict.SKIPPED, summary=reason))
    return Outcome(stage=stage.id, verdict=Verdict.SKIPPED, exit_code=0)


def finished(run: "Run", record: "RunRecord", emit: Observer) -> Outcome:
    """A container ran; its record says how it ended."""
    code = EXIT_CODES[record.verdict]
    if record.verdict == Verdict.CANCELLED:
        signal = (record.evidence.stopped_for or "").removeprefix("cancelled by ")
        code = SIGNAL_EXIT_CODES.get(signal, code)
    emit(
        StageFinished(
            stage=record.stage_id,
            verdict=record.verdict,
            exit_code=code,
            run_id=record.run_id,
            summary=record.summary if record.verdict == Verdict.SUCCESS else record.reason,
            details=tuple(_details(run, record)),
            warnings=tuple(record.warnings),
            duration_seconds=record.duration_seconds,
            memory_peak_bytes=record.usage.memory_peak_bytes,
            record=record.model_dump(mode="json"),
        )
    )
    return Outcome(
        stage=record.stage_id,
        verdict=record.verdict,
        exit_code=code,
        reason=record.reason,
        run_id=record.run_id,
        ran=run,
    )


def _details(run: "Run", record: "RunRecord") -> list[str]:
    if record.verdict.good:
        return []
    shown = [
        f"  {item.path}  {item.problem}" for item in record.findings if item.severity == "error"
    ]
    rest = record.findings_total - len(record.findings)
    lines = [*shown, *([f"  and {rest} more"] if rest > 0 else [])]
    if record.advice:
        lines.append(record.advice)
    if run.job.previous_folder(record.stage_id).is_dir():
        lines.append(
            f"The previous good result is kept: stagerun restore {record.stage_id} {run.job.root}"
        )
    log = run.job.stage_folder(record.stage_id) / "stage.log"
    where = log if log.is_file() else run.output_log
    lines.append(f"log: {where} · record: {run.folder}")
    return lines


def refused(
    stage: StageSpec,
    problem: StagerunError,
    exit_code: int,
    emit: Observer,
    *,
    details: Sequence[str] = (),
) -> Outcome:
    """The run did not take place; the error says why, and ``details`` say more."""
    emit(
        StageFinished(
            stage=stage.id,
            verdict=problem.verdict,
            exit_code=exit_code,
            summary=str(problem),
            details=tuple(details),
        )
    )
    return Outcome(
        stage=stage.id,
        verdict=problem.verdict,
        exit_code=exit_code,
        reason=str(problem),
        is_access=isinstance(problem, JobAccessError),
    )
