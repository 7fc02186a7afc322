"""The course of a GPU over a run: few points, an exact peak, energy by counter or by power."""

import tracemalloc
from itertools import pairwise

import pytest

from runner.host.gpu_curve import MOST_POINTS, GpuCourse, GpuUse
from runner.host.nvml import GpuReading

GIB = 1024**3


def course(*looks: tuple[float, int | None, GpuReading]) -> GpuUse:
    """What a course says after looks at these seconds."""
    gathered, before = GpuCourse(), 0.0
    for seconds, memory, reading in looks:
        gathered.add(reading, memory, seconds, seconds - before)
        before = seconds
    return gathered.use()


def busy(share: float) -> GpuReading:
    return GpuReading(utilisation=share, power_watts=100 * share, temperature_celsius=40)


def test_a_short_run_keeps_every_look() -> None:
    use = course((0.0, 0, busy(0.1)), (0.1, GIB, busy(0.9)), (0.6, 2 * GIB, busy(0.5)))

    assert [(point.seconds, point.memory_bytes, point.utilisation) for point in use.points] == [
        (0.0, 0, 0.1),
        (0.1, GIB, 0.9),
        (0.6, 2 * GIB, 0.5),
    ]


@pytest.mark.parametrize("looks", [199, 200, 201, 1000, 20_000])
def test_a_long_run_has_few_points_that_cover_all_of_it(looks: int) -> None:
    use = course(*((float(second), second, busy(0.5)) for second in range(looks)))

    assert min(looks, MOST_POINTS) / 2 <= len(use.points) <= MOST_POINTS
    gaps = [later.seconds - earlier.seconds for earlier, later in pairwise(use.points)]
    assert max(gaps) <= 2.1 * looks / len(use.points)
    assert use.points[0].seconds == 0.0
    assert use.points[-1].memory_bytes == looks - 1


def test_a_peak_of_one_look_survives_in_a_run_of_a_day() -> None:
    use = course(
        *(
            (float(second), 7 * GIB if second == 40_000 else GIB, busy(0.5))
            for second in range(86_400)
        )
    )

    assert use.memory_peak_bytes == 7 * GIB
    assert [point.memory_bytes for point in use.points].count(7 * GIB) == 1


def test_neighbours_that_become_one_have_the_mean_over_their_time() -> None:
    looks = [(float(second), 0, busy(second % 2)) for second in range(4000)]

    use = course(*looks)

    assert len(use.points) <= MOST_POINTS
    middle = use.points[1:-1]
    assert all(point.utilisation == pytest.approx(0.5, abs=0.05) for point in middle)
    assert all(point.power_watts == pytest.approx(50, abs=5) for point in middle)
    assert use.utilisation_mean == pytest.approx(0.5, abs=0.01)


def test_what_the_driver_does_not_tell_is_unknown_in_the_curve_and_in_the_figures() -> None:
    use = course((0.0, None, GpuReading()), (1.0, None, GpuReading()))

    assert [point.memory_bytes for point in use.points] == [None, None]
    assert use == GpuUse(points=use.points)


def test_energy_is_the_drivers_own_count_where_it_counts() -> None:
    counted = [GpuReading(power_watts=500, energy_joules=joules) for joules in (1000, 1070, 1200)]

    use = course(*((float(second), 0, reading) for second, reading in enumerate(counted)))

    assert use.energy_joules == 200


def test_energy_does_not_run_backwards_when_the_driver_is_loaded_anew() -> None:
    counted = [GpuReading(energy_joules=joules) for joules in (1000, 1100, 10, 40)]

    use = course(*((float(second), 0, reading) for second, reading in enumerate(counted)))

    assert use.energy_joules == 130


def test_energy_without_a_counter_is_power_over_time() -> None:
    use = course(
        (0.0, 0, GpuReading(power_watts=70)),
        (1.0, 0, GpuReading(power_watts=100)),
        (4.0, 0, GpuReading(power_watts=50)),
    )

    assert use.energy_joules == 1 * 100 + 3 * 50


def test_the_energy_between_the_last_look_and_the_end_counts() -> None:
    gathered = GpuCourse()
    gathered.add(GpuReading(energy_joules=1000), 0, 0.0, 0.0)
    gathered.end(GpuReading(energy_joules=1090), 0.9)

    assert gathered.use().energy_joules == 90


def test_memory_use_does_not_grow_with_the_length_of_a_run() -> None:
    gathered = GpuCourse()

    def look(seconds: range) -> None:
        for second in seconds:
            gathered.add(busy(second % 7 / 7), second % 1000, float(second), 1.0)

    look(range(90_000))
    tracemalloc.start()
    look(range(90_000, 100_000))
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert grown < 50_000
    assert len(gathered.use().points) <= MOST_POINTS
