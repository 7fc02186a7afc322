"""What the tests of stage 10's decisions share: streams, films of them, and plans."""

from __future__ import annotations

from pathlib import Path

from container_kinds import Container
from muxing import Cut, Files, mux_command
from plan import Plan, make_plan
from srt_file import Cue
from streams import MediaFile, Stream
from track_wishes import Subtitle, Wishes

VIDEO = Stream(0, "video", "h264")
SOUND = Stream(1, "audio", "aac")
GERMAN = Stream(2, "subtitle", "subrip", language="ger", marks=frozenset({"default"}))
COVER = Stream(3, "video", "mjpeg", is_cover=True)
FONT = Stream(4, "attachment", "ttf")
PICTURES = Stream(5, "subtitle", "hdmv_pgs_subtitle", language="fre")
TITLES = Stream(6, "data", "bin_data")
OTHER_FONT = Stream(7, "attachment", "ttf")
TELETEXT = Stream(8, "subtitle", "dvb_teletext", language="und")
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
    return " ".join(mux_command(plan, Cut(), Files(texts), TARGET))


def languages(plan: Plan) -> list[str]:
    return [track.language for track in plan.added]
