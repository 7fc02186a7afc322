"""Small curves of text."""

from runner.cli.gpu_lines import COLUMNS, gpu_lines, sparkline
from runner.manifest import GpuCurve
from runner.observers.style import ASCII, UNICODE

LEVELS = "01234567"


def test_a_long_run_is_as_wide_as_the_line_allows_and_a_short_one_as_its_points() -> None:
    seconds = [float(second) for second in range(200)]

    assert len(sparkline(seconds, [1.0] * 200, 1.0, LEVELS, max)) == COLUMNS
    assert sparkline(seconds[:3], [0.0, 0.5, 1.0], 1.0, LEVELS, max) == "047"
    assert sparkline([0.0], [1.0], 1.0, LEVELS, max) == "7"
    assert sparkline([], [], 1.0, LEVELS, max) == ""


def test_a_peak_that_shares_its_column_with_others_is_seen() -> None:
    figures = [0.0] * 200
    figures[101] = 1.0

    text = sparkline([float(second) for second in range(200)], figures, 1.0, LEVELS, max)

    assert text.count("7") == 1


def test_time_without_a_look_goes_on_as_before_and_unknown_figures_are_blank() -> None:
    assert sparkline([0.0, 0.1, 0.2, 9.0], [1.0, 1.0, 1.0, 0.0], 1.0, LEVELS, max) == "7770"
    assert sparkline([0.0, 1.0, 2.0], [1.0, None, 1.0], 1.0, LEVELS, max) == "7 7"


def test_a_gpu_whose_memory_was_never_held_is_a_flat_line() -> None:
    assert sparkline([0.0, 1.0], [0, 0], 0.0, LEVELS, max) == "00"


def test_what_a_driver_does_not_tell_is_called_unknown() -> None:
    curve = GpuCurve(seconds=[0.0], memory_bytes=[None], utilisation=[None])

    assert [line.split() for line in gpu_lines({"GPU-a": curve}, UNICODE)] == [
        ["GPU-a", "memory", "unknown"],
        ["utilisation", "unknown"],
    ]


def test_a_locale_without_blocks_gets_letters() -> None:
    curve = GpuCurve(
        memory_peak_bytes=1000, seconds=[0.0, 1.0], memory_bytes=[0, 1000], utilisation=[0.0, 1.0]
    )

    assert all(line.isascii() for line in gpu_lines({"GPU-a": curve}, ASCII))
