"""The course of one GPU over a run: few points however long it is, and its exact peak and energy.

A GPU shows power, temperature and utilisation of the whole device only, and so its energy too: what
other programs made of it in the meantime is in these figures. Memory is the container's own.
"""

from dataclasses import dataclass, field
from typing import Final

from runner.host.figures import TimeMean, largest
from runner.host.nvml import GpuReading

MOST_POINTS: Final = 200
# As close together as samples are ever taken.
FIRST_INTERVAL_SECONDS: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class CurvePoint:
    """A stretch of time that begins ``seconds`` after the first look; None where not measured.

    ``memory_bytes`` is the most that the container held in it, the others are means over time:
    ``utilisation`` from 0 to 1.
    """

    seconds: float
    memory_bytes: int | None = None
    utilisation: float | None = None
    power_watts: float | None = None
    temperature_celsius: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GpuUse:
    """What one GPU saw of a run; None where not measured.

    ``memory_peak_bytes`` is the most that the container's processes held at any look, and
    ``memory_used_peak_bytes`` what was in use then by whomever. All else is
    of the whole GPU; energy by the driver's counter where it has one, else power over time.
    """

    memory_peak_bytes: int | None = None
    memory_used_peak_bytes: int | None = None
    memory_total_bytes: int | None = None
    utilisation_mean: float | None = None
    power_watts_mean: float | None = None
    temperature_celsius_peak: int | None = None
    energy_joules: float | None = None
    points: tuple[CurvePoint, ...] = ()


class GpuCourse:
    """Gathers the readings of one GPU in constant space."""

    def __init__(self) -> None:
        self._curve = _Curve()
        self._energy = _Energy()
        self._utilisation = TimeMean()
        self._power = TimeMean()
        self._hottest: int | None = None
        self._peak: int | None = None
        self._used: int | None = None
        self._total: int | None = None

    def add(
        self, reading: GpuReading, memory_bytes: int | None, seconds: float, since: float
    ) -> None:
        """Take in a look ``seconds`` after the first one and ``since`` after the one before.

        ``memory_bytes`` is what the container's processes hold.
        """
        self._curve.add(reading, memory_bytes, seconds, since)
        self._energy.add(reading, since)
        self._utilisation.add(reading.utilisation, since)
        self._power.add(reading.power_watts, since)
        self._hottest = largest(self._hottest, reading.temperature_celsius)
        self._peak = largest(self._peak, memory_bytes)
        self._used = largest(self._used, reading.memory_used_bytes)
        self._total = largest(self._total, reading.memory_total_bytes)

    def end(self, reading: GpuReading, since: float) -> None:
        """Take in the energy up to the end of the run."""
        self._energy.add(reading, since)

    def use(self) -> GpuUse:
        """What all looks up to now say together."""
        return GpuUse(
            memory_peak_bytes=self._peak,
            memory_used_peak_bytes=self._used,
            memory_total_bytes=self._total,
            utilisation_mean=self._utilisation.value(),
            power_watts_mean=self._power.value(),
            temperature_celsius_peak=self._hottest,
            energy_joules=self._energy.joules(),
            points=self._curve.points(),
        )


@dataclass(slots=True)
class _Stretch:
    """All looks of a stretch of time; ``number`` is its place on the curve's ruler."""

    number: int
    seconds: float
    memory_bytes: int | None = None
    utilisation: TimeMean = field(default_factory=TimeMean)
    power: TimeMean = field(default_factory=TimeMean)
    temperature: TimeMean = field(default_factory=TimeMean)

    def merge(self, later: "_Stretch") -> None:
        self.memory_bytes = largest(self.memory_bytes, later.memory_bytes)
        self.utilisation.merge(later.utilisation)
        self.power.merge(later.power)
        self.temperature.merge(later.temperature)

    def point(self) -> CurvePoint:
        return CurvePoint(
            seconds=self.seconds,
            memory_bytes=self.memory_bytes,
            utilisation=self.utilisation.value(),
            power_watts=self.power.value(),
            temperature_celsius=self.temperature.value(),
        )


class _Curve:
    """At most ``MOST_POINTS`` stretches; when they are full, neighbours become one."""

    def __init__(self) -> None:
        self._interval = FIRST_INTERVAL_SECONDS
        self._stretches: list[_Stretch] = []

    def add(
        self, reading: GpuReading, memory_bytes: int | None, seconds: float, since: float
    ) -> None:
        looked = _Stretch(int(seconds / self._interval), seconds, memory_bytes)
        looked.utilisation.add(reading.utilisation, since)
        looked.power.add(reading.power_watts, since)
        looked.temperature.add(reading.temperature_celsius, since)
        self._append(self._stretches, looked)
        # Looks that are rare for the ruler fill every mark of it also when it is twice as long.
        while len(self._stretches) > MOST_POINTS:
            self._double()

    def points(self) -> tuple[CurvePoint, ...]:
        return tuple(stretch.point() for stretch in self._stretches)

    def _double(self) -> None:
        self._interval *= 2
        merged: list[_Stretch] = []
        for stretch in self._stretches:
            stretch.number //= 2
            self._append(merged, stretch)
        self._stretches = merged

    @staticmethod
    def _append(stretches: list[_Stretch], later: _Stretch) -> None:
        if stretches and stretches[-1].number >= later.number:
            stretches[-1].merge(later)
        else:
            stretches.append(later)


@dataclass(slots=True)
class _Energy:
    """Joules of a GPU: by its counter, and by its power for those that have none."""

    counted: float = 0.0
    counter: float | None = None
    integrated: float = 0.0
    has_power: bool = False

    def add(self, reading: GpuReading, since: float) -> None:
        if reading.power_watts is not None:
            self.has_power = True
            self.integrated += reading.power_watts * since
        if reading.energy_joules is not None:
            # A driver that was loaded anew begins at nothing.
            if self.counter is not None:
                self.counted += max(0.0, reading.energy_joules - self.counter)
            self.counter = reading.energy_joules

    def joules(self) -> float | None:
        if self.counter is not None:
            return self.counted
        return self.integrated if self.has_power else None
