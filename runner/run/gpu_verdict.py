"""The causes of a run's end that have to do with its GPUs, each a pure function of the facts."""

import re
from typing import Final

from runner.errors import Verdict
from runner.project.quantity import limit_text
from runner.run.contract import Found
from runner.run.facts import GPU_LIMIT, GPU_LOST, Facts
from runner.run.judgement import Circumstances, Judgement, texts_of, was_killed_for_memory

PROOF_SAMPLES: Final = 3
# What happens on a GPU in less time may have happened between two looks.
PROOF_SECONDS: Final = 1.0
GPU_MEMORY_PATTERN: Final = re.compile(
    r"CUDA (error: )?out of memory|CUDA failed with error out of memory"  # PyTorch, CTranslate2
    r"|torch\.(cuda\.)?OutOfMemoryError|cupy\S*OutOfMemoryError"
    r"|cudaErrorMemoryAllocation|CUDA_ERROR_OUT_OF_MEMORY"  # the runtime's and the driver's names
    r"|cudaMalloc failed: out of memory"  # ggml: whisper.cpp, llama.cpp
    r"|CUDA failure 2: out of memory"  # ONNX Runtime
    r"|CUDA runtime (error )?\((2\) : )?out of memory"  # TensorRT, older PyTorch
    r"|OOM when allocating .* by allocator GPU"  # TensorFlow
    r"|CU(BLAS|DNN|FFT)_STATUS_ALLOC_FAILED|CUFFT_ALLOC_FAILED"
    r"|CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
    re.IGNORECASE,
)
# What libraries say when memory is short, but of other causes as well.
AMBIGUOUS_PATTERN: Final = re.compile(
    r"out of memory|OutOfMemoryError|failed to allocate|allocation fail\w*|OOM when allocating"
    r"|RESOURCE_EXHAUSTED|CUBLAS_STATUS_NOT_INITIALIZED",
    re.IGNORECASE,
)
NEARLY_FULL: Final = 0.95
# What programs say whose container has lost its device nodes, for instance when its engine's
# settings were read anew.
GPU_GONE_PATTERN: Final = re.compile(
    r"no CUDA-capable device|CUDA_ERROR_NO_DEVICE|cudaErrorNoDevice|GPU is lost"
    r"|Failed to initialize NVML|CUDA driver initialization failed|CUDA unknown error",
    re.IGNORECASE,
)


def gpu_lost(facts: Facts, around: Circumstances) -> Judgement | None:
    """A GPU of the run vanished, or had an error that it does not get over."""
    if not around.gpus_lost and facts.stopped_for != GPU_LOST:
        return None
    what = f"{', '.join(around.gpus_lost)} vanished during the run."
    if facts.stopped_for == GPU_LOST:
        what = f"{facts.stop_story}."
    return Judgement(
        verdict=Verdict.GPU_LOST,
        reason=f"The GPU {what}",
        advice="See stagerun doctor; the stage can run again on another GPU.",
    )


def gpu_limit(facts: Facts, _: Circumstances) -> Judgement | None:
    """It was killed for more memory than was reserved for it."""
    if facts.stopped_for != GPU_LIMIT:
        return None
    return Judgement(
        verdict=Verdict.OOM_GPU,
        reason=f"The stage was killed, since {facts.stop_story} (gpu_limit: enforce).",
        advice="Raise gpu_memory, or choose a smaller model or batch.",
    )


def gpu_gone(facts: Facts, found: Found, around: Circumstances) -> Judgement | None:
    """The container lost its GPU, which the driver still has."""
    # A program that never was on it may have a driver that it does not fit.
    was_there = around.gpus and facts.usage and facts.usage.gpu_used
    match = GPU_GONE_PATTERN.search(texts_of(facts, found)) if was_there else None
    if match is None:
        return None
    return Judgement(
        verdict=Verdict.GPU_LOST,
        reason=f"The container could no longer use its GPU (the stage reported: {match[0]}).",
        advice="The driver still answers for it. See stagerun doctor, and run the stage again.",
    )


def gpu_memory(facts: Facts, found: Found, around: Circumstances) -> Judgement | None:
    """The GPU's memory was full, by the stage's own words or by these and the driver's figures."""
    if not around.gpus:
        return None
    texts, full = texts_of(facts, found), _nearly_full(facts)
    match = GPU_MEMORY_PATTERN.search(texts)
    if match is None and full is not None and not was_killed_for_memory(facts):
        match = AMBIGUOUS_PATTERN.search(texts)
    if match is None:
        return None
    evidence = f"the stage reported: {match[0]}" + (f"; {full}" if full else "")
    return Judgement(
        verdict=Verdict.OOM_GPU,
        reason=f"The GPU's memory was full ({evidence}).",
        advice="Choose a smaller model or batch, or wait until the GPU is free.",
    )


def _nearly_full(facts: Facts) -> str | None:
    """That the driver saw a GPU of this run nearly full; None where it did not."""
    for use in facts.usage.gpus.values() if facts.usage else ():
        peak, total = use.memory_used_peak_bytes, use.memory_total_bytes
        if peak and total and peak >= NEARLY_FULL * total:
            return f"{limit_text(peak)} of {limit_text(total)} were in use"
    return None


def gpu_mismatch(facts: Facts, found: Found, around: Circumstances) -> Judgement | None:
    """None of its processes was ever seen on a GPU, in as many samples as prove it."""
    usage = facts.usage
    if not around.gpus or not usage or not around.stage.gpu_proof:
        return None
    if found.manifest is not None and found.manifest.status == "skipped":
        return None
    if usage.gpu_samples < PROOF_SAMPLES or usage.gpu_used is not False:
        return None
    if facts.duration_seconds < PROOF_SECONDS:
        return None
    return Judgement(
        verdict=Verdict.GPU_MISMATCH,
        reason=f"It was granted {', '.join(around.gpus)}, and none of its processes held any "
        f"GPU memory in {usage.gpu_samples} samples.",
        advice="It ran on the CPU: look in stage.log which device its engine chose. A stage that "
        "need not use its GPU says gpu_proof: off in its stage.yaml.",
    )
