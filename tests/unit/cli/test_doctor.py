"""``stagerun doctor``."""

from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest

from runner.cli.context import Context
from runner.cli.doctor import command
from runner.errors import EngineUnavailableError
from runner.host.engine import EngineFacts
from runner.host.engine_fake import FakeEngine
from runner.host.gpu import Inventory
from runner.observers.style import UNICODE
from runner.run.doctor import Check, Health, examine, exit_code, gpu_sharing
from tests.unit.cli.bench import NEXT, PROBE, Bench
from tests.unit.gpu.kit import Machine
from tests.unit.run.conftest import GPU

GPU_NEEDED = """\
    summary: Copies its input
    parent: base
    gpu: required
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
"""
MODEL_NEEDED = """\
    summary: Copies its input
    parent: base
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    config: {SIZE: {type: str, default: small, help: Which one}}
    models: {voice: {folder: "voice/{SIZE}", files: [model.bin]}}
"""


def examined(bench: Bench) -> dict[str, Check]:
    checks = examine(bench.project, lambda: bench.engine, lambda: bench.inventory)
    return {check.subject: check for check in checks}


def no_engine() -> NoReturn:
    msg = "no container engine answers at /run/x.sock. Install and start Docker."
    raise EngineUnavailableError(msg)


def test_a_machine_that_can_run_the_project_is_well(bench: Bench) -> None:
    checks = examined(bench)
    assert list(checks) == ["engine", "user", "GPU", "images", "disk", "models"]
    assert {check.health for check in checks.values()} == {Health.OK, Health.ABSENT}
    assert checks["images"].text == "3 of 3 present"
    assert exit_code(checks.values()) == 0


def test_the_report_is_a_line_for_each_part(bench: Bench) -> None:
    said = bench.say(command)
    subjects = [line.split()[0] for line in said.text.splitlines()]
    assert subjects == ["engine", "user", "GPU", "images", "disk", "models"]


def test_without_an_engine_the_exit_code_is_5_and_the_rest_is_still_looked_at(
    bench: Bench,
) -> None:
    checks = examine(bench.project, no_engine, lambda: bench.inventory)
    assert exit_code(checks) == 5
    assert checks[0].remedy == "Install and start Docker."
    assert [check.subject for check in checks] == ["engine", "user", "GPU", "disk", "models"]


def test_an_old_image_and_a_missing_one_name_the_command_that_builds_them(bench: Bench) -> None:
    (bench.kit.root / "stages" / PROBE / "stage.py").write_text("changed\n")
    check = examined(bench)["images"]
    assert check.health is Health.MEND
    assert check.remedy == f"stagerun build {PROBE}"
    assert f"older than stages/{PROBE}/stage.py" in check.text
    (bench.kit.root / "stages" / NEXT / "stage.py").write_text("changed\n")
    assert f"{PROBE}, {NEXT} are older than their code" in examined(bench)["images"].text
    bench.engine = FakeEngine()
    check = examined(bench)["images"]
    assert (check.text, check.remedy) == ("0 of 3 present", "stagerun build")


def test_a_gpu_that_is_required_and_absent_is_broken(bench: Bench) -> None:
    assert examined(bench)["GPU"].health is Health.ABSENT
    bench.kit.spec(PROBE, GPU_NEEDED)
    check = examined(bench)["GPU"]
    assert (check.health, check.exit_code) == (Health.BROKEN, 6)
    assert PROBE in check.text


@pytest.mark.parametrize(
    ("changes", "health", "words"),
    [
        ({}, Health.OK, ""),
        ({"rootless": True}, Health.OK, "rootless"),
        ({"why_no_limits": "so"}, Health.BROKEN, "no limits"),
        ({"swap_limit": False}, Health.MEND, "no swap limit"),
    ],
)
def test_limits_that_the_engine_does_not_keep_are_told(
    bench: Bench, changes: dict[str, Any], health: Health, words: str
) -> None:
    class Other(FakeEngine):
        def facts(self) -> EngineFacts:
            return replace(super().facts(), **changes)

    check = examine(None, Other, lambda: bench.inventory)[0]

    assert check.health is health
    assert words in check.text
    assert (check.remedy is None) == (health is Health.OK)
    assert check.exit_code == (5 if health is Health.BROKEN else 0)


