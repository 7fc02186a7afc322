"""What the record keeps of what was measured on the GPUs of a run."""

from dataclasses import replace

from runner.host.gpu_curve import CurvePoint, GpuUse
from runner.host.monitor import Usage
from runner.run.gpu_record import recorded_curves
from runner.run.measured import gpu_curves, usage
from tests.unit.run.verdict_facts import DONE

USE = GpuUse(
    memory_peak_bytes=5_123_456_789,
    memory_total_bytes=24 << 30,
    utilisation_mean=0.333333,
    power_watts_mean=71.4286,
    temperature_celsius_peak=63,
    energy_joules=1234.5678,
    points=(
        CurvePoint(seconds=0.0000123, memory_bytes=1, utilisation=0.123456, power_watts=70.04),
        CurvePoint(seconds=1.0499, memory_bytes=None, temperature_celsius=61.66),
    ),
)


def test_the_curve_is_in_columns_of_rounded_numbers_and_the_peak_is_exact() -> None:
    facts = replace(DONE, usage=Usage(gpus={"GPU-a": USE}))

    assert gpu_curves(facts)["GPU-a"].model_dump() == {
        "memory_peak_bytes": 5_123_456_789,
        "memory_total_bytes": 24 << 30,
        "utilisation_mean": 0.333,
        "power_watts_mean": 71.4,
        "temperature_celsius_peak": 63,
        "energy_joules": 1234.6,
        "seconds": [0.0, 1.0],
        "memory_bytes": [1, None],
        "utilisation": [0.12, None],
        "power_watts": [70.0, None],
        "temperature_celsius": [None, 61.7],
    }


def test_the_usage_says_what_proves_the_use_of_a_gpu() -> None:
    seen = Usage(samples=9, gpu_samples=7, gpu_used=True, gpu_energy_joules=99.96)

    recorded = usage(replace(DONE, usage=seen))

    assert (recorded.gpu_samples, recorded.gpu_used) == (7, True)
    assert recorded.gpu_energy_joules == 100.0


def test_a_run_without_a_gpu_has_no_curve() -> None:
    assert gpu_curves(DONE) == {}
    assert gpu_curves(replace(DONE, usage=Usage())) == {}


def test_a_record_of_an_earlier_version_or_a_damaged_one_has_no_curve() -> None:
    assert recorded_curves({}) == {}
    assert recorded_curves({"gpu_curve": "none"}) == {}
    assert recorded_curves({"gpu_curve": {"GPU-a": {"unknown": 1}}}) == {}
