"""From signs of full memory, disk or GPU to a verdict: what counts as proof, and what does not."""

from dataclasses import replace
from typing import Any

import pytest

from runner.errors import Verdict
from runner.host.monitor import Usage
from runner.run.facts import Facts
from runner.run.output import EndReport
from runner.run.verdict import judge
from tests.unit.run.verdict_facts import AROUND, DONE, GPU, NOW, found, verdict

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


@pytest.mark.parametrize(
    "text",
    [
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
        "RuntimeError: CUDA failed with error out of memory",
        "CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate",
        "cudaErrorMemoryAllocation",
        "ggml_cuda: cudaMalloc failed: out of memory",
        "CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size)",
        "Cuda Runtime (out of memory)",
        "cuda runtime error (2) : out of memory at THCCachingHostAllocator.cpp",
        "OOM when allocating tensor with shape[64,3] on /device:GPU:0 by allocator GPU_0_bfc",
        "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
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
    facts = replace(DONE, usage=Usage(gpu_used=used, gpu_samples=samples))
    assert verdict(facts, found(), GPU) is expected
    assert verdict(facts, found(), AROUND) is Verdict.SUCCESS


def test_a_stage_that_skips_itself_need_not_use_its_gpu() -> None:
    facts = replace(DONE, usage=Usage(gpu_used=False, gpu_samples=9))
    assert judge(facts, found("skipped"), GPU).verdict is Verdict.SKIPPED


def test_words_about_a_driver_do_not_hide_that_the_kernel_killed_the_stage() -> None:
    said = ("warning: Failed to initialize NVML",)
    facts = replace(
        DONE, exit_code=137, oom_event=True, tail=said, usage=Usage(gpu_used=True, gpu_samples=9)
    )
    assert judge(facts, found("running"), GPU).verdict is Verdict.OOM_MEMORY


def test_a_driver_that_does_not_fit_the_image_is_no_lost_gpu() -> None:
    facts = replace(
        DONE,
        exit_code=1,
        tail=("CUDA driver initialization failed",),
        usage=Usage(gpu_used=False, gpu_samples=9),
    )
    assert judge(facts, found("running"), GPU).verdict is Verdict.STAGE_FAILED


def test_memory_of_another_kind_is_no_memory_of_the_gpu() -> None:
    facts = replace(DONE, exit_code=1, tail=("java.lang.OutOfMemoryError: Java heap space",))
    assert judge(facts, found("running"), GPU).verdict is Verdict.STAGE_FAILED


def test_a_run_of_less_than_a_second_proves_nothing_about_its_gpu() -> None:
    facts = replace(DONE, duration_seconds=0.9, usage=Usage(gpu_used=False, gpu_samples=5))
    assert judge(facts, found(), GPU).verdict is Verdict.SUCCESS
