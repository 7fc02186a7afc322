"""``stagerun metrics``: where the metrics go."""

import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from runner.cli.metrics import command
from tests.unit.cli.bench import PROBE, Bench


@pytest.fixture
def bench(bench: Bench) -> Bench:
    """With a job in which one stage has run."""
    bench.run(PROBE)
    return bench


def counted(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_the_file_has_the_runs_of_the_jobs_that_were_named(bench: Bench, tmp_path: Path) -> None:
    said = bench.say(command, "--textfile", tmp_path, bench.job.root)

    assert said.code == 0
    assert "stagerun.prom" in said.text
    found = counted((tmp_path / "stagerun.prom").read_text())
    assert found["stagerun_runs_on_record"] == 1
    assert found["stagerun_gpus"] == 0


def test_a_job_that_is_named_twice_is_counted_once(bench: Bench, tmp_path: Path) -> None:
    twice = (bench.job.root, bench.job.root / "." / ".." / bench.job.root.name)
    bench.say(command, "--textfile", tmp_path, *twice)

    assert counted((tmp_path / "stagerun.prom").read_text())["stagerun_runs_on_record"] == 1


def test_without_a_folder_the_metrics_are_printed(bench: Bench) -> None:
    found = counted(bench.say(command).text)

    assert found["stagerun_gpus"] == 0
    assert "stagerun_runs_on_record" not in found


def test_the_document_has_the_metrics_and_where_they_were_written(
    bench: Bench, tmp_path: Path
) -> None:
    document = bench.say(command, "--json", "--textfile", tmp_path).document

    assert document["file"] == str(tmp_path / "stagerun.prom")
    assert document["metrics"][0]["name"] == "stagerun_gpus"


def test_a_folder_that_is_not_there_is_a_usage_error(bench: Bench, tmp_path: Path) -> None:
    said = bench.say(command, "--textfile", tmp_path / "none")

    assert said.code == 2
    assert "Make the folder first" in said.text


def test_a_word_that_is_no_job_is_named_and_keeps_no_figure_from_the_file(
    bench: Bench, tmp_path: Path
) -> None:
    said = bench.say(command, "--textfile", tmp_path, tmp_path / "junk", bench.job.root)

    assert said.code == 2
    assert "junk is not there" in said.text
    found = counted((tmp_path / "stagerun.prom").read_text())
    assert found["stagerun_runs_on_record"] == 1
    assert found["stagerun_gpus"] == 0


def test_the_document_names_what_is_no_job(bench: Bench, tmp_path: Path) -> None:
    text = bench.say(command, "--json", tmp_path, bench.job.root).text

    refused = json.loads(text[text.index("{\n") :])["refused"]
    assert [(item["job"], item["exit_code"]) for item in refused] == [(str(tmp_path), 2)]


@pytest.mark.parametrize("name", ["lab-2.a_b", "lab-2.a_b.prom"])
def test_several_calls_can_write_into_one_folder(bench: Bench, tmp_path: Path, name: str) -> None:
    bench.say(command, "--textfile", tmp_path)
    bench.say(command, "--textfile", tmp_path, "--name", name, "--no-gpus", bench.job.root)

    text = (tmp_path / "lab-2.a_b.prom").read_text()
    assert "stagerun_gpu" not in text
    assert 'stagerun_runs_on_record{jobs="lab-2.a_b"' in text
    assert counted((tmp_path / "stagerun.prom").read_text()) == {
        "stagerun_gpus": 0,
        "stagerun_gpu_runs_waiting": 0,
        "stagerun_gpu_longest_wait_seconds": 0,
    }


@pytest.mark.parametrize("name", ["", ".", "../lab", "a b", "-a", "é", ".prom", "a\nb"])
def test_a_name_that_is_none_for_a_file_is_refused(bench: Bench, tmp_path: Path, name: str) -> None:
    said = bench.say(command, "--textfile", tmp_path, "--name", name)

    assert said.code == 2
    assert not list(tmp_path.glob("**/*.prom"))
