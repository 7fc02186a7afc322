"""The cues that stage 10 reads, and the form in which each container gets them."""

from __future__ import annotations

from pathlib import Path

import pytest
from container_kinds import MKV, MP4
from mp4_flags import switch_subtitles_off
from plan import make_plan
from srt_file import Cue, read_srt, srt_text, webvtt_text
from streams import MuxError
from track_wishes import Wishes

from tests.stages.mux_plans import VIDEO, media, subtitle


def read(tmp_path: Path, content: str | bytes) -> tuple[Cue, ...]:
    path = tmp_path / "film.en.srt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_srt(path)


def test_srt_is_read_in_every_form_in_which_people_write_it(tmp_path: Path) -> None:
    first = "\ufeff1\r\n0:00:02.5 --> 00:00:03,000 X1:1\r\n 12 \r\n\r\n"
    second = "00:00:01,000 --> 00:00:00,500\n2\n"
    assert read(tmp_path, first + second) == (
        Cue(1000, 1000, ("2",)),
        Cue(2500, 3000, (" 12",)),
    )


def test_cues_without_text_are_none_and_no_text_is_no_cue(tmp_path: Path) -> None:
    assert read(tmp_path, "1\n00:00:01,000 --> 00:00:02,000\n\n\n") == ()
    assert read(tmp_path, " \n") == ()


@pytest.mark.parametrize(
    ("content", "said"),
    [("Just some text.\n", "is no SRT file"), ("1\n\xe9".encode("latin-1"), "is not in UTF-8")],
)
def test_what_is_no_srt_is_refused(tmp_path: Path, content: str | bytes, said: str) -> None:
    with pytest.raises(MuxError, match=rf"film\.en\.srt {said}"):
        read(tmp_path, content)


def test_what_looks_like_a_tag_is_escaped_in_webvtt_and_left_alone_in_srt() -> None:
    cue = Cue(0, 3_600_500, ("<i>a</i> <b & c> -->", '{"שלום"} 😀'))
    assert webvtt_text([cue]) == (
        "WEBVTT\n\n00:00:00.000 --> 01:00:00.500\n"
        '<i>a</i> &lt;b &amp; c&gt; --&gt;\n{"שלום"} 😀\n\n'
    )
    assert srt_text([cue]) == (
        '1\n00:00:00,000 --> 01:00:00,500\n<i>a</i> <b & c> -->\n{"שלום"} 😀\n\n'
    )


def test_a_cue_that_mp4_cannot_hold_is_refused_with_its_number() -> None:
    long = (Cue(0, 1, ("a",)), Cue(2, 3, ("w" * 100_000,)))
    with pytest.raises(MuxError, match=r"Cue 2 of film\.es\.srt has 100000 bytes"):
        make_plan(media(VIDEO), MP4, [subtitle("es", cues=long)], Wishes())
    assert make_plan(media(VIDEO), MKV, [subtitle("es", cues=long)], Wishes()).added


def test_cues_that_start_together_become_one_in_mp4_and_stay_two_in_mkv() -> None:
    twins = (Cue(0, 900, ("One",)), Cue(0, 1500, ("Two",)), Cue(1000, 2000, ("Three",)))
    in_mp4, in_mkv = (
        make_plan(media(VIDEO), container, [subtitle("es", cues=twins)], Wishes()).added[0].cues
        for container in (MP4, MKV)
    )
    assert in_mp4 == (Cue(0, 1500, ("One", "Two")), Cue(1000, 2000, ("Three",)))
    assert in_mkv == twins


def test_text_on_the_way_to_mp4_has_nothing_that_ffmpeg_takes_for_ass() -> None:
    text = webvtt_text([Cue(0, 1, (r"{a} C:\News \x",))], to_be_converted=True)
    brace, other_brace = "\N{FULLWIDTH LEFT CURLY BRACKET}", "\N{FULLWIDTH RIGHT CURLY BRACKET}"
    assert f"{brace}a{other_brace} C:\\\N{WORD JOINER}News \\x" in text


def box(kind: bytes, *contents: bytes) -> bytes:
    inside = b"".join(contents)
    return (len(inside) + 8).to_bytes(4, "big") + kind + inside


def test_only_subtitle_tracks_of_an_mp4_are_switched_off(tmp_path: Path) -> None:
    def trak(handler: bytes, flags: int) -> bytes:
        head = box(b"tkhd", bytes((0, 0, 0, flags)), bytes(8))
        return box(b"trak", head, box(b"mdia", box(b"hdlr", bytes(8), handler)))

    def film(flags: int) -> bytes:
        return box(b"ftyp", b"isom") + box(b"moov", trak(b"vide", 3), trak(b"sbtl", flags))

    path = tmp_path / "film.mp4"
    path.write_bytes(film(3))
    switch_subtitles_off(path)
    assert path.read_bytes() == film(2)
