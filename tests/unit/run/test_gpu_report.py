"""What is told of the GPUs: what driver, ledger and settings say together."""

from dataclasses import replace
from pathlib import Path

import pytest

from runner.gpu.box import GpuBox
from runner.gpu.ledger import Ledger, now
from runner.gpu.reservation import Reservation, State
from runner.host.gpu import inventory
from runner.host.gpu_fake import FakeGpu, FakeNvml, FakeProcess
from runner.host.machine import ProcessIdentity
from runner.run.gpu_report import GpuHealth, GpuReport, GpuStatus, gpu_report

GIB = 1 << 30
FIRST = "GPU-1"
SECOND = "GPU-2"
CONTAINER = "c" * 64


def entry(name: str, **parts: object) -> Reservation:
    usual: dict[str, object] = {
        "id": name,
        "state": State.HELD,
        "owner": ProcessIdentity.current(),
        "user": "maria",
        "job": "out/film",
        "stage": name,
        "ticket": 1,
        "since": 1,
        "shares": {FIRST: 10 * GIB},
    }
    return Reservation(**(usual | parts))  # type: ignore[arg-type]  # a test gives what fits


class Machine:
    """Two fake GPUs and a ledger of the test's own."""

    def __init__(self, folder: Path) -> None:
        self.gpus = [FakeGpu(FIRST, used=0), FakeGpu(SECOND, used=0)]
        self.nvml = FakeNvml(self.gpus)
        self.ledger = Ledger(folder=folder, me=ProcessIdentity.current())
        self.box = GpuBox(
            ledger=self.ledger,
            inventory=lambda: inventory(self.nvml),
            head_room_bytes=GIB,
            is_member=lambda pid, container: (pid, container) == (7, CONTAINER),
        )

    def write(self, *entries: Reservation) -> None:
        with self.ledger.turn():
            for item in entries:
                self.ledger.write(item)

    def report(self, only: tuple[str, ...] | None = None) -> GpuReport:
        return gpu_report(replace(self.box, only=only), self.nvml)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "ledger")


def by_index(report: GpuReport) -> dict[int | None, GpuStatus]:
    return {gpu.index: gpu for gpu in report.gpus}


def test_memory_is_told_apart_by_whose_it_is(machine: Machine) -> None:
    machine.write(entry("06_asr", run_id="20261129-0900-ab12", container_id=CONTAINER))
    machine.gpus[0].used = 9 * GIB
    machine.gpus[0].processes = [FakeProcess(7, 4 * GIB), FakeProcess(999_999_999, 5 * GIB)]

    gpu = by_index(machine.report())[0]

    assert (gpu.memory_total_bytes, gpu.memory_used_bytes) == (24 * GIB, 9 * GIB)
    assert (gpu.reserved_bytes, gpu.strangers_bytes) == (10 * GIB, 5 * GIB)
    assert gpu.free_bytes == (24 - 1 - 10 - 5) * GIB
    assert [(run.stage, run.run_id) for run in gpu.runs] == [("06_asr", "20261129-0900-ab12")]
    assert [(it.pid, it.name) for it in gpu.strangers] == [(999_999_999, None)]


def test_load_power_temperature_and_energy_are_told_in_base_units(machine: Machine) -> None:
    shown = machine.gpus[1]
    shown.utilisation_percent, shown.temperature = 83, 61
    shown.power_milliwatts, shown.energy_millijoules = 212_500, 5_000

    report = by_index(machine.report())

    second = report[1]
    assert (second.utilisation, second.power_watts, second.temperature_celsius) == (0.83, 212.5, 61)
    assert second.energy_joules == 5
    assert report[0].power_watts is None


def test_the_instances_of_a_split_gpu_are_told_apart_by_their_numbers(machine: Machine) -> None:
    whole = inventory(machine.nvml)
    split = [replace(gpu, index=0) for gpu in whole.gpus]
    machine.box = replace(machine.box, inventory=lambda: replace(whole, gpus=tuple(split)))

    assert [gpu.number for gpu in machine.report().gpus] == ["0:0", "0:1"]


