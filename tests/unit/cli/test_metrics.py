"""``stagerun metrics``: where the metrics go."""

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
    assert found["stagerun_runs_finished_total"] == 1
    assert found["stagerun_gpus"] == 0


def test_without_a_folder_the_metrics_are_printed(bench: Bench) -> None:
    found = counted(bench.say(command).text)

    assert found["stagerun_gpus"] == 0
    assert "stagerun_runs_finished_total" not in found


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


def test_what_is_no_job_is_refused(bench: Bench, tmp_path: Path) -> None:
    assert bench.say(command, tmp_path).code == 2