def test_gpus_that_the_engine_cannot_hand_out_do_not_count(bench: Bench) -> None:
    bench.inventory = Inventory(gpus=(GPU,))
    assert "Fake" in examined(bench)["GPU"].text
    bench.engine.no_gpus = "this engine ignores requests for GPUs"
    checks = examined(bench)
    assert checks["engine"].text.endswith("no GPUs")
    assert checks["GPU"].health is Health.ABSENT
    assert "this engine ignores requests for GPUs" in checks["GPU"].text
    bench.kit.spec(PROBE, GPU_NEEDED)
    check = examined(bench)["GPU"]
    assert (check.health, check.exit_code) == (Health.BROKEN, 6)
    assert check.remedy == "use Docker, or a newer Podman"


def test_a_model_that_the_settings_need_is_looked_for(bench: Bench, tmp_path: Path) -> None:
    bench.kit.spec(PROBE, MODEL_NEEDED)
    assert examined(bench)["models"].exit_code == 5
    folder = tmp_path / "models" / "voice" / "small"
    folder.mkdir(parents=True)
    (folder / "model.bin").touch()
    with (bench.kit.root / "stagerun.yaml").open("a") as file:
        file.write(f"models: {tmp_path / 'models'}\n")
    assert examined(bench)["models"].health is Health.OK


def test_too_little_space_is_broken(bench: Bench) -> None:
    bench.kit.settings("limits: {disk_free: 1000TiB}\n")
    assert examined(bench)["disk"].exit_code == 9


def test_without_a_project_the_machine_is_still_looked_at(bench: Bench) -> None:
    checks = examine(None, lambda: bench.engine, lambda: bench.inventory)
    assert [check.subject for check in checks] == ["engine", "user", "GPU", "disk"]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("limits2: 3\n", "stagerun.yaml, line 1, column 1: there is no key 'limits2' here"),
        ("config: {NO_SUCH_KEY: x}\n", "stagerun.yaml line 1: no stage declares the key NO_SUCH"),
    ],
)
def test_settings_that_every_other_command_refuses_are_broken(
    bench: Bench, settings: str, words: str
) -> None:
    (bench.kit.root / "stagerun.yaml").write_text(settings)
    said = bench.say(command)
    assert said.code == 2
    line = said.text.splitlines()[-1]
    assert line.startswith("project")
    assert words in line
    assert line.endswith("mend it: every command needs it")
    assert "?." not in line


def test_a_stage_that_cannot_be_read_is_broken(bench: Bench) -> None:
    bench.kit.spec(PROBE, "sumary: Copies\n")
    said = bench.say(command)
    assert said.code == 2
    assert f"{PROBE}/stage.yaml, line 1" in said.text


def test_where_there_is_no_project_nothing_of_one_is_broken(bench: Bench, tmp_path: Path) -> None:
    bench.kit.root.rename(tmp_path / "gone")
    said = bench.say(command)
    assert said.code == 0
    assert said.text.splitlines()[-1].endswith(
        f"is no project: it has no folder stages/.  {UNICODE.skipped}"
    )


def test_the_context_offers_no_colour_to_a_pipe() -> None:
    assert not Context().colour


def test_a_gpu_that_is_left_out_and_files_that_are_no_reservations_are_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path / "ledger")
    machine.box().mark_sick("GPU-0", "the driver reported Xid 79")
    (machine.folder / "notes.txt").write_text("hello")
    sick, strange = gpu_sharing(machine.box())
    assert sick.text == "GPU-0 is left out: the driver reported Xid 79"
    assert "notes.txt" in strange.text
    assert {sick.health, strange.health} == {Health.MEND}


def test_a_ledger_that_cannot_be_used_is_broken(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("")
    (check,) = gpu_sharing(Machine(tmp_path / "ledger").box())
    assert (check.health, check.exit_code) == (Health.BROKEN, 6)
