"""The ledger of GPU memory where processes are killed, and where its file system fails."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import GpuUnavailableError
from runner.gpu.placement import Wish
from runner.gpu.reserving import Claimant, Held, reserved
from tests.faults.small_disk import NEEDS_ROOT, fill, small_disk
from tests.nvml_stub import why_no_stub
from tests.project_kit import ROOT
from tests.unit.gpu.kit import DEAD, GIB, OTHER, Machine, entry

SIZE = ("--processes", "10", "--reservations", "5", "--free-times", "20", "--seed", "20261129")


@pytest.mark.skipif(why_no_stub() is not None, reason=str(why_no_stub()))
def test_kills_at_random_neither_overcommit_a_gpu_nor_leave_a_reservation(
    record_property: Callable[[str, object], None],
) -> None:
    command = [sys.executable, "-m", "tests.soak.gpu_ledger", *SIZE]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    record_property("GPU ledger", ended.stdout.strip())
    assert ended.returncode == 0, ended.stdout + ended.stderr


def reserve(machine: Machine, said: Callable[[Held], None] = lambda _: None) -> None:
    with reserved(
        Wish(memory=GIB),
        Claimant(stage="06_asr", job="out/mine"),
        machine.box(),
        wait_seconds=0,
        stopped=lambda: None,
        waiting=lambda _: None,
    ) as held:
        said(held)


@pytest.mark.root
@NEEDS_ROOT
def test_a_full_file_system_is_told_and_what_was_reserved_before_still_counts(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path / "ledger")
    machine.folder.mkdir()
    with small_disk(machine.folder, "64k"):
        with machine.ledger().turn():
            machine.ledger().write(entry("before", {0: 5}, owner=OTHER))
            machine.ledger().write(entry("dead", {1: 5}, owner=DEAD))
        fill(machine.folder / "film")
        with pytest.raises(GpuUnavailableError, match=r"has no space left.*gpu: \{ledger"):
            machine.ledger().write(entry("more", {0: 1}))
        # The dead one's entry is removed by whoever looks, and its page is room enough.
        reserve(machine)
        assert machine.files() == {"film", "before.json"}
        assert [it.id for it in machine.box().look().entries] == ["before"]


@pytest.mark.root
@NEEDS_ROOT
def test_a_file_system_that_becomes_full_under_a_run_leaves_its_reservation_as_it_was(
    tmp_path: Path,
) -> None:
    machine = Machine(tmp_path / "ledger")
    machine.folder.mkdir()

    def become_full(held: Held) -> None:
        fill(machine.folder / "film")
        with pytest.raises(GpuUnavailableError, match="has no space left"):
            held.note_container("run", "box")
        assert [it.id for it in machine.box().look().entries] == [held.entry.id]

    with small_disk(machine.folder, "64k"):
        reserve(machine, become_full)
        assert machine.files() == {"film"}


@pytest.mark.root
@NEEDS_ROOT
def test_a_file_system_that_can_only_be_read_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "disk" / "ledger")
    (tmp_path / "disk").mkdir()
    with small_disk(tmp_path / "disk", "64k"):
        reserve(machine)
        subprocess.run(["mount", "-o", "remount,ro", tmp_path / "disk"], check=True, timeout=20)
        with pytest.raises(GpuUnavailableError, match="may not be written to by you"):
            reserve(machine)


def test_a_folder_that_is_removed_under_a_run_is_made_anew(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger")

    def remove(held: Held) -> None:
        (machine.folder / f"{held.entry.id}.json").unlink()
        machine.folder.rmdir()
        held.note_container("run", "box")
        assert [it.id for it in machine.box().look().entries] == [held.entry.id]

    reserve(machine, remove)
    assert machine.files() == set()
