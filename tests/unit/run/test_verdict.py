"""From facts to a verdict: every row of the table, and the order where several fit."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Verdict
from runner.host.monitor import Usage
from runner.manifest import StageManifest
from runner.project.stage import Parent, Resources, StageSpec
from runner.run.contract import Found, Problem
from runner.run.output import EndReport
from runner.run.supervision import Facts
from runner.run.verdict import Circumstances, Judgement, judge

NOW = datetime(2026, 11, 21, tzinfo=UTC)
STAGE = StageSpec(
    id="06_asr",
    folder=Path("stages/06_asr"),
    summary="",
    parents={"main": Parent(image="base")},
    gpu="none",
    inputs=(),
    outputs=(),
    config={},
    models=(),
    resources=Resources(),
    network=False,
    secrets=(),
)
AROUND = Circumstances(
    stage=STAGE,
    limits=Resources(memory=1 << 30, tmp=64 << 20, timeout=90),
    disk_free_bytes=1 << 40,
)
DONE = Facts(started_at=NOW, ended_at=NOW, duration_seconds=1, exit_code=0)


def manifest(status: str = "success", **parts: Any) -> StageManifest:
    return StageManifest.model_validate(
        {
            "stage": "asr",
            "stage_number": 6,
            "status": status,
            "inputs": [],
            "outputs": [],
            **parts,
        }
    )


def found(status: str | None = "success", *problems: Problem, **parts: Any) -> Found:
    return Found(
        manifest=None if status is None else manifest(status, **parts),
        manifest_problem="there is no manifest.json" if status is None else None,
        outputs=(),
        problems=problems,
    )


ERROR = Problem(path="a", text="tracked as an output, not there")
WARNING = Problem(path="b", text="not tracked", is_warning=True)


def verdict(facts: Facts, found: Found, around: Circumstances = AROUND) -> Verdict:
    return judge(facts, found, around).verdict


def test_a_final_and_valid_manifest_is_a_success() -> None:
    judgement = judge(DONE, found(), AROUND)
    assert judgement == Judgement(verdict=Verdict.SUCCESS, reason="")


def test_a_stage_that_skipped_itself_is_skipped_with_its_reason() -> None:
    judgement = judge(DONE, found("skipped", reason="no subtitles wanted"), AROUND)
    assert (judgement.verdict, judgement.reason) == (Verdict.SKIPPED, "no subtitles wanted")


@pytest.mark.parametrize("code", [1, 2, 3, 127, 255, None])
@pytest.mark.parametrize("status", ["success", "running", "failed", "skipped", None])
def test_an_exit_code_other_than_0_is_a_failure_whatever_the_manifest_says(
    code: int | None, status: str | None
) -> None:
    assert verdict(replace(DONE, exit_code=code), found(status)) is Verdict.STAGE_FAILED


def test_a_stage_that_says_failed_has_failed_whatever_its_exit_code() -> None:
    judgement = judge(DONE, found("failed", errors=["no sound"]), AROUND)
    assert judgement.verdict is Verdict.STAGE_FAILED
    assert judgement.reason == "The stage said failed, with exit code 0. It reports: no sound"


def test_the_reason_of_a_failure_is_the_stages_first_error() -> None:
    errors = [{"message": "first"}, "second"]
    judgement = judge(replace(DONE, exit_code=3), found("failed", errors=errors), AROUND)
    assert judgement.reason == "The stage ended with exit code 3. It reports: first"


@pytest.mark.parametrize("parts", [{"error": "why"}, {"reason": "why"}])
def test_a_failure_without_errors_is_explained_by_what_else_it_said(parts: dict[str, str]) -> None:
    judgement = judge(replace(DONE, exit_code=1), found("failed", **parts), AROUND)
    assert judgement.reason.endswith("It reports: why")


def test_a_failure_without_a_manifest_is_explained_by_the_last_words() -> None:
    facts = replace(DONE, exit_code=1, tail=("Traceback:", "ValueError: x", " "))
    assert judge(facts, found(None), AROUND).reason.endswith("Its last words: ValueError: x")


def test_a_long_story_is_cut_to_one_line() -> None:
    judgement = judge(DONE, found("failed", errors=["word \n" * 10_000]), AROUND)
    assert len(judgement.reason) < 600
    assert "\n" not in judgement.reason


def test_a_kill_that_nobody_here_ordered_is_said_to_be_one() -> None:
    judgement = judge(replace(DONE, exit_code=137), found("running"), AROUND)
    assert judgement.verdict is Verdict.STAGE_FAILED
    assert "killed by a signal that stagerun did not send" in judgement.reason


@pytest.mark.parametrize(
    ("status", "text"),
    [(None, "there is no manifest.json"), ("running", "still says running")],
)
def test_a_good_end_without_a_final_manifest_breaks_the_contract(
    status: str | None, text: str
) -> None:
    judgement = judge(DONE, found(status), AROUND)
    assert judgement.verdict is Verdict.CONTRACT_VIOLATION
    assert text in judgement.reason


def test_a_success_that_the_files_contradict_breaks_the_contract() -> None:
    judgement = judge(DONE, found("success", ERROR), AROUND)
    assert judgement.verdict is Verdict.CONTRACT_VIOLATION
    assert "stages/06_asr/stage.yaml" in (judgement.advice or "")


def test_a_warning_alone_breaks_no_contract_and_is_passed_on() -> None:
    judgement = judge(DONE, found("success", WARNING), AROUND)
    assert judgement.verdict is Verdict.SUCCESS
    assert judgement.warnings == ("b: not tracked",)


def test_very_many_warnings_are_not_all_passed_on() -> None:
    assert len(judge(DONE, found("success", *[WARNING] * 500), AROUND).warnings) == 10


def test_a_timeout_names_the_limit_and_the_option() -> None:
    judgement = judge(replace(DONE, exit_code=143, stopped_for="timeout"), found(), AROUND)
    assert judgement.verdict is Verdict.TIMEOUT
    assert "1:30" in judgement.reason
    assert "--timeout" in (judgement.advice or "")


def test_a_cancellation_names_its_signal() -> None:
    judgement = judge(replace(DONE, stopped_for="cancelled by SIGTERM"), found(), AROUND)
    assert judgement.verdict is Verdict.CANCELLED
    assert "SIGTERM" in judgement.reason


def test_an_engine_that_went_away_is_no_fault_of_the_stage() -> None:
    facts = replace(DONE, exit_code=None, engine_error="connection refused")
    judgement = judge(facts, found("running"), AROUND)
    assert judgement.verdict is Verdict.ENGINE_UNAVAILABLE
    assert "connection refused" in judgement.reason


def test_a_gpu_that_vanished_is_named() -> None:
    around = replace(AROUND, gpus=("GPU-1", "GPU-2"), gpus_lost=("GPU-2",))
    judgement = judge(replace(DONE, exit_code=1), found("failed"), around)
    assert judgement.verdict is Verdict.GPU_LOST
    assert "GPU-2" in judgement.reason


SIGNS = [
    {"oom_event": True},
    {"oom_flag": True},
    {"report": EndReport(oom_kills=1)},
]
FAILURES: list[tuple[int, str | None]] = [
    (137, "running"),
    (1, "failed"),
    (0, "failed"),
    (3, None),
    (0, None),
    (0, "running"),
]


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: next(iter(sign)))
@pytest.mark.parametrize(("code", "status"), FAILURES)
def test_each_sign_of_a_memory_kill_counts_where_the_stage_did_not_succeed(
    sign: dict[str, Any], code: int, status: str | None
) -> None:
    judgement = judge(replace(DONE, exit_code=code, **sign), found(status), AROUND)
    assert judgement.verdict is Verdict.OOM_MEMORY
    assert "1 GiB" in judgement.reason
    assert "--memory" in (judgement.advice or "")


@pytest.mark.parametrize("sign", SIGNS, ids=lambda sign: next(iter(sign)))
def test_a_success_that_survived_a_childs_memory_kill_carries_a_warning(
    sign: dict[str, Any],
) -> None:
    judgement = judge(replace(DONE, **sign), found(), AROUND)
    assert judgement.verdict is Verdict.SUCCESS
    assert "killed for memory" in judgement.warnings[0]


UNKNOWN = Facts(started_at=NOW, ended_at=NOW, duration_seconds=1, exit_code=137)


@pytest.mark.parametrize(
    "facts",
    [
        UNKNOWN,
        replace(UNKNOWN, report=EndReport()),
        replace(UNKNOWN, oom_event=False, oom_flag=False, report=EndReport(oom_kills=0)),
    ],
)
def test_exit_code_137_alone_is_no_proof_of_a_memory_kill(facts: Facts) -> None:
    assert verdict(facts, found("running")) is Verdict.STAGE_FAILED


def test_evidence_that_is_missing_is_not_taken_for_a_no() -> None:
    facts = replace(UNKNOWN, oom_event=None, oom_flag=None, report=EndReport(oom_kills=3))
    assert verdict(facts, found(None)) is Verdict.OOM_MEMORY
    facts = replace(UNKNOWN, oom_event=True, oom_flag=False, report=None)
    assert verdict(facts, found(None)) is Verdict.OOM_MEMORY


def test_the_peak_is_part_of_the_reason() -> None:
    facts = replace(UNKNOWN, oom_flag=True, usage=Usage(memory_peak_bytes=1_073_000_000))
    assert "peak 1.1 GB" in judge(facts, found(None), AROUND).reason


FULL = [
    "OSError: [Errno 28] No space left on device: '/job/06_asr/x'",
    "write: no space left on device",
    "ENOSPC: cannot write",
]


@pytest.mark.parametrize("text", FULL)
@pytest.mark.parametrize("heard", ["tail", "errors"])
def test_a_stage_that_found_no_space_is_believed(text: str, heard: str) -> None:
    facts = replace(DONE, exit_code=1, tail=(text,) if heard == "tail" else ())
    errors = [text] if heard == "errors" else []
    assert verdict(facts, found("failed", errors=errors)) is Verdict.DISK_FULL


@pytest.mark.parametrize("free", [0, 4096, 1 << 20])
def test_a_failure_on_a_full_disk_is_the_disks(free: int) -> None:
    around = replace(AROUND, disk_free_bytes=free)
    assert verdict(replace(DONE, exit_code=1), found("failed"), around) is Verdict.DISK_FULL


def test_a_full_disk_that_the_stage_got_along_with_is_no_failure() -> None:
    around = replace(AROUND, disk_free_bytes=0)
    facts = replace(DONE, tail=("No space left on device",))
    assert verdict(facts, found(), around) is Verdict.SUCCESS


def test_unknown_free_space_is_not_none() -> None:
    around = replace(AROUND, disk_free_bytes=None)
    assert verdict(replace(DONE, exit_code=1), found("failed"), around) is Verdict.STAGE_FAILED
    facts = replace(DONE, exit_code=1, tail=("No space left on device",))
    assert "unknown free" in judge(facts, found("failed"), around).reason


GPU = replace(AROUND, gpus=("GPU-1",))


@pytest.mark.parametrize(
    "text",
    [
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
        "RuntimeError: CUDA failed with error out of memory",
        "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate",
        "cudaErrorMemoryAllocation",
    ],
)
def test_a_full_gpu_is_recognised_by_what_libraries_say(text: str) -> None:
    facts = replace(DONE, exit_code=1, tail=(text,))
    assert verdict(facts, found("failed"), GPU) is Verdict.OOM_GPU
    assert verdict(facts, found("failed"), AROUND) is Verdict.STAGE_FAILED
    assert verdict(DONE, found("success", errors=[text]), GPU) is Verdict.SUCCESS


@pytest.mark.parametrize(
    ("used", "samples", "expected"),
    [
        (False, 3, Verdict.GPU_MISMATCH),
        (False, 2, Verdict.SUCCESS),
        (None, 99, Verdict.SUCCESS),
        (True, 99, Verdict.SUCCESS),
    ],
)
def test_a_gpu_counts_as_unused_only_when_that_was_seen(
    used: bool | None, samples: int, expected: Verdict
) -> None:
    facts = replace(DONE, usage=Usage(gpu_used=used, samples=samples))
    assert verdict(facts, found(), GPU) is expected
    assert verdict(facts, found(), AROUND) is Verdict.SUCCESS


UNUSED = Usage(gpu_used=False, samples=9)
# The order of the table of verdicts; what makes each row fit, as facts, manifest, circumstances.
CAUSES: list[tuple[Verdict, dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    (Verdict.CANCELLED, {"stopped_for": "cancelled by SIGINT"}, {}, {}),
    (Verdict.GPU_LOST, {}, {}, {"gpus_lost": ("GPU-1",)}),
    (Verdict.OOM_GPU, {"exit_code": 1}, {"errors": ["CUDA out of memory"]}, {}),
    (Verdict.OOM_MEMORY, {"exit_code": 1, "oom_flag": True}, {}, {}),
    (Verdict.DISK_FULL, {"exit_code": 1}, {}, {"disk_free_bytes": 0}),
    (Verdict.STAGE_FAILED, {"exit_code": 1}, {"status": "failed"}, {}),
    (Verdict.CONTRACT_VIOLATION, {}, {"problems": (ERROR,)}, {}),
    (Verdict.GPU_MISMATCH, {"usage": UNUSED}, {}, {}),
]
TIMEOUT: tuple[Verdict, dict[str, Any], dict[str, Any], dict[str, Any]] = (
    Verdict.TIMEOUT,
    {"stopped_for": "timeout"},
    {},
    {},
)
PAIRS = [*combinations(CAUSES, 2), *((TIMEOUT, cause) for cause in CAUSES[1:])]


def judged(*causes: tuple[Verdict, dict[str, Any], dict[str, Any], dict[str, Any]]) -> Verdict:
    facts, document, around = DONE, {"status": "success", "problems": ()}, GPU
    for _, facts_parts, document_parts, around_parts in causes:
        facts = replace(facts, **facts_parts)
        document = {**document, **document_parts}
        around = replace(around, **around_parts)
    status, problems = str(document.pop("status")), document.pop("problems")
    assert isinstance(problems, tuple)
    return verdict(facts, found(status, *problems, **document), around)


@pytest.mark.parametrize("cause", [*CAUSES, TIMEOUT], ids=lambda cause: str(cause[0]))
def test_a_cause_alone_is_the_verdict(cause: Any) -> None:
    assert judged(cause) is cause[0]


@pytest.mark.parametrize(
    ("first", "second"), PAIRS, ids=[f"{one[0]}-before-{two[0]}" for one, two in PAIRS]
)
def test_of_two_causes_the_one_higher_in_the_table_counts(first: Any, second: Any) -> None:
    assert judged(second, first) is first[0]