def test_who_waits_is_told_with_those_that_are_in_the_way(machine: Machine) -> None:
    machine.write(
        entry("06_asr"),
        entry("07_alignment", shares={SECOND: 20 * GIB}),
        entry(
            "waits",
            state=State.WAITING,
            ticket=2,
            since=now() - 64 * 10**9,
            shares={FIRST: 20 * GIB},
        ),
        entry("after", state=State.WAITING, ticket=now(), shares={FIRST: GIB}, whole=True),
    )

    first, second = machine.report().waiting

    assert (first.memory_bytes, first.gpus) == (20 * GIB, 1)
    assert 64 <= first.seconds < 70
    holders = {"06_asr of out/film (maria)", "07_alignment of out/film (maria)"}
    assert set(first.behind) == holders
    assert second.whole
    assert set(second.behind) == {*holders, "waits of out/film (maria)"}


def test_a_run_that_waits_for_what_strangers_hold_is_behind_nobody(machine: Machine) -> None:
    for shown in machine.gpus:
        shown.used, shown.processes = 20 * GIB, [FakeProcess(8, 20 * GIB)]
    machine.write(entry("waits", state=State.WAITING, ticket=now(), shares={FIRST: 20 * GIB}))

    assert machine.report().waiting[0].behind == ()


def test_a_run_that_waits_for_more_gpus_than_answer_says_so(machine: Machine) -> None:
    machine.write(entry("waits", state=State.WAITING, count=2, shares={FIRST: 20 * GIB}))
    (waiting,) = machine.report().waiting
    assert (waiting.memory_bytes, waiting.gpus, waiting.behind) == (None, 2, ())


def test_memory_that_stayed_when_its_run_ended_is_told_as_such(machine: Machine) -> None:
    machine.write(entry("06_asr", state=State.KEPT, holders=(55,)))
    machine.gpus[0].used, machine.gpus[0].processes = 10 * GIB, [FakeProcess(55, 10 * GIB)]

    (run,) = by_index(machine.report())[0].runs

    assert run.ended


def test_a_gpu_that_is_left_out_is_sick_and_has_nothing_free(machine: Machine) -> None:
    machine.box.mark_sick(FIRST, "Xid 79")

    gpu = by_index(machine.report())[0]

    assert (gpu.health, gpu.detail, gpu.free_bytes) == (GpuHealth.SICK, "Xid 79", 0)


def test_a_gpu_that_the_site_withholds_is_shown_as_such(machine: Machine) -> None:
    found = by_index(machine.report(only=(SECOND,)))

    assert (found[0].health, found[1].health) == (GpuHealth.WITHHELD, GpuHealth.OK)


def test_a_uuid_in_the_settings_that_no_gpu_has_is_a_problem_and_no_end(machine: Machine) -> None:
    report = machine.report(only=(SECOND, "GPU-9"))

    assert len(report.gpus) == 2
    assert "GPU-9" in report.problems[0]


def test_a_gpu_that_does_not_answer_is_in_its_place_and_its_runs_are_named(
    machine: Machine,
) -> None:
    machine.write(entry("06_asr"))
    machine.gpus[0].failure = 15

    report = machine.report()

    assert [(gpu.index, gpu.health) for gpu in report.gpus] == [
        (0, GpuHealth.SILENT),
        (1, GpuHealth.OK),
        (None, GpuHealth.SILENT),
    ]
    assert report.gpus[0].detail == "GPU is lost"
    assert report.gpus[2].uuid == FIRST
    assert [run.stage for run in report.gpus[2].runs] == ["06_asr"]


def test_without_gpus_the_reason_is_told(machine: Machine) -> None:
    machine.gpus.clear()
    machine.box = replace(machine.box, inventory=lambda: inventory(FakeNvml([])))

    report = machine.report()

    assert report.gpus == ()
    assert report.absence == "NVIDIA's driver is loaded and finds no GPU"


def test_a_ledger_that_cannot_be_used_does_not_hide_the_gpus(machine: Machine) -> None:
    machine.ledger.folder.parent.mkdir(exist_ok=True)
    machine.ledger.folder.write_text("no folder")

    report = machine.report()

    assert len(report.gpus) == 2
    assert str(machine.ledger.folder) in report.problems[0]
