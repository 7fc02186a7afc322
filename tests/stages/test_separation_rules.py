"""What stage 04 decides by what it measured, without measuring."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from erasure import CELL_SAMPLES, Cell, Passage, find_erasure
from separation_method import Levels, Method, decide
from sound_layout import Layout, find_layout, stated_layout

CELL = CELL_SAMPLES / 16000
STEREO = find_layout(2)
SURROUND = find_layout(6)
LOUD = 0.01


def levels(*channels: float, mid: float = LOUD, side: float = LOUD) -> Levels:
    return Levels(channels, mid, side)


@pytest.mark.parametrize(
    ("channels", "stated", "expected"),
    [
        (2, None, Layout("stereo", 2)),
        (6, None, Layout("5.1", 6, centre=2, low=3)),
        (6, "5.1(side)", Layout("5.1(side)", 6, centre=2, low=3)),
        (6, "6.0(front)", Layout("6.0(front)", 6)),
        (6, "7.1", Layout("5.1", 6, centre=2, low=3)),  # it cannot be that
        (4, None, Layout("quad", 4)),
        (4, "4.0", Layout("4.0", 4, centre=2)),
        (3, "2.1", Layout("2.1", 3, low=2)),
        (8, "7.1(wide)", Layout("7.1(wide)", 8, centre=2, low=3)),
        (5, "unheard of", Layout("5.0", 5, centre=2)),
        (12, None, Layout("12 channels", 12)),
    ],
)
def test_the_centre_is_where_the_layout_has_it(
    channels: int, stated: str | None, expected: Layout
) -> None:
    assert find_layout(channels, stated) == expected


def test_the_layout_is_that_of_the_track_which_was_taken(tmp_path: Path) -> None:
    probe = tmp_path / "probe.json"
    streams = [{"index": 1, "channel_layout": "stereo"}, {"index": 2, "channel_layout": "4.0"}]
    probe.write_text(json.dumps({"audio_track": {"stream": 2}, "streams": streams}))
    assert stated_layout(probe) == "4.0"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"audio_track": {"stream": 1}, "streams": []}'])
def test_a_probe_that_says_nothing_is_no_obstacle(tmp_path: Path, text: str) -> None:
    (tmp_path / "probe.json").write_text(text)
    assert stated_layout(tmp_path / "probe.json") is None


@pytest.mark.parametrize(
    ("layout", "measured", "method"),
    [
        (STEREO, levels(LOUD, LOUD), Method.CENTRE_MASK),
        (STEREO, levels(LOUD, LOUD, side=LOUD / 50), Method.CENTRE_MASK),
        (STEREO, levels(LOUD, LOUD, side=LOUD / 200), Method.PASS_THROUGH),
        (STEREO, levels(0, 0, mid=0, side=0), Method.PASS_THROUGH),
        (SURROUND, levels(LOUD, LOUD, LOUD, LOUD, LOUD, LOUD), Method.CENTRE_CHANNEL),
        (SURROUND, levels(0, 0, LOUD, 0, 0, 0), Method.CENTRE_CHANNEL),
        (SURROUND, levels(LOUD, LOUD, 0, LOUD, 0, 0), Method.CENTRE_MASK),
        (SURROUND, levels(LOUD, LOUD, 0, LOUD, LOUD, 0), Method.PASS_THROUGH),
        (find_layout(4), levels(LOUD, LOUD, LOUD, LOUD), Method.PASS_THROUGH),
        (find_layout(3, "2.1"), levels(LOUD, LOUD, LOUD), Method.CENTRE_MASK),
    ],
)
def test_the_method_follows_from_what_was_measured(
    layout: Layout, measured: Levels, method: Method
) -> None:
    assert decide(layout, measured).method is method


def test_the_reason_has_the_number_that_decided() -> None:
    decision = decide(STEREO, levels(LOUD, LOUD, side=LOUD / 1000))
    assert "their difference is -30.0 dB" in decision.reason


KEPT = Cell(LOUD, LOUD / 2, LOUD / 100)
MUSIC = Cell(LOUD, LOUD / 20, LOUD / 10)
BESIDE = Cell(LOUD, LOUD / 1000, LOUD)
BESIDE_IN_MUSIC = Cell(LOUD, LOUD / 25, LOUD / 4)
ELSEWHERE = Cell(LOUD, LOUD / 1000, 0)
SILENT = Cell(0, 0, 0)


@pytest.mark.parametrize(
    ("cells", "passages"),
    [
        ([], []),
        ([SILENT] * 20, []),
        ([KEPT, MUSIC, MUSIC, MUSIC, KEPT] * 4, []),
        ([KEPT] * 4 + [BESIDE] + [KEPT] * 4, [(3, 6)]),  # a single word
        ([KEPT] * 4 + [BESIDE_IN_MUSIC] * 3 + [KEPT] * 4, [(3, 8)]),
        ([SILENT] * 4 + [BESIDE] * 2 + [SILENT] * 4, [(3, 7)]),
        ([KEPT] * 4 + [ELSEWHERE] * 3 + [KEPT] * 4, []),  # a pause over music
        ([KEPT] * 4 + [ELSEWHERE] * 6 + [KEPT] * 4, [(3, 11)]),
        ([ELSEWHERE] * 2, [(0, 2)]),
    ],
)
def test_a_voice_elsewhere_is_left_as_it_was(
    cells: list[Cell], passages: list[tuple[int, int]]
) -> None:
    found = find_erasure(cells, len(cells) * CELL).passages
    expected = [Passage(start * CELL, end * CELL) for start, end in passages]
    assert found == tuple(expected)


# Levels like these mean a voice beside the centre, as far as levels can tell.
IN_LOUD_MUSIC = Cell(LOUD, LOUD / 8, LOUD / 2, voice_kept=0.9)
HEARD_BESIDE = Cell(LOUD, LOUD / 4, LOUD / 8, voice_lost=0.9)
HEARD_TWICE = Cell(LOUD, LOUD / 2, LOUD / 4, voice_kept=0.9, voice_lost=0.9)
ECHOED = Cell(LOUD, LOUD / 8, LOUD / 2, voice_kept=0.9, voice_lost=0.9)
TRACED = Cell(LOUD, LOUD / 100, LOUD, voice_kept=0.9)
HISS = Cell(1e-8, 1e-9, 1e-9, voice_lost=0.9)


@pytest.mark.parametrize(
    ("cells", "passages"),
    [
        ([KEPT] * 2 + [IN_LOUD_MUSIC] * 8 + [KEPT] * 2, []),
        ([IN_LOUD_MUSIC] * 3 + [BESIDE] * 2 + [IN_LOUD_MUSIC] * 3, []),  # a pause in the music
        ([IN_LOUD_MUSIC] * 3 + [BESIDE] * 5 + [IN_LOUD_MUSIC] * 3, [(4, 7)]),
        ([KEPT] * 4 + [HEARD_BESIDE] + [KEPT] * 4, [(3, 6)]),
        ([IN_LOUD_MUSIC] * 4 + [HEARD_BESIDE] + [IN_LOUD_MUSIC] * 4, [(3, 6)]),
        ([KEPT] * 4 + [HEARD_TWICE] * 4 + [KEPT] * 4, []),
        ([KEPT] * 4 + [ECHOED] + [KEPT] * 4, [(3, 6)]),
        ([KEPT] * 4 + [TRACED] + [KEPT] * 4, [(3, 6)]),
        ([HISS] * 4, []),
    ],
)
def test_where_a_voice_is_heard_decides_before_levels(
    cells: list[Cell], passages: list[tuple[int, int]]
) -> None:
    found = find_erasure(cells, len(cells) * CELL).passages
    assert found == tuple(Passage(start * CELL, end * CELL) for start, end in passages)


def test_passages_end_with_the_recording_and_are_counted_without_silence() -> None:
    erasure = find_erasure([SILENT, *[BESIDE] * 3], 1.9)
    assert erasure.passages == (Passage(0, 1.9),)
    assert erasure.lost_seconds == erasure.sounding_seconds == pytest.approx(3 * CELL)
