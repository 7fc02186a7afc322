"""``stagerun gpus`` and ``stagerun metrics`` beside runs of real containers on the box."""

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.calls import read_until, started, wait_until
from tests.gpu_box.box import UUIDS, GpuBox
from tests.nvml_stub import GIB
from tests.terminal import Terminal, on_terminal

pytestmark = [pytest.mark.docker, pytest.mark.engine, pytest.mark.root]


def shown(box: GpuBox) -> dict[str, Any]:
    said = box.stagerun("gpus", "--json")
    assert said.returncode == 0, said.stderr
    document: dict[str, Any] = json.loads(said.stdout)
    return document


@contextmanager
def others_are_full(box: GpuBox) -> Iterator[None]:
    """Strangers hold all GPUs but the first."""
    with ExitStack() as strangers:
        for uuid in UUIDS[1:]:
            strangers.enter_context(box.driver.stranger(uuid, 23 * GIB))
        yield


def test_who_holds_a_gpu_and_who_waits_behind_is_told_while_it_is_so(box: GpuBox) -> None:
    box.stage("fake_cuda.allocate(12 * GIB)", "fake_cuda.hold(60)", memory="16GiB")
    first, second = box.kit.job("first"), box.kit.job("second")
    with (
        others_are_full(box),
        box.started(first, "--wait") as holder,
        box.started(second, "--wait") as waiter,
    ):
        wait_until(lambda: bool(box.driver.holders(UUIDS[0])), "one run holds the GPU")
        wait_until(lambda: bool(shown(box)["waiting"]), "the other run waits")
        document = shown(box)
        text = box.stagerun("gpus").stdout
        # Whichever of them waits would get the GPU when the other one ends.
        for process in (holder, waiter):
            process.send_signal(signal.SIGINT)
        for process in (holder, waiter):
            process.communicate(timeout=30)

    gpu = document["gpus"][0]
    (run,) = gpu["runs"]
    (waiting,) = document["waiting"]
    assert gpu["reserved_bytes"] == 16 * GIB
    assert gpu["memory_used_bytes"] > 12 * GIB
    assert waiting["memory_bytes"] == 16 * GIB
    assert {run["job"], waiting["job"]} == {str(first), str(second)}
    assert waiting["behind"] == [f"50_probe of {run['job']} ({run['user']})"]
    assert document["gpus"][1]["strangers"][0]["name"] == "sleep"
    assert f", run {run['run_id']}" in text
    assert shown(box)["waiting"] == []


def test_the_figures_of_gpus_and_of_finished_runs_are_written_for_prometheus(
    box: GpuBox, tmp_path: Path
) -> None:
    box.stage("fake_cuda.allocate(3 * GIB)", "fake_cuda.hold(1.5)")
    job = box.kit.job()
    assert box.run(job).code == 0
    box.driver.fail(UUIDS[3])

    said = box.stagerun("metrics", "--textfile", tmp_path, job)

    assert said.returncode == 0, said.stderr
    families = text_string_to_metric_families((tmp_path / "stagerun.prom").read_text())
    found = {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }
    name = "Simulated GPU"
    assert found["stagerun_gpus",] == 3
    assert found["stagerun_gpu_memory_total_bytes", "0", UUIDS[0], name] == 24 * GIB
    assert found["stagerun_gpu_energy_joules_total", "0", UUIDS[0], name] > 0
    assert found["stagerun_gpu_healthy", "", "", "3"] == 0
    assert found["stagerun_runs_on_record", "50_probe", "success"] == 1
    assert found["stagerun_run_gpu_memory_peak_bytes", "50_probe"] == 3 * GIB


@pytest.mark.parametrize("key", ["q", "\x03"], ids=["q", "Ctrl-C"])
def test_the_watch_redraws_in_place_until_a_key_ends_it(box: GpuBox, key: str) -> None:
    words = ("gpus", "--watch", "--interval", "0.2s")
    with on_terminal(box.kit, *words, keyboard=True, **box.environment) as terminal:
        terminal.read(lambda text: UUIDS[3] in text)
        with box.driver.stranger(UUIDS[0], 7 * GIB):
            terminal.read(lambda text: "7 GiB" in text)
        press(terminal, key)
        terminal.read()

        assert terminal.process.wait(20) == 0
    assert "\x1b[1A" in terminal.text
    assert "Traceback" not in terminal.text


def press(terminal: Terminal, key: str) -> None:
    """A terminal that is not the process's own makes no signal of a key."""
    if key == "\x03":
        terminal.process.send_signal(signal.SIGINT)
    else:
        terminal.type(key)


def test_the_watch_in_a_pipe_is_block_after_block_until_an_interrupt(box: GpuBox) -> None:
    with started(box.kit, "gpus", "--watch", "--interval", "0.2s", **box.environment) as process:
        text = read_until(process, UUIDS[3])
        with box.driver.stranger(UUIDS[0], 7 * GIB):
            text += read_until(process, "7 GiB")
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert "\x1b" not in text + rest
    assert text.count("driver ") >= 2


def test_a_reader_that_leaves_ends_the_watch(box: GpuBox) -> None:
    with started(
        box.kit, "gpus", "--watch", "--json", "--interval", "0.1s", **box.environment
    ) as process:
        assert process.stdout is not None
        document = json.loads(process.stdout.readline())
        process.stdout.close()
        try:
            assert process.wait(20) == 0
        except subprocess.TimeoutExpired:
            pytest.fail("it goes on for nobody")
    assert len(document["gpus"]) == 4
