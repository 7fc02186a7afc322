"""Prometheus' text format, read back by Prometheus' own parser."""

import math
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from runner.errors import UsageError
from runner.run.exposition import Metric, Sample, exposition, write_textfile

FREE = Metric("stagerun_free_bytes", "gauge", "What is free.", (Sample(7, {"gpu": "0"}),))


@given(st.text(), st.floats(allow_nan=False))
def test_any_label_and_any_number_come_back_as_they_were(text: str, number: float) -> None:
    metric = Metric("stagerun_some_bytes", "gauge", "Some.", (Sample(number, {"name": text}),))

    (family,) = text_string_to_metric_families(exposition([metric]))

    (sample,) = family.samples
    assert sample.labels == {"name": text}
    assert sample.value == number


def test_help_and_type_are_understood() -> None:
    took = Metric(
        "stagerun_took_seconds", "gauge", "How long\nruns took \\ all.", (Sample(12.5, {}),)
    )
    energy = Metric("stagerun_energy_joules_total", "counter", "Taken.", (Sample(3, {}),))

    families = list(text_string_to_metric_families(exposition([FREE, took, energy])))

    assert [family.type for family in families] == ["gauge", "gauge", "counter"]
    assert families[1].documentation == "How long\nruns took \\ all."
    assert [sample.value for sample in families[2].samples] == [3]


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_a_number_that_is_none_is_written_as_prometheus_writes_it(value: float) -> None:
    metric = Metric("stagerun_odd", "gauge", "Odd.", (Sample(value, {}),))

    (family,) = text_string_to_metric_families(exposition([metric]))

    read = family.samples[0].value
    assert read == value or (math.isnan(read) and math.isnan(value))


def test_a_name_that_is_no_text_does_not_stop_the_file(tmp_path: Path) -> None:
    odd = Metric("stagerun_odd", "gauge", "Odd.", (Sample(1, {"job": "film\udcff"}),))

    write_textfile(tmp_path / "stagerun.prom", exposition([odd]))

    assert "film\ufffd" in (tmp_path / "stagerun.prom").read_text(encoding="utf-8")


def test_a_metric_without_samples_leaves_no_line() -> None:
    assert exposition([Metric("stagerun_none", "gauge", "None.", ())]) == ""


def test_the_file_is_put_in_place_whole_and_everybody_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "stagerun.prom"
    path.write_text("old")

    write_textfile(path, "new\n")

    assert path.read_text() == "new\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No such file.*Make the folder first"):
        write_textfile(tmp_path / "none" / "stagerun.prom", "new\n")
