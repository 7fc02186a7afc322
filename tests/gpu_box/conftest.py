"""Fixtures of the simulated box; each test is held to leaving nothing behind, on no engine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.calls import PROBE
from tests.faults.leaks import nothing_left_behind
from tests.gpu_box.box import GpuBox, gpu_box
from tests.nvml_stub import NvmlStub, build_nvml_stub, why_no_stub
from tests.project_kit import Kit
from tests.second_engine import SecondEngine, second_engine, why_no_second_engine


@pytest.fixture(scope="session")
def stub(tmp_path_factory: pytest.TempPathFactory) -> NvmlStub:
    """The stub library, which shows no GPU until a driver runs."""
    if reason := why_no_stub():
        pytest.skip(reason)
    return build_nvml_stub(tmp_path_factory.mktemp("nvml"))


@pytest.fixture(scope="session")
def box_engine(request: pytest.FixtureRequest) -> Iterator[SecondEngine]:
    """An engine with the stub of NVIDIA's hook and the image of the probe stage."""
    if reason := why_no_second_engine():
        pytest.skip(reason)
    request.getfixturevalue("kit_images")
    with second_engine() as running:
        running.load(f"stagerun/{PROBE}:main")
        yield running


@pytest.fixture
def box(kit: Kit, box_engine: SecondEngine, stub: NvmlStub, tmp_path: Path) -> Iterator[GpuBox]:
    """Four GPUs of 24 GiB, a driver that serves them, and a stage that asks for one."""
    with (
        nothing_left_behind(tmp_path, box_engine.address),
        gpu_box(kit, box_engine, stub) as found,
    ):
        yield found
