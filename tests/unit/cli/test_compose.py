"""``stagerun compose``."""

from pathlib import Path

import pytest
import yaml

from runner.cli.compose import command
from runner.run.compose_file import FILE, GPU_FILE, compose_files
from tests.unit.cli.bench import NEXT, PROBE, Bench


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench.kit.root)


NEEDS_A_GPU = """\
    summary: Copies its input
    parent: base
    gpu: required
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
"""


@pytest.fixture(autouse=True)
def a_gpu(bench: Bench) -> None:
    bench.kit.spec(NEXT, NEEDS_A_GPU)


def written(bench: Bench) -> dict[Path, str]:
    return {path: (bench.kit.root / path).read_text() for path in (FILE, GPU_FILE)}


def test_both_files_are_written_as_the_specs_say(bench: Bench) -> None:
    said = bench.say(command)
    assert said.code == 0
    assert said.text == f"{FILE}: written\n{GPU_FILE}: written\n"
    assert written(bench) == compose_files(bench.project)


def test_check_finds_a_changed_spec_and_writes_nothing(bench: Bench) -> None:
    bench.say(command)
    assert bench.say(command, "--check").code == 0
    before = written(bench)
    path = bench.kit.root / "stages" / PROBE / "stage.yaml"
    path.write_text(path.read_text().replace("pids: 64", "pids: 65"))
    said = bench.say(command, "--check")
    assert said.code == 1
    assert f"{FILE}: is not what the specs say; write it: stagerun compose" in said.text
    assert f"{GPU_FILE}: as the specs say" in said.text
    assert written(bench) == before


def test_check_misses_files_that_are_not_there(bench: Bench) -> None:
    said = bench.say(command, "--check", "--json")
    assert (said.code, len(said.document["drifted"])) == (1, 2)


def test_a_file_that_no_stage_needs_any_more_goes_unless_somebody_else_wrote_it(
    bench: Bench,
) -> None:
    bench.say(command)
    bench.kit.spec(NEXT, NEEDS_A_GPU.replace("required", "none"))
    assert bench.say(command, "--check").code == 1
    assert f"{GPU_FILE}: removed" in bench.say(command).text
    assert not (bench.kit.root / GPU_FILE).exists()
    (bench.kit.root / GPU_FILE).write_text("services: {}\n")
    assert bench.say(command, "--check").code == 0
    assert bench.say(command).text == f"{FILE}: as the specs say\n"
    assert (bench.kit.root / GPU_FILE).exists()


def test_a_file_for_gpus_is_not_written_where_none_is_needed(bench: Bench) -> None:
    bench.kit.spec(NEXT, NEEDS_A_GPU.replace("required", "none"))
    said = bench.say(command, "--gpu", "-o", "gpu.yaml")
    assert (said.code, "no stage of this project gets a GPU" in said.text) == (2, True)


def test_one_file_goes_where_it_is_wanted(bench: Bench, tmp_path: Path) -> None:
    bench.say(command, "--gpu", "-o", tmp_path / "gpu.yaml")
    assert (tmp_path / "gpu.yaml").read_text() == compose_files(bench.project)[GPU_FILE]
    bench.say(command, "-o", "mine.yaml")
    assert (bench.kit.root / "mine.yaml").read_text() == compose_files(bench.project)[FILE]
    assert not (bench.kit.root / "compose").exists()


def test_with_gpu_alone_the_other_file_stays(bench: Bench) -> None:
    bench.say(command, "--gpu")
    assert (bench.kit.root / GPU_FILE).exists()
    assert not (bench.kit.root / FILE).exists()


def test_a_minus_is_standard_output(bench: Bench) -> None:
    assert PROBE in yaml.safe_load(bench.say(command, "-o", "-").text)["services"]


def test_a_place_that_cannot_be_written_and_a_check_of_none_are_refused(bench: Bench) -> None:
    said = bench.say(command, "-o", bench.kit.root)
    assert said.code == 2
    assert "cannot be written" in said.text
    assert bench.say(command, "-o", "-", "--check").code == 2
