"""A machine with a real GPU, a stage that computes on it; all is skipped where there is none."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from runner.host.engine import DockerEngine
from runner.host.gpu import inventory
from runner.host.nvml import Gpu
from tests.faults.calls import Ended, call
from tests.faults.leaks import nothing_left_behind
from tests.gpu import cuda
from tests.gpu_stage import write_gpu_stage
from tests.project_kit import Kit

RESOURCES: Final = "memory: 4GiB, timeout: 120s"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests here need a real GPU: without one they are left out, with the reason."""
    here = [item for item in items if Path(__file__).parent in item.path.parents]
    reason = why_no_gpu() if here else None
    for item in here:
        item.add_marker(pytest.mark.gpu)
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


def why_no_gpu() -> str | None:
    """Why these tests cannot run on this machine; None where they can."""
    found = inventory()
    return None if found.gpus else f"needs a real GPU, and {found.detail}"


@pytest.fixture(scope="session")
def real_gpu(engine: DockerEngine) -> Gpu:
    """The first GPU of this machine."""
    if reason := engine.why_no_gpus():
        pytest.skip(f"needs an engine that gives containers a GPU: {reason}")
    return inventory().gpus[0]


@dataclass(frozen=True)
class GpuMachine:
    """This machine, and a project whose probe stage uses its GPUs."""

    kit: Kit
    gpu: Gpu

    @property
    def total(self) -> int:
        """The memory of the GPU in bytes."""
        return self.gpu.memory_total_bytes or 0

    @property
    def ledger(self) -> Path:
        """The folder in which runs of the project reserve memory."""
        return self.kit.root / ".gpus"

    def stage(
        self, *lines: str, need: str = "required", memory: str | None = "2GiB", more: str = ""
    ) -> None:
        """Let the probe stage ask for a GPU and do these lines of Python with ``cuda``."""
        write_gpu_stage(
            self.kit, cuda, lines, need=need, memory=memory, resources=RESOURCES, more=more
        )

    def run(self, job: Path, *options: str) -> Ended:
        """Run the probe stage of a job to its end."""
        return call(self.kit, job, *options)


@pytest.fixture
def machine(real_gpu: Gpu, real_kit: Kit, tmp_path: Path) -> Iterator[GpuMachine]:
    """The machine; a test leaves no container, process or reservation there."""
    found = GpuMachine(real_kit, real_gpu)
    with nothing_left_behind(tmp_path):
        yield found
    assert not list(found.ledger.glob("*.json"))


def gpu_part(outcome: Ended) -> dict[str, Any]:
    """What the record says of the GPUs that a run had."""
    assert outcome.record is not None, outcome.text
    found: dict[str, Any] = outcome.record["gpu"]
    return found


def curve(outcome: Ended) -> dict[str, Any]:
    """The course of the first GPU of a run."""
    assert outcome.record is not None, outcome.text
    found: dict[str, Any] = next(iter(outcome.record["gpu_curve"].values()))
    return found
