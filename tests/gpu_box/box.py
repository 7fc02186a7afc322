"""A box with four GPUs of 24 GiB as the command line meets it: engine, driver, project, jobs."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import docker

from tests.faults.calls import PROBE, Ended, call, started
from tests.gpu_box import fake_cuda
from tests.gpu_box.card import Card
from tests.gpu_box.driver import FakeDriver
from tests.gpu_box.processes import ContainerProcesses
from tests.gpu_stage import write_gpu_stage
from tests.nvml_stub import NvmlStub
from tests.project_kit import Kit, run_stagerun
from tests.second_engine import SecondEngine

UUIDS: Final = tuple(f"GPU-b0c5b0c5-0000-4000-8000-00000000000{number}" for number in range(4))
RESOURCES: Final = "memory: 128MiB, timeout: 60s"


@dataclass(frozen=True)
class GpuBox:
    """The simulated box; ``environment`` is what a call of the command line needs to meet it.

    ``ledger`` is the folder in which its runs reserve memory: the kit's own.
    """

    kit: Kit
    engine: SecondEngine
    driver: FakeDriver
    environment: dict[str, str]
    ledger: Path

    def stage(
        self, *lines: str, need: str = "required", memory: str | None = "1GiB", more: str = ""
    ) -> None:
        """Let the probe stage ask for a GPU, and do these lines of Python with `fake_cuda`.

        ``more`` are further lines of its stage.yaml.
        """
        write_gpu_stage(
            self.kit, fake_cuda, lines, need=need, memory=memory, resources=RESOURCES, more=more
        )

    def run(self, job: Path, *options: str) -> Ended:
        """Run the probe stage of a job to its end."""
        return call(self.kit, job, *options, **self.environment)

    @contextmanager
    def started(self, job: Path, *options: str) -> Iterator["subprocess.Popen[str]"]:
        """The probe stage of a job in the background."""
        with started(self.kit, PROBE, job, "--dev", *options, **self.environment) as process:
            yield process

    def stagerun(self, *words: str | Path) -> "subprocess.CompletedProcess[str]":
        """Any other call of the command line."""
        return run_stagerun(*words, project=self.kit.root, timeout=120, **self.environment)


@contextmanager
def gpu_box(
    kit: Kit, engine: SecondEngine, stub: NvmlStub, cards: list[Card] | None = None
) -> Iterator[GpuBox]:
    """A box for the time of the block, four cards of 24 GiB by default."""
    client = docker.DockerClient(base_url=engine.address)
    try:
        found = ContainerProcesses(client)
        four = cards or [Card(uuid, minor=number) for number, uuid in enumerate(UUIDS)]
        driver = FakeDriver(stub, kit.root / "out", found.find, four)
        with driver.running():
            environment = {**stub.environment, "DOCKER_HOST": engine.address}
            yield GpuBox(kit, engine, driver, environment, kit.root / ".gpus")
    finally:
        client.close()
