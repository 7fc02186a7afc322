"""The lines that move: progress, time left, memory; gone when nothing runs."""

from dataclasses import dataclass, field
from io import StringIO

import pytest
from rich.console import Console as RichConsole

from runner.events import BuildProgress, BuildStarted, Copying, Event, Progress, Resources
from runner.observers.lines import Layout
from runner.observers.live import Activity, LiveDisplay
from runner.observers.plain import cells
from runner.observers.style import ASCII
from tests.unit.observers.recorded import RUN, STAGE, attempt_failed, finished, progress, started

LAYOUT = Layout(marks=ASCII)


@dataclass
class Screen:
    """A display on a recorded terminal, with a clock set by hand."""

    width: int = 100
    now: float = 0.0
    file: StringIO = field(default_factory=StringIO)

    def __post_init__(self) -> None:
        self.display = LiveDisplay(
            layout=lambda: LAYOUT,
            new_console=lambda: RichConsole(
                file=self.file, force_terminal=True, width=self.width, legacy_windows=False
            ),
            clock=lambda: self.now,
            automatic=False,
        )

    def at(self, now: float, *events: Event) -> str:
        """What is drawn at that time, after these events."""
        self.now = now
        for event in events:
            self.display.follow(event)
        console = RichConsole(file=StringIO(), width=self.width, record=True)
        console.print(self.display.region, end="")
        return console.export_text()


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_a_running_stage_has_one_line_with_the_time_it_runs(screen: Screen) -> None:
    screen.at(0, started())
    text = screen.at(12)
    screen.display.close()
    assert text.split() == ["|", "06_asr", "0:12"]


def test_progress_shows_share_amount_and_time_left(screen: Screen) -> None:
    screen.at(0, started(), progress(0, 1740, "s"))
    text = screen.at(10, progress(174, 1740, "s"))
    screen.display.close()
    assert "10 %   2:54 of 29:00   about 1:30 left" in text


def test_the_time_left_goes_on_between_two_reports(screen: Screen) -> None:
    screen.at(0, started(), progress(0, 100, "pages"))
    screen.at(10, progress(50, 100, "pages"))
    text = screen.at(13)
    screen.display.close()
    assert "50 of 100 pages   about 7 s left" in text


def test_memory_and_gpu_are_shown_as_they_are_now(screen: Screen) -> None:
    screen.at(0, started(gpus=("GPU-1",)))
    usage = Resources(
        stage=STAGE, run_id=RUN, memory_bytes=64_000_000, cpu_seconds=1, gpu_memory_bytes=5 * 10**9
    )
    text = screen.at(1, usage)
    screen.display.close()
    assert "64 MB   GPU 5.0 GB" in text


@pytest.mark.parametrize(
    "strange",
    [
        progress(float("nan"), 10),
        progress(float("inf"), 10),
        progress(-5, 10),
        progress(5, float("nan")),
        progress(5, 0),
        progress(5, -1),
        progress(1e308, 1e-308),
        Progress(stage=STAGE, run_id="another", done=1, total=2, unit=""),
        progress(5, 10, "\x1b[2J"),
    ],
)
def test_progress_that_makes_no_sense_does_no_harm(screen: Screen, strange: Progress) -> None:
    screen.at(0, started(), strange)
    text = screen.at(5, strange)
    screen.display.close()
    assert text.count("\n") == 1
    assert "\x1b" not in text


def test_who_starts_to_count_anew_is_estimated_anew() -> None:
    activity = Activity(name=STAGE, began=0)
    for now, done in ((0.0, 0.0), (10.0, 90.0), (11.0, 1.0), (21.0, 11.0)):
        activity = activity.progressed(progress(done, 100), now)
    assert activity.seconds_left(21.0) == pytest.approx(89.0)


def test_two_stages_have_two_lines_until_each_is_finished(screen: Screen) -> None:
    assert screen.at(0, started(), started("05_vad", "other")).count("\n") == 2
    assert screen.at(1, finished()).split()[1:2] == ["05_vad"]
    screen.at(2, finished(stage="05_vad", run_id="other"))
    assert not screen.display.activities


def test_the_terminal_is_left_as_it_was(screen: Screen) -> None:
    screen.at(0, started())
    screen.at(1, finished())
    text = screen.file.getvalue()
    assert text.rfind("\x1b[?25h") > text.rfind("\x1b[?25l") >= 0


def test_finished_lines_are_printed_above_the_moving_ones(screen: Screen) -> None:
    assert not screen.display.print((("before", ""),))
    screen.at(0, started())
    assert screen.display.print((("above", ""),))
    screen.display.close()
    assert "above" in screen.file.getvalue()


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_line_never_becomes_two(width: int) -> None:
    screen = Screen(width=max(width, 40))
    text = screen.at(0, started("06_" + "x" * 100), progress(1, 1e9, "B"))
    screen.display.close()
    assert text.count("\n") == 1
    assert cells(text.rstrip("\n")) <= screen.width


def test_builds_and_copies_move_too(screen: Screen) -> None:
    text = screen.at(
        0,
        BuildStarted(image="stagerun/06_asr:main", reason="not built yet"),
        BuildProgress(image="stagerun/06_asr:main", step="[2/3] RUN pip"),
        Copying(path="film.mkv", done=10**9, total=4 * 10**9),
    )
    assert "[2/3] RUN pip" in text
    assert "25 %   1.0 GB of 4.0 GB" in text
    assert "film.mkv" not in screen.at(1, Copying(path="film.mkv", done=4, total=4))
    screen.display.close()


def test_an_attempt_that_failed_moves_no_longer(screen: Screen) -> None:
    screen.at(0, started())
    assert screen.at(1, attempt_failed()) == ""
