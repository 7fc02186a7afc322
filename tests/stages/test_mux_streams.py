"""What stage 10 keeps of a film in each container, leaves out, or refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from container_kinds import MKV, MP4, WEBM, Container, choose_container
from left_out import what_may_be_left_out
from plan import make_plan
from streams import MuxError, Stream
from track_wishes import Wishes

from tests.stages.mux_plans import (
    COVER,
    FONT,
    GERMAN,
    OTHER_FONT,
    PICTURES,
    SOUND,
    TELETEXT,
    TITLES,
    VIDEO,
    VP9,
    command_of,
    media,
    plan_for,
)


@pytest.mark.parametrize(
    ("wish", "name", "container"),
    [
        ("auto", "a.mp4", MP4),
        ("auto", "a.M4V", MP4),
        ("auto", "a.mov", MKV),
        ("auto", "a", MKV),
        ("mkv", "a.mp4", MKV),
        ("mp4", "a.mkv", MP4),
        ("webm", "a.mkv", WEBM),
    ],
)
def test_auto_keeps_mp4_and_makes_matroska_of_the_rest(
    wish: str, name: str, container: Container
) -> None:
    assert choose_container(wish, Path(name)) is container


def test_matroska_keeps_all_but_data() -> None:
    film = media(VIDEO, SOUND, GERMAN, COVER, FONT, PICTURES, TITLES)
    plan = plan_for(film, MKV, "es")
    assert plan.kept == (VIDEO, SOUND, GERMAN, FONT, PICTURES)
    assert plan.covers == (COVER,)
    assert plan.warnings == ("mkv cannot hold stream 6 (data, bin_data); left out.",)


def test_mp4_keeps_the_cover_as_a_stream() -> None:
    plan = plan_for(media(VIDEO, SOUND, GERMAN, COVER), MP4, "es")
    assert plan.kept == (VIDEO, SOUND, GERMAN, COVER)
    assert (plan.covers, plan.warnings) == ((), ())


@pytest.mark.parametrize(
    ("container", "codec", "becomes"),
    [
        *((MKV, codec, "copy") for codec in ("subrip", "ass", "ssa", "webvtt")),
        *((MKV, codec, "srt") for codec in ("text", "mov_text", "eia_608")),
        *((MP4, codec, "mov_text") for codec in ("subrip", "ass", "ssa", "webvtt", "eia_608")),
        *((WEBM, codec, "webvtt") for codec in ("subrip", "ass", "ssa", "mov_text", "eia_608")),
    ],
)
def test_subtitles_that_are_text_get_into_every_container(
    container: Container, codec: str, becomes: str
) -> None:
    text = Stream(1, "subtitle", codec)
    plan = plan_for(media(VP9, text), container)
    assert plan.kept == (VP9, text)
    assert f"-c:s:0 {becomes}" in command_of(plan)


@pytest.mark.parametrize(
    ("streams", "container", "said"),
    [
        (
            [VIDEO, SOUND],
            WEBM,
            "webm cannot hold stream 0 (video, h264) and stream 1 (audio, aac) of film.mkv, and"
            " picture and sound are not encoded anew here. Set MUX_CONTAINER to mkv, which holds"
            " all of that.",
        ),
        (
            [VIDEO, SOUND, PICTURES, FONT, OTHER_FONT, COVER],
            MP4,
            "mp4 cannot hold stream 5 (subtitle, hdmv_pgs_subtitle, fre) and streams 4, 7"
            " (attachment, ttf) of film.mkv. Set MUX_CONTAINER to mkv, which holds all of that, or"
            ' MUX_LEAVE_OUT to "subtitles attachments" to have the film without.',
        ),
        (
            [VP9, COVER],
            WEBM,
            "webm cannot hold stream 3 (cover, mjpeg) of film.mkv. Set MUX_CONTAINER to mkv, which"
            ' holds all of that, or MUX_LEAVE_OUT to "covers" to have the film without.',
        ),
        (
            [VIDEO, TELETEXT, PICTURES],
            MKV,
            "mkv cannot hold stream 8 (subtitle, dvb_teletext) of film.mkv. Set MUX_LEAVE_OUT to"
            ' "subtitles" to have the film without.',
        ),
        (
            [VIDEO, TELETEXT, FONT],
            MP4,
            "mp4 cannot hold stream 8 (subtitle, dvb_teletext) and stream 4 (attachment, ttf) of"
            ' film.mkv. Set MUX_CONTAINER to mkv and MUX_LEAVE_OUT to "subtitles", or MUX_LEAVE_OUT'
            ' to "subtitles attachments" to have the film without.',
        ),
        (
            [VIDEO, TELETEXT, FONT, COVER],
            WEBM,
            "webm cannot hold stream 0 (video, h264), stream 8 (subtitle, dvb_teletext), stream 4"
            " (attachment, ttf) and stream 3 (cover, mjpeg) of film.mkv, and picture and sound are"
            ' not encoded anew here. Set MUX_CONTAINER to mkv and MUX_LEAVE_OUT to "subtitles".',
        ),
    ],
)
def test_all_that_a_viewer_would_miss_is_refused_in_one_sentence_with_what_helps(
    streams: list[Stream], container: Container, said: str
) -> None:
    with pytest.raises(MuxError) as refused:
        plan_for(media(*streams), container, "es")
    assert str(refused.value) == said


def test_what_may_be_left_out_is_and_the_rest_is_still_refused() -> None:
    film = media(VIDEO, GERMAN, PICTURES, FONT)
    plan = make_plan(film, MP4, [], Wishes(), frozenset(("subtitles", "attachments")))
    assert plan.kept == (VIDEO, GERMAN)
    assert plan.warnings == (
        "mp4 cannot hold stream 5 (subtitle, hdmv_pgs_subtitle, fre) and stream 4"
        " (attachment, ttf); left out.",
    )
    with pytest.raises(MuxError) as refused:
        make_plan(film, MP4, [], Wishes(), frozenset(("subtitles",)))
    assert "mp4 cannot hold stream 4 (attachment, ttf) of film.mkv" in str(refused.value)
    assert 'MUX_LEAVE_OUT to "subtitles attachments"' in str(refused.value)


def test_picture_and_sound_are_refused_whatever_may_be_left_out() -> None:
    every_word = what_may_be_left_out(["subtitles", "attachments", "covers"])
    film = media(VIDEO, Stream(1, "audio", "truehd"))
    with pytest.raises(MuxError, match=r"mp4 cannot hold stream 1 \(audio, truehd\)"):
        make_plan(film, MP4, [], Wishes(), every_word)


def test_a_word_that_names_nothing_to_leave_out_is_refused() -> None:
    assert what_may_be_left_out(["Subtitles"]) == {"subtitles"}
    with pytest.raises(MuxError, match="MUX_LEAVE_OUT names fonts, sound, and what may be left"):
        what_may_be_left_out(["sound", "covers", "fonts"])


def test_titles_of_chapters_are_not_reported_as_lost() -> None:
    plan = plan_for(media(VIDEO, TITLES, has_chapters=True), MKV, "es")
    assert (plan.kept, plan.warnings) == ((VIDEO,), ())
