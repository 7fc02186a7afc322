"""How subtitles are written, and that nothing is written that cannot be read."""

from __future__ import annotations

from collections.abc import Callable

import pysubs2
import pytest
from cue import Cue
from strict_reading import read_ass, read_srt, read_vtt
from subtitle_files import SubtitleError, ass_text, srt_text, vtt_text
from subtitle_names import file_language, file_title

from tests.stages import subtitle_readers as players

TWO = [Cue(1000, 2004, ("One", "two")), Cue(2085, 3335, ("Three",))]


def cue(line: str) -> list[Cue]:
    return [Cue(0, 1000, (line,))]


@pytest.mark.parametrize(
    ("line", "srt", "vtt", "ass"),
    [
        (
            r"{\an8}up there",
            r"｛\an8｝up there",  # noqa: RUF001 (that is what is meant)
            r"{\an8}up there",
            r"\{\an8\}up there",
        ),
        ("left --> right", "left --＞ right", "left --&gt; right", "left --> right"),  # noqa: RUF001 (that is what is meant)
        ("Tom & <b>", "Tom & ＜b＞", "Tom &amp; &lt;b&gt;", "Tom & <b>"),  # noqa: RUF001 (that is what is meant)
        ("AT&T a < b > c", "AT&T a ＜ b ＞ c", "AT&amp;T a &lt; b &gt; c", "AT&T a < b > c"),  # noqa: RUF001 (that is what is meant)
        ("write &amp;lt;", "write ＆amp;lt;", "write &amp;amp;lt;", "write &amp;lt;"),  # noqa: RUF001 (that is what is meant)
        ("&#60; &copy", "＆#60; ＆copy", "&amp;#60; &amp;copy", "&#60; &copy"),  # noqa: RUF001 (that is what is meant)
        (
            r"C:\New\home",
            r"C:＼New＼home",  # noqa: RUF001 (that is what is meant)
            "C:\\\u2060New\\\u2060home",
            "C:\\\u2060New\\\u2060home",
        ),
        ("5 > 3", "5 > 3", "5 &gt; 3", "5 > 3"),
    ],
)
def test_what_players_would_swallow_is_still_seen(line: str, srt: str, vtt: str, ass: str) -> None:
    assert srt_text(cue(line)).splitlines()[2] == srt
    assert vtt_text(cue(line)).splitlines()[-2] == vtt
    assert ass_text(cue(line)).splitlines()[-1].endswith(f",,0,0,0,,{ass}")
    for read, text in (
        (players.read_srt, srt_text(cue(line))),
        (players.read_vtt, vtt_text(cue(line))),
        (players.read_ass, ass_text(cue(line))),
    ):
        assert read(text)[0].lines == (line,)


def test_the_bytes_of_each_format() -> None:
    assert srt_text(TWO) == (
        "1\n00:00:01,000 --> 00:00:02,004\nOne\ntwo\n\n2\n00:00:02,085 --> 00:00:03,335\nThree\n\n"
    )
    assert vtt_text(TWO).startswith("WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.004\nOne\ntwo\n\n2\n")
    events = ass_text(TWO).splitlines()[-2:]
    assert events == [
        r"Dialogue: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,One\Ntwo",
        "Dialogue: 0,0:00:02.09,0:00:03.34,Default,,0,0,0,,Three",
    ]


def test_without_a_cue_every_format_is_valid_and_empty() -> None:
    assert (srt_text([]), vtt_text([])) == ("", "WEBVTT\n\n")
    assert players.read_ass(ass_text([])) == []


@pytest.mark.parametrize("file_format", ["srt", "vtt", "ass"])
def test_another_library_reads_the_same_cues(file_format: str) -> None:
    text = {"srt": srt_text, "vtt": vtt_text, "ass": ass_text}[file_format](TWO)
    found = pysubs2.SSAFile.from_string(text, file_format)
    assert [event.text for event in found] == [r"One\Ntwo", "Three"]


@pytest.mark.parametrize(
    "cues",
    [
        [Cue(1000, 1000, ("no time",))],
        [Cue(0, 2000, ("one",)), Cue(1000, 3000, ("over it",))],
        [Cue(0, 1000, ("a", "", "b"))],
        [Cue(0, 1000, (" ",))],
    ],
)
def test_a_file_that_does_not_hold_its_cues_is_never_written(cues: list[Cue]) -> None:
    for write in (srt_text, vtt_text, ass_text):
        with pytest.raises(SubtitleError, match="can be read back"):
            write(cues)


def test_times_that_a_format_cannot_hold_are_refused() -> None:
    late = [Cue(36_000_000, 36_001_000, ("late",))]
    assert "10:00:00,000" in srt_text(late)
    with pytest.raises(SubtitleError, match=r"after 9:59:59\.99 cannot be written as ass"):
        ass_text(late)
    with pytest.raises(SubtitleError, match=r"after 99:59:59\.999 cannot be written as srt"):
        srt_text([Cue(360_000_000, 360_001_000, ("later",))])


@pytest.mark.parametrize(
    ("read", "write", "good", "bad"),
    [
        (read_srt, srt_text, "\n2\n", "\n3\n"),
        (read_srt, srt_text, "00:00:02,085", "00:00:02.085"),
        (read_srt, srt_text, "00:00:02,085", "00:00:02,003"),
        (read_vtt, vtt_text, "WEBVTT\n", "WEBVTT"),
        (read_vtt, vtt_text, "00:00:02.085", "00:00:62.085"),
        (read_ass, ass_text, "[V4+ Styles]", "[Styles]"),
        (read_ass, ass_text, "Dialogue: 0,0:00:02", "Comment: 0,0:00:02"),
    ],
)
def test_the_reading_back_forgives_nothing(
    read: Callable[[str], list[Cue]], write: Callable[[list[Cue]], str], good: str, bad: str
) -> None:
    text = write(TWO)
    assert len(read(text)) == 2
    assert len(read(text.replace(good, bad))) < 2


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Le Voyage", "Le Voyage"),
        ("..-a\tb/c\\d\ue000", "a b c d\ue000"),
        ("two\nlines", "two lines"),
        ("", "film"),
        ("...", "film"),
        ("映" * 100, "映" * 66),
    ],
)
def test_titles_become_safe_file_names(title: str, name: str) -> None:
    assert file_title(title) == name


@pytest.mark.parametrize(
    ("tag", "name"),
    [("en", "en"), ("pt_BR", "pt-BR"), ("zh-Hant-TW", "zh-Hant-TW"), ("../x", "und"), ("", "und")],
)
def test_language_tags_become_safe_parts_of_file_names(tag: str, name: str) -> None:
    assert file_language(tag) == name
