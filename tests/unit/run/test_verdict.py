"""From facts to a verdict: every row of the table, and the order where several fit."""

from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest

from runner.errors import Verdict
from runner.host.monitor import Usage
from runner.run.facts import GPU_LIMIT, GPU_LOST
from runner.run.findings import Problem
from runner.run.judgement import Judgement
from runner.run.verdict import judge
from tests.unit.run.verdict_facts import AROUND, DONE, GPU, found, verdict

ERROR = Problem(path="a", text="tracked as an output, not there")
WARNING = Problem(path="b", text="not tracked", is_warning=True)


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
    assert judgement.reason == "The stage reports: no sound. It said failed, with exit code 0."


def test_the_reason_of_a_failure_is_the_stages_first_error() -> None:
    errors = [{"message": "first"}, "second"]
    judgement = judge(replace(DONE, exit_code=3), found("failed", errors=errors), AROUND)
    assert judgement.reason == "The stage reports: first. It ended with exit code 3."


@pytest.mark.parametrize("parts", [{"error": "why"}, {"reason": "why"}])
def test_a_failure_without_errors_is_explained_by_what_else_it_said(parts: dict[str, str]) -> None:
    judgement = judge(replace(DONE, exit_code=1), found("failed", **parts), AROUND)
    assert judgement.reason.startswith("The stage reports: why. ")


def test_a_failure_without_a_manifest_is_explained_by_the_last_words() -> None:
    facts = replace(DONE, exit_code=1, tail=("Traceback:", "ValueError: x", " "))
    reason = judge(facts, found(None), AROUND).reason
    assert reason == "The stage's last words: ValueError: x. It ended with exit code 1."


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


@pytest.mark.parametrize(
    ("cause", "verdict"), [(GPU_LOST, Verdict.GPU_LOST), (GPU_LIMIT, Verdict.OOM_GPU)]
)
def test_a_process_that_hangs_in_the_driver_does_not_hide_why_it_was_to_end(
    cause: str, verdict: Verdict
) -> None:
    facts = replace(
        DONE,
        exit_code=None,
        stopped_for=cause,
        stop_story="GPU-1: Xid 79",
        engine_error="the container did not end after SIGKILL",
    )
    judgement = judge(facts, found("running"), replace(AROUND, gpus=("GPU-1",)))
    assert judgement.verdict is verdict
    assert "GPU-1: Xid 79" in judgement.reason


UNUSED = Usage(gpu_used=False, gpu_samples=9)
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
