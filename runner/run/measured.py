"""What was measured of a run, as its record keeps it: rounded to what it can be measured to.

Needs pydantic, like the record.
"""

from runner.host.figures import largest
from runner.host.gpu_curve import GpuUse
from runner.host.monitor import Usage as Samples
from runner.manifest import GpuCurve, Usage
from runner.run.facts import Facts


def usage(facts: Facts) -> Usage:
    """What the samples and the report from inside say together: the larger of each pair."""
    report, sampled = facts.report, facts.usage or Samples()
    return Usage(
        cpu_seconds=largest(sampled.cpu_seconds, report and report.cpu_seconds),
        memory_peak_bytes=largest(sampled.memory_peak_bytes, report and report.memory_peak_bytes),
        read_bytes=largest(sampled.read_bytes, report and report.read_bytes),
        write_bytes=largest(sampled.write_bytes, report and report.write_bytes),
        gpu_memory_peak_bytes=sampled.gpu_memory_peak_bytes,
        gpu_utilisation_mean=_rounded(sampled.gpu_utilisation_mean, 3),
        gpu_energy_joules=_rounded(sampled.gpu_energy_joules, 1),
        gpu_used=sampled.gpu_used,
        samples=sampled.samples,
        gpu_samples=sampled.gpu_samples,
    )


def gpu_curves(facts: Facts) -> dict[str, GpuCurve]:
    """The course of each GPU over the run, by UUID."""
    gpus = facts.usage.gpus if facts.usage else {}
    return {uuid: _in_columns(use) for uuid, use in gpus.items()}


def _in_columns(use: GpuUse) -> GpuCurve:
    points = use.points
    return GpuCurve(
        memory_peak_bytes=use.memory_peak_bytes,
        memory_total_bytes=use.memory_total_bytes,
        utilisation_mean=_rounded(use.utilisation_mean, 3),
        power_watts_mean=_rounded(use.power_watts_mean, 1),
        temperature_celsius_peak=use.temperature_celsius_peak,
        energy_joules=_rounded(use.energy_joules, 1),
        seconds=[round(point.seconds, 1) for point in points],
        memory_bytes=[point.memory_bytes for point in points],
        utilisation=[_rounded(point.utilisation, 2) for point in points],
        power_watts=[_rounded(point.power_watts, 1) for point in points],
        temperature_celsius=[_rounded(point.temperature_celsius, 1) for point in points],
    )


def _rounded(figure: float | None, digits: int) -> float | None:
    return None if figure is None else round(figure, digits)
