"""What stage 10 decides before it starts anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from container_kinds import MKV, MP4, WEBM, Container, choose_container
from language_names import language_name
from mp4_flags import switch_subtitles_off
from muxing import Cut, mux_command
from plan import Plan, make_plan
from srt_file import Cue, read_srt, srt_text, webvtt_text
from streams import MediaFile, MuxError, Stream
from track_wishes import Subtitle, Wishes, language_in_name

VIDEO = Stream(0, "video", "h264")
SOUND = Stream(1, "audio", "aac")
GERMAN = Stream(2, "subtitle", "subrip", language="ger", is_default=True)
COVER = Stream(3, "video", "mjpeg", is_cover=True)
FONT = Stream(4, "attachment", "ttf")
PICTURES = Stream(5, "subtitle", "hdmv_pgs_subtitle")
TITLES = Stream(6, "data", "bin_data")
VP9 = Stream(0, "video", "vp9")
OPUS = Stream(1, "audio", "opus")
CUES = (Cue(0, 1000, ("One",)), Cue(1000, 2000, ("Two",)))
TARGET = Path("film.mkv.partial")


def subtitle(language: str, *, cues: tuple[Cue, ...] = CUES) -> Subtitle:
    return Subtitle(Path(f"film.{language}.srt"), language, cues)


def media(*streams: Stream, has_chapters: bool = False) -> MediaFile:
    return MediaFile(Path("/job/input/film.mkv"), streams, 60.0, has_chapters)


def plan_for(
    film: MediaFile, container: Container, *languages: str, wishes: Wishes | None = None
) -> Plan:
    return make_plan(film, container, [subtitle(name) for name in languages], wishes or Wishes())


def command_of(plan: Plan) -> str:
    texts = [Path(f"{number}.srt") for number, _ in enumerate(plan.added)]
    return " ".join(mux_command(plan, Cut(), texts, [], TARGET))


def languages(plan: Plan) -> list[str]:
    return [track.language for track in plan.added]


def read(tmp_path: Path, content: str | bytes) -> tuple[Cue, ...]:
    path = tmp_path / "film.en.srt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_srt(path)


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
    assert plan.warnings == ("mkv cannot hold stream 6 (data, bin_data); it is left out.",)


def test_mp4_keeps_the_cover_as_a_stream_and_names_what_it_cannot_hold() -> None:
    plan = plan_for(media(VIDEO, SOUND, GERMAN, COVER, FONT, PICTURES), MP4, "es")
    assert plan.kept == (VIDEO, SOUND, GERMAN, COVER)
    assert plan.covers == ()
    assert [warning.split(";")[0] for warning in plan.warnings] == [
        "mp4 cannot hold stream 4 (attachment, ttf)",
        "mp4 cannot hold stream 5 (subtitle, hdmv_pgs_subtitle)",
    ]


def test_webm_takes_texts_as_webvtt_and_no_cover() -> None:
    plan = plan_for(media(VP9, OPUS, GERMAN, COVER), WEBM, "es")
    assert plan.kept == (VP9, OPUS, GERMAN)
    assert "webm cannot hold stream 3 (video, mjpeg)" in plan.warnings[0]
    assert "-c:s:0 webvtt" in command_of(plan)


@pytest.mark.parametrize(
    ("streams", "container", "said"),
    [
        ([VIDEO, SOUND], WEBM, "webm cannot hold the h264 picture and aac sound of film.mkv"),
        ([VIDEO, Stream(1, "audio", "truehd")], MP4, "mp4 cannot hold the truehd sound"),
    ],
)
def test_picture_and_sound_that_a_container_cannot_hold_are_refused(
    streams: list[Stream], container: Container, said: str
) -> None:
    with pytest.raises(MuxError, match=said):
        plan_for(media(*streams), container, "es")


def test_titles_of_chapters_are_not_reported_as_lost() -> None:
    plan = plan_for(media(VIDEO, TITLES, has_chapters=True), MKV, "es")
    assert (plan.kept, plan.warnings) == ((VIDEO,), ())


def test_a_subtitle_without_a_cue_becomes_no_track() -> None:
    plan = make_plan(media(VIDEO), MKV, [subtitle("fr", cues=()), subtitle("es")], Wishes())
    assert languages(plan) == ["es"]
    assert plan.warnings == ("film.fr.srt has no cue, so the film gets no such track.",)


def test_new_tracks_are_numbered_after_the_old_ones_and_the_first_is_the_default() -> None:
    command = command_of(plan_for(media(VIDEO, SOUND, GERMAN), MKV, "es"))
    assert "-c:s:0 copy -disposition:s:0 -default" in command
    assert "-metadata:s:s:1 language=spa -metadata:s:s:1 title=Spanish" in command
    assert "-disposition:s:1 default" in command


def test_without_a_new_track_the_old_default_stays() -> None:
    plan = make_plan(media(VIDEO, GERMAN), MKV, [subtitle("fr", cues=())], Wishes())
    assert "-disposition" not in command_of(plan)
    assert plan.defaults() == (True,)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ((), ["ca", "en", "es"]),
        (("es", "en"), ["es", "en", "ca"]),
        (("spa", "fr"), ["es", "ca", "en"]),
    ],
)
def test_tracks_come_in_the_wished_order_and_the_rest_after_them(
    order: tuple[str, ...], expected: list[str]
) -> None:
    plan = plan_for(media(VIDEO), MKV, "ca", "en", "es", wishes=Wishes(order=order))
    assert languages(plan) == expected


def test_two_variants_of_a_language_are_told_apart() -> None:
    wishes = Wishes(order=("zh-Hant", "zh-Hans"), default="zh-Hans")
    plan = plan_for(media(VIDEO), MKV, "zh-Hans", "zh-Hant", wishes=wishes)
    assert languages(plan) == ["zh-Hant", "zh-Hans"]
    assert plan.defaults() == (False, True)


@pytest.mark.parametrize(
    ("wish", "defaults"),
    [
        ("", (False, True, False)),
        ("es", (False, False, True)),
        ("deu", (True, False, False)),
        ("none", (False, False, False)),
    ],
)
def test_the_default_track_is_as_asked(wish: str, defaults: tuple[bool, ...]) -> None:
    plan = plan_for(media(VIDEO, GERMAN), MKV, "en", "es", wishes=Wishes(default=wish))
    assert plan.defaults() == defaults
    assert plan.warnings == ()


def test_a_wish_for_a_track_that_is_not_there_is_a_warning() -> None:
    wishes = Wishes(default="fr", forced=("it",), sdh=("ja",))
    plan = plan_for(media(VIDEO), MKV, "en", wishes=wishes)
    assert plan.defaults() == (True,)
    assert plan.warnings == (
        "SUBTITLE_DEFAULT is fr, and the film has no such track; film.en.srt is the default.",
        "SUBTITLE_FORCED names it, and the film gets no new track in it.",
        "SUBTITLE_SDH names ja, and the film gets no new track in it.",
    )


def test_marks_are_set_and_told_in_the_title() -> None:
    wishes = Wishes(forced=("en",), sdh=("es", "en"))
    plan = plan_for(media(VIDEO), MKV, "en", "es", wishes=wishes)
    assert [track.title for track in plan.added] == ["English (forced, SDH)", "Spanish (SDH)"]
    assert "-disposition:s:0 default+forced+hearing_impaired" in command_of(plan)
    assert "-disposition:s:1 hearing_impaired" in command_of(plan)


def test_webm_says_that_it_has_no_mark_for_sdh() -> None:
    plan = plan_for(media(VP9), WEBM, "en", wishes=Wishes(sdh=("en",)))
    assert plan.warnings == ("webm cannot mark film.en.srt as SDH; only its title says so.",)


@pytest.mark.parametrize(
    ("tag", "name"),
    [("es", "Spanish"), ("ger", "German"), ("pt-BR", "Portuguese (BR)"), ("xyz", "xyz")],
)
def test_titles_name_the_language(tag: str, name: str) -> None:
    assert language_name(tag) == name


def test_a_dot_in_the_title_does_not_hide_the_language() -> None:
    assert language_in_name(Path("Dr. No.zh-Hant.srt")) == "zh-Hant"


def test_only_the_film_is_cut_to_the_clip() -> None:
    plan = plan_for(media(VIDEO), MKV, "es")
    command = mux_command(plan, Cut(10, 25), [Path("0.srt")], [], TARGET)
    first, second = (command.index(name) for name in ("file:/job/input/film.mkv", "file:0.srt"))
    assert command[first - 5 : first - 1] == ["-ss", "10", "-t", "15"]
    assert command[second - 2 : second] == ["file:/job/input/film.mkv", "-i"]


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


def test_text_on_the_way_to_mp4_has_nothing_that_ffmpeg_takes_for_ass() -> None:
    text = webvtt_text([Cue(0, 1, (r"{a} C:\News \x",))], to_be_converted=True)
    brace, other_brace = "\N{FULLWIDTH LEFT CURLY BRACKET}", "\N{FULLWIDTH RIGHT CURLY BRACKET}"
    assert f"{brace}a{other_brace} C:\\\N{WORD JOINER}News \\x" in text
