"""The course of a run's GPUs as lines of text: small curves, with their peaks and means."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from runner.cli.tables import one_line
from runner.observers.style import Marks
from runner.project.quantity import energy_text, size_text

if TYPE_CHECKING:
    from runner.manifest import GpuCurve

COLUMNS: Final = 40
UUID_LENGTH: Final = 12
INDENT: Final = "  "


def gpu_lines(curves: Mapping[str, "GpuCurve"], marks: Marks) -> list[str]:
    """Two lines for each GPU: what the run held of its memory, and how busy it was as a whole."""
    return [line for uuid, curve in curves.items() for line in _lines(uuid, curve, marks)]


def sparkline(
    seconds: Sequence[float],
    figures: Sequence[float | None],
    top: float,
    levels: str,
    combine: Callable[[Sequence[float]], float],
) -> str:
    """A figure over time as one character for each part of it, the highest level for ``top``.

    ``combine`` makes one figure of several that fall into a part; unknown ones are left blank.
    """
    columns = min(COLUMNS, len(seconds))
    parts: list[list[float | None]] = [[] for _ in range(columns)]
    for second, figure in zip(seconds, figures, strict=False):
        place = int(second / seconds[-1] * columns) if seconds[-1] > 0 else 0
        parts[min(place, columns - 1)].append(figure)
    text, last = "", " "
    for part in parts:
        known = [figure for figure in part if figure is not None]
        # Nothing was measured in a part that is shorter than the time between two samples.
        last = _level(combine(known), top, levels) if known else " " if part else last
        text += last
    return text


def _level(figure: float, top: float, levels: str) -> str:
    highest = len(levels) - 1
    return levels[min(highest, round(figure / top * highest)) if top > 0 else 0]


def _mean(figures: Sequence[float]) -> float:
    return sum(figures) / len(figures)


def _lines(uuid: str, curve: "GpuCurve", marks: Marks) -> Iterator[str]:
    name = one_line(uuid)[:UUID_LENGTH]
    top = float(curve.memory_peak_bytes or 0)
    memory = sparkline(curve.seconds, curve.memory_bytes, top, marks.levels, max)
    yield f"{INDENT}{name}  memory       {memory}  {_memory_text(curve)}".rstrip()
    busy = sparkline(curve.seconds, curve.utilisation, 1.0, marks.levels, _mean)
    yield f"{INDENT}{' ' * len(name)}  utilisation  {busy}  {', '.join(_facts(curve))}".rstrip()


def _memory_text(curve: "GpuCurve") -> str:
    if curve.memory_peak_bytes is None:
        return "unknown"
    total = curve.memory_total_bytes
    of_all = f" of {size_text(total)}" if total else ""
    return f"peak {size_text(curve.memory_peak_bytes)}{of_all}"


def _facts(curve: "GpuCurve") -> Iterator[str]:
    if curve.utilisation_mean is None:
        yield "unknown"
    else:
        yield f"mean {curve.utilisation_mean:.0%}".replace("%", " %")
    if curve.power_watts_mean is not None:
        yield f"{curve.power_watts_mean:.0f} W"
    if curve.temperature_celsius_peak is not None:
        yield f"up to {curve.temperature_celsius_peak} °C"
    if curve.energy_joules is not None:
        yield energy_text(curve.energy_joules)
