"""The border to NVML through the real ``pynvml``: a stub in place of the driver's library."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.nvml_stub import GIB, NvmlStub, StubGpu, build_nvml_stub, why_no_stub
from tests.unit.host.recorded import FIRST, V2, unpack

NO_STUB = why_no_stub()
pytestmark = pytest.mark.skipif(NO_STUB is not None, reason=str(NO_STUB))

READ = """
import dataclasses, json, sys
from runner.host.gpu import inventory
from runner.host.nvml import nvml_session
with nvml_session() as session:
    readings = [dataclasses.asdict(session.reading(uuid)) for uuid in sys.argv[1:]]
gpus = inventory().gpus
minors, reserved = [gpu.minor for gpu in gpus], [gpu.memory_reserved_bytes for gpu in gpus]
print(json.dumps({"readings": readings, "minors": minors, "reserved": reserved}))
"""
WATCH = """
import json, sys
from runner.host.nvml import nvml_session
with nvml_session() as session, session.xids(sys.argv[1:]) as watch:
    print(json.dumps([[(xid.uuid, xid.code) for xid in watch.take()] for _ in range(2)]))
"""
COST = """
import json, sys, time
from pathlib import Path
from runner.host.monitor import Monitor
with Monitor(int(sys.argv[1]), gpus=sys.argv[3:], root=Path(sys.argv[2])) as monitor:
    monitor.sample()
    before = time.process_time()
    for _ in range(50):
        monitor.sample()
    seconds = (time.process_time() - before) / 50
print(json.dumps([seconds, monitor.summary().gpu_samples]))
"""
TAKE_INVENTORY = """
import json
from runner.host.gpu import inventory
found = inventory(deadline_seconds=0.3)
print(json.dumps({"absence": found.absence, "detail": found.detail}))
"""


@pytest.fixture
def stub(tmp_path: Path) -> NvmlStub:
    return build_nvml_stub(tmp_path)


def run_with(stub: NvmlStub, script: str, *arguments: str) -> object:
    finished = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        env={**os.environ, **stub.environment},
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    answer: object = json.loads(finished.stdout)
    return answer


def test_every_figure_of_a_gpu_is_read_through_the_real_binding(stub: NvmlStub) -> None:
    stub.show(
        StubGpu(
            "GPU-a",
            used=3 * GIB,
            utilisation=40,
            minor=5,
            power_milliwatts=71_500,
            temperature=63,
            energy_millijoules=12_345_600,
            processes=[(7, 2 * GIB), (8, None)],
            drawing=[(9, GIB)],
            reserved=GIB // 2,
        ),
        StubGpu("GPU-b"),
    )

    assert run_with(stub, READ, "GPU-a", "GPU-b") == {
        "readings": [
            {
                "utilisation": 0.4,
                "processes": [
                    {"pid": 7, "memory_bytes": 2 * GIB, "computes": True},
                    {"pid": 8, "memory_bytes": None, "computes": True},
                    {"pid": 9, "memory_bytes": GIB, "computes": False},
                ],
                "memory_used_bytes": 3 * GIB,
                "memory_total_bytes": 24 * GIB,
                "power_watts": 71.5,
                "temperature_celsius": 63,
                "energy_joules": 12345.6,
            },
            {
                "utilisation": 0.0,
                "processes": [],
                "memory_used_bytes": GIB,
                "memory_total_bytes": 24 * GIB,
                "power_watts": None,
                "temperature_celsius": None,
                "energy_joules": None,
            },
        ],
        "minors": [5, None],
        "reserved": [GIB // 2, 0],
    }


def test_critical_errors_are_told_once_through_the_real_binding(stub: NvmlStub) -> None:
    stub.show(StubGpu("GPU-a", xids=[79]), StubGpu("GPU-b", xids=[48, 63]), StubGpu("GPU-c"))

    assert run_with(stub, WATCH, "GPU-a", "GPU-b", "GPU-c") == [
        [["GPU-a", 79], ["GPU-b", 48], ["GPU-b", 63]],
        [],
    ]


def test_a_library_that_hangs_holds_no_program_up(stub: NvmlStub) -> None:
    stub.show(StubGpu("GPU-a"), StubGpu("GPU-b"), hang=600)

    began = time.monotonic()
    found = run_with(stub, TAKE_INVENTORY)

    assert found == {
        "absence": "not_answering",
        "detail": "NVIDIA's driver hangs: it did not answer within 0.3 s",
    }
    assert time.monotonic() - began < 30


def test_a_sample_a_second_of_four_full_gpus_costs_little_of_a_core(
    stub: NvmlStub, tmp_path: Path
) -> None:
    root = unpack(V2, tmp_path / "machine")
    mine = [FIRST, *range(5000, 5009)]
    for procs in (root / "sys").rglob("cgroup.procs"):
        procs.write_text("".join(f"{pid}\n" for pid in mine))
    held = [(pid, GIB) for pid in (*mine, *range(100, 110))]
    uuids = [f"GPU-{number}" for number in range(4)]
    full = StubGpu(
        "", processes=held, power_milliwatts=70_000, temperature=60, energy_millijoules=1
    )
    stub.show(*(replace(full, uuid=uuid) for uuid in uuids))

    answer = run_with(stub, COST, str(FIRST), str(root), *uuids)

    assert isinstance(answer, list)
    seconds, samples = answer
    assert samples == 51
    # Measured are 0.5 % of a core, of which the stub itself takes the half.
    assert seconds < 0.03
