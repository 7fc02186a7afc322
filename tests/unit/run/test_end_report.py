"""What the entry point reports at the end: which report counts, and which of its numbers."""

from pathlib import Path

import pytest

from runner.host.container import STDERR, STDOUT
from tests.unit.run.printed_output import Reader, log, record


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    return Reader(tmp_path)


def test_the_end_report_is_kept(reader: Reader) -> None:
    reader.read(
        record(
            type="end",
            exit_code=0,
            oom_kills=2,
            memory_peak_bytes=1234,
            cpu_seconds=1.25,
            read_bytes=None,
        ),
    )
    report = reader.output.report
    assert report is not None
    assert (report.oom_kills, report.memory_peak_bytes, report.cpu_seconds) == (2, 1234, 1.25)
    assert (report.read_bytes, report.write_bytes) == (None, None)


END = record(type="end", exit_code=0, oom_kills=3, memory_peak_bytes=4096)


def test_an_end_report_on_standard_output_is_a_line_like_any_other(reader: Reader) -> None:
    reader.read(END, stream=STDOUT)
    assert reader.output.report is None
    assert reader.kept == END


@pytest.mark.parametrize("later", [log(), record(type="progress", done=1, total=2)])
def test_an_end_report_that_was_not_the_last_record_counts_for_nothing(
    reader: Reader, later: bytes
) -> None:
    reader.read(END, later)
    assert reader.output.report is None


def test_lines_and_the_other_stream_take_nothing_from_an_end_report(reader: Reader) -> None:
    reader.output.read(
        iter([(STDERR, END), (STDOUT, log("late")), (STDOUT, b"raw\n"), (STDERR, b"raw\n")])
    )
    assert reader.output.report is not None
    assert reader.output.report.oom_kills == 3


@pytest.mark.parametrize(("peak", "known"), [(1000, 1000), (1050, 1050), (1051, None)])
def test_a_peak_that_the_limit_does_not_allow_is_unknown(
    reader: Reader, peak: int, known: int | None
) -> None:
    reader.output.memory_limit = 1000
    reader.read(record(type="end", oom_kills=1, memory_peak_bytes=peak))
    report = reader.output.report
    assert report is not None
    assert (report.memory_peak_bytes, report.oom_kills) == (known, 1)


@pytest.mark.parametrize("value", [-1, "2", 1.5, True, 10**400, [], None])
def test_a_count_that_is_none_is_unknown(reader: Reader, value: object) -> None:
    reader.read(record(type="end", oom_kills=value, memory_peak_bytes=value))
    report = reader.output.report
    assert report is not None
    assert (report.oom_kills, report.memory_peak_bytes) == (None, None)
