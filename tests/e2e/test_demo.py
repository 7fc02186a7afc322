"""The film of the demo, looked at from outside: words, tracks, times, reruns, stages by hand."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import docker
import jiwer
import pytest

from runner.host.engine import DockerEngine
from tests.e2e.conftest import Demo
from tests.e2e.hand_offs import PROJECT
from tests.project_kit import ROOT

WORST_WORD_ERROR_RATE: Final = 0.15

pytestmark = [pytest.mark.engine, pytest.mark.images]


def _words(text: str) -> str:
    return " ".join(re.findall(r"[a-z']+", text.lower()))


def in_ffmpeg_image(engine: DockerEngine, folder: Path, command: list[str]) -> str:
    """The output of a command that sees a folder's files at /film."""
    client = docker.DockerClient(base_url=engine.address)
    try:
        printed: bytes = client.containers.run(
            "stagerun/parent-ffmpeg:current",
            command,
            mounts=[docker.types.Mount("/film", str(folder), type="bind", read_only=True)],
            network_mode="none",
            remove=True,
        )
    finally:
        client.close()
    return printed.decode()


def probe(engine: DockerEngine, file: Path) -> dict[str, Any]:
    """All that ffprobe knows of a film's streams, packets counted."""
    command = ["ffprobe", "-v", "error", "-of", "json", "-count_packets", "-show_streams"]
    found = in_ffmpeg_image(engine, file.parent, [*command, f"/film/{file.name}"])
    probed: dict[str, Any] = json.loads(found)
    return probed


def test_the_words_of_the_transcript_are_those_that_were_spoken(
    demo: Demo, record_property: Callable[[str, object], None]
) -> None:
    transcript = json.loads((demo.job / "06_asr" / "segments.json").read_text())
    heard = _words(" ".join(segment["text"] for segment in transcript["segments"]))
    spoken = _words((ROOT / "demo" / "spoken.txt").read_text())
    rate = jiwer.wer(spoken, heard)
    record_property("word error rate of the demo", f"{rate:.3f} of {len(spoken.split())} words")
    assert rate <= WORST_WORD_ERROR_RATE


def test_the_film_has_its_streams_and_a_subtitle_track_with_language_and_cues(
    demo: Demo, engine: DockerEngine
) -> None:
    cues = (demo.job / "09_subtitle_gen" / "demo.en.srt").read_text().count(" --> ")
    streams = probe(engine, demo.job / "10_mux" / "film.mkv")["streams"]
    assert [stream["codec_type"] for stream in streams] == ["video", "audio"] + 2 * ["subtitle"]
    (english,) = [stream for stream in streams[2:] if stream["tags"]["language"] == "eng"]
    assert english["codec_name"] == "subrip"
    assert int(english["nb_read_packets"]) == cues > 0


@pytest.mark.parametrize(
    ("language", "transcript"),
    [("eng", "07_alignment/segments.json"), ("spa", "08_translation/segments_es.json")],
)
def test_every_word_of_a_transcript_is_in_the_film(
    demo: Demo, engine: DockerEngine, language: str, transcript: str
) -> None:
    command = ["ffmpeg", "-v", "error", "-i", "/film/film.mkv"]
    command += ["-map", f"0:s:m:language:{language}", "-f", "srt", "-"]
    shown = in_ffmpeg_image(engine, demo.job / "10_mux", command)
    cues = [line for line in shown.splitlines() if not re.fullmatch(r"\d+|.*-->.*", line)]
    said = json.loads((demo.job / transcript).read_text())["segments"]
    assert " ".join(" ".join(cues).split()) == " ".join(segment["text"] for segment in said)


def test_the_command_says_where_the_film_is_and_names_every_stage(demo: Demo) -> None:
    for stage in PROJECT.stage_ids:
        assert stage in demo.printed
    assert "film.mkv" in demo.printed
    assert "\x1b" not in demo.printed


def test_a_second_run_finds_everything_done_and_is_quick(
    demo: Demo, record_property: Callable[[str, object], None]
) -> None:
    begun = time.monotonic()
    again = demo.stagerun("run", demo.job, "--wait", "10m")
    took = time.monotonic() - begun
    record_property("second run of the demo", f"{took:.2f} s")
    assert again.returncode == 0
    assert again.stdout.count("cached") >= len(PROJECT.stages)
    assert took < 20


def test_force_runs_one_stage_again_and_the_next_ones_notice_only_a_change(
    demo: Demo, copied_job: Path
) -> None:
    before = json.loads((copied_job / "manifest.json").read_text())["stages"]
    forced = demo.stagerun("06_asr", copied_job, "--force", "--wait", "10m")
    assert forced.returncode == 0, forced.stderr
    after = json.loads((copied_job / "manifest.json").read_text())["stages"]
    assert after["06_asr"]["run_id"] != before["06_asr"]["run_id"]
    assert after["06_asr"]["outputs"] == before["06_asr"]["outputs"]
    rest = demo.stagerun("run", copied_job, "--wait", "10m")
    assert rest.stdout.count("cached") >= len(PROJECT.stages)


@pytest.mark.parametrize("stage", PROJECT.stage_ids)
def test_docker_run_by_hand_does_the_same_work_without_the_runner(
    demo: Demo, engine: DockerEngine, tmp_path: Path, stage: str
) -> None:
    job = Path(shutil.copytree(demo.job, tmp_path / "job"))
    shutil.rmtree(job / stage)
    (job / stage).mkdir()
    client = docker.DockerClient(base_url=engine.address)
    try:
        printed = client.containers.run(
            f"stagerun/{stage}:main",
            mounts=[
                docker.types.Mount("/job", str(job), type="bind", read_only=True),
                docker.types.Mount(f"/job/{stage}", str(job / stage), type="bind"),
            ],
            user=f"{os.getuid()}:{os.getgid()}",
            environment={"TARGET_LANGUAGES": "es"},
            network_mode="none",
            read_only=True,
            tmpfs={"/tmp": "size=64m,mode=1777"},
            cap_drop=["ALL"],
            stdout=True,
            stderr=True,
            remove=True,
        ).decode()
    finally:
        client.close()
    by_hand = json.loads((job / stage / "manifest.json").read_text())
    assert by_hand["status"] == "success"
    assert all(output["checksum"].startswith("sha256:") for output in by_hand["outputs"])
    assert printed.count("WARNING") == 1  # logs/ is not writable
    for output in by_hand["outputs"]:
        own = (job / output["path"]).read_bytes()
        assert own == (demo.job / output["path"]).read_bytes(), output["path"]
