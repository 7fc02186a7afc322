"""What stage 01 decides before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from clip import Clip, ClipError, read_clip
from film import AudioTrack, Film, MediaError, choose_track
from loudness import Loudness, measuring_filter, read_loudness
from timeline import Timeline

from shared.ffmpeg import seconds_of_film

RATE = 1000
SAID = """size=N/A time=00:00:04.00 bitrate=N/A speed= 102x
Summary:

  Integrated loudness:
    I:         -23.4 LUFS
    Threshold: -33.7 LUFS

  Loudness range:
    LRA:         6.5 LU
    Threshold: -43.7 LUFS
    LRA low:   -29.0 LUFS
    LRA high:  -22.5 LUFS

  Sample peak:
    Peak:       -1.5 dBFS
"""


def film_with(*tracks: AudioTrack) -> Film:
    return Film(Path("film.mkv"), {"streams": [{"codec_type": "video"}]}, 60.0, tracks)


def track(
    number: int, language: str, *, is_default: bool = False, is_extra: bool = False
) -> AudioTrack:
    return AudioTrack(number, number + 1, "aac", 2, 48000, language, is_default, is_extra=is_extra)


def laid(timeline: Timeline, *pieces: tuple[int, bytes]) -> bytes:
    return b"".join(part for start, sound in pieces for part in timeline.lay(start, sound))


@pytest.mark.parametrize(
    ("start", "end", "clip"),
    [
        ("", "", Clip()),
        ("90", "1:31.5", Clip(90, 91.5)),
        (" 1:02:03 ", "", Clip(3723, None)),
        ("", "0.25", Clip(0, 0.25)),
    ],
)
def test_clip_times_are_seconds_or_minutes(start: str, end: str, clip: Clip) -> None:
    assert read_clip(start, end) == clip


@pytest.mark.parametrize("text", ["-1", "1:60", "1:75:00", "1m", "nan", "1e3", ":30"])
def test_what_is_no_time_is_refused_by_name(text: str) -> None:
    with pytest.raises(ClipError, match="CLIP_END is"):
        read_clip("", text)


def test_the_default_track_wins_over_the_first() -> None:
    film = film_with(track(0, "eng"), track(1, "spa", is_default=True))
    assert choose_track(film, "").number == 1
    assert choose_track(film_with(track(0, "eng"), track(1, "spa")), "").number == 0


@pytest.mark.parametrize("wish", ["1", "es", "spa", "es-MX", "ES"])
def test_a_track_is_found_by_number_and_by_any_spelling_of_its_language(wish: str) -> None:
    assert choose_track(film_with(track(0, "eng"), track(1, "spa")), wish).number == 1


def test_a_commentary_is_taken_only_by_number_or_for_want_of_another() -> None:
    film = film_with(track(0, "eng", is_default=True, is_extra=True), track(1, "eng"))
    assert [choose_track(film, wish).number for wish in ("", "en", "0")] == [1, 1, 0]
    assert choose_track(film_with(track(0, "eng", is_extra=True)), "en").number == 0


def test_a_film_without_sound_says_what_it_has() -> None:
    with pytest.raises(MediaError, match=r"film\.mkv has no audio track; it holds: video"):
        choose_track(film_with(), "")


def test_a_late_start_and_a_gap_become_silence() -> None:
    timeline = Timeline(RATE, 1, first=0, last=None)
    assert laid(timeline, (2, b"ab"), (200, b"cd")) == b"\0\0ab" + bytes(196) + b"cd"


def test_rounded_times_move_nothing() -> None:
    timeline = Timeline(RATE, 1, first=0, last=None)
    assert laid(timeline, (0, b"ab"), (3, b"cd"), (1, b"ef")) == b"abcdef"


def test_sound_before_the_film_and_over_other_sound_is_dropped() -> None:
    timeline = Timeline(RATE, 1, first=0, last=None)
    assert laid(timeline, (-1, b"ab"), (1, bytes(99)), (30, bytes(70) + b"c")) == (
        b"b" + bytes(99) + b"c"
    )


def test_a_clip_is_cut_out_of_sound_and_silence() -> None:
    timeline = Timeline(RATE, 2, first=1, last=101)
    assert laid(timeline, (0, b"aabb"), (100, b"ccdd")) == b"bb" + bytes(196) + b"cc"
    assert (timeline.is_complete, timeline.written) == (True, 101)


def test_a_gap_of_hours_is_handed_on_in_small_pieces() -> None:
    pieces = Timeline(48000, 12, first=0, last=None).lay(48000 * 10800, bytes(12))
    assert max(map(len, pieces)) <= 1 << 16


def test_loudness_is_read_from_what_ffmpeg_says() -> None:
    assert read_loudness(SAID.splitlines()) == Loudness(-23.4, 6.5, -1.5, None)


def test_silence_has_no_loudness() -> None:
    said = SAID.replace("-23.4", "-70.0").replace("-1.5", " -inf")
    assert read_loudness(said.splitlines()) == Loudness(None, None, None, None)


def test_a_log_line_for_each_moment_is_never_asked_for() -> None:
    assert measuring_filter(true_peak=True) == "ebur128=framelog=verbose:peak=sample+true"


def test_a_subtitle_that_outlasts_the_film_does_not_make_it_longer() -> None:
    streams = [
        {"codec_type": "video", "tags": {"DURATION": "00:01:02.500000000"}},
        {"codec_type": "audio", "duration": "61.0"},
        {"codec_type": "subtitle", "tags": {"DURATION": "00:09:00.0"}},
    ]
    document = {"format": {"format_name": "matroska,webm", "duration": "540"}, "streams": streams}
    assert seconds_of_film(document) == 62.5
    document["format"] = {"format_name": "mpegts", "duration": "540"}
    assert seconds_of_film(document) is None
