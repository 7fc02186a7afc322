"""The order, default, marks and names of the subtitle tracks that stage 10 plans."""

from __future__ import annotations

from pathlib import Path

import pytest
from container_kinds import MKV, WEBM
from language_names import language_name
from muxing import Cut, Files, mux_command
from plan import make_plan
from track_wishes import Wishes, language_in_name

from tests.stages.mux_plans import (
    GERMAN,
    SOUND,
    TARGET,
    VIDEO,
    VP9,
    command_of,
    languages,
    media,
    plan_for,
    subtitle,
)


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
    command = mux_command(plan, Cut(10, 25), Files([Path("0.srt")]), TARGET)
    first, second = (command.index(name) for name in ("file:/job/input/film.mkv", "file:0.srt"))
    assert command[first - 5 : first - 1] == ["-ss", "10", "-t", "15"]
    assert command[second - 2 : second] == ["file:/job/input/film.mkv", "-i"]
