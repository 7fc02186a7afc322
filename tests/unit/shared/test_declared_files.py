"""Inputs and outputs by their declared names, without the runner."""

import json
from pathlib import Path

import pytest

from shared.declared_files import input_files, output_file
from shared.errors import InputMissingError, UndeclaredError
from shared.open_stages import OpenStage
from shared.spec import InputSpec, OutputSpec, StageSpec
from shared.stage_order import STAGE_IDS
from shared.stage_utils import StageIO


@pytest.fixture
def stage(job: Path, tmp_path: Path) -> OpenStage:
    spec = StageSpec(
        "06_asr",
        tmp_path / "stages" / "06_asr" / "stage.yaml",
        inputs={
            "audio": InputSpec(("04_source_separation/speech", "01_demux/audio")),
            "speech": InputSpec(("05_vad/segments",), optional=True),
            "media": InputSpec(("input/media",)),
            "glossary": InputSpec(("input/glossary",), optional=True),
        },
        outputs={
            "segments": OutputSpec("segments.json", "transcript"),
            "subtitles": OutputSpec("*.srt", "subtitle"),
            "model": OutputSpec("deep/model.bin", "model", optional=True),
        },
    )
    return OpenStage(job, "06_asr", STAGE_IDS, spec=spec)


def result(job: Path, stage_id: str, name: str, file: str, status: str = "success") -> Path:
    folder = job / stage_id
    folder.mkdir(exist_ok=True)
    (folder / file).write_text("x")
    outputs = [{"type": "t", "path": f"{stage_id}/{file}", "name": name}]
    manifest = {"status": status, "outputs": outputs}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder / file


def test_the_first_alternative_that_the_job_has_is_taken(stage: OpenStage, job: Path) -> None:
    second = result(job, "01_demux", "audio", "audio.wav")
    assert input_files(stage, "audio") == [second]
    first = result(job, "04_source_separation", "speech", "vocals.wav")
    assert input_files(stage, "audio") == [first]


@pytest.mark.parametrize("status", ["failed", "running", "skipped"])
def test_a_result_that_is_not_good_is_passed_over(stage: OpenStage, job: Path, status: str) -> None:
    good = result(job, "01_demux", "audio", "audio.wav")
    result(job, "04_source_separation", "speech", "vocals.wav", status)
    assert input_files(stage, "audio") == [good]


def test_the_declaration_of_the_other_stage_finds_files_without_a_manifest(
    stage: OpenStage, job: Path, tmp_path: Path
) -> None:
    producer = tmp_path / "stages" / "01_demux"
    producer.mkdir(parents=True)
    (producer / "stage.yaml").write_text("outputs: {audio: {file: '*.wav', type: audio}}")
    (job / "01_demux").mkdir()
    for name in ("b.wav", "a.wav", "other.json"):
        (job / "01_demux" / name).touch()
    assert input_files(stage, "audio") == [job / "01_demux" / "a.wav", job / "01_demux" / "b.wav"]


def test_an_optional_input_may_be_absent(stage: OpenStage) -> None:
    assert input_files(stage, "speech") == []


def test_a_required_input_that_is_absent_names_all_alternatives(stage: OpenStage) -> None:
    with pytest.raises(InputMissingError, match="04_source_separation/speech or 01_demux/audio"):
        input_files(stage, "audio")
    with pytest.raises(FileNotFoundError):
        input_files(stage, "media")


@pytest.mark.parametrize("name", ["media", "media.mkv", "film.mkv"])
def test_a_file_of_the_job_is_found_by_name_or_as_the_only_one(
    stage: OpenStage, job: Path, name: str
) -> None:
    (job / "input").mkdir()
    (job / "input" / name).touch()
    assert input_files(stage, "media") == [job / "input" / name]


def test_a_file_of_the_job_is_found_as_job_yaml_names_it(stage: OpenStage, job: Path) -> None:
    (job / "input").mkdir()
    for name in ("film.mkv", "media.mkv"):
        (job / "input" / name).touch()
    (job / "job.yaml").write_text("input: {media: film.mkv}")
    assert input_files(stage, "media") == [job / "input" / "film.mkv"]


def test_undeclared_names_are_refused_with_the_declared_ones(stage: OpenStage) -> None:
    with pytest.raises(UndeclaredError, match="audio, speech, media"):
        input_files(stage, "video")
    with pytest.raises(UndeclaredError, match="segments, subtitles"):
        output_file(stage, "video", None)


def test_a_declared_output_lies_in_the_stages_folder(stage: OpenStage, job: Path) -> None:
    path, spec = output_file(stage, "segments", None)
    assert path == job / "06_asr" / "segments.json"
    assert spec.type == "transcript"
    assert output_file(stage, "segments", "segments.json")[0] == path
    assert output_file(stage, "model", None)[0] == job / "06_asr" / "deep" / "model.bin"


def test_a_pattern_needs_a_file_name_that_fits(stage: OpenStage, job: Path) -> None:
    assert output_file(stage, "subtitles", "film.es.srt")[0] == job / "06_asr" / "film.es.srt"
    with pytest.raises(ValueError, match="file_name"):
        output_file(stage, "subtitles", None)
    with pytest.raises(ValueError, match=r"\*\.srt"):
        output_file(stage, "subtitles", "film.vtt")
    with pytest.raises(ValueError, match="leaves the folder"):
        output_file(stage, "subtitles", "../film.srt")
    with pytest.raises(ValueError, match=r"segments\.json"):
        output_file(stage, "segments", "other.json")


def test_without_any_spec_nothing_is_declared(job: Path) -> None:
    io = StageIO("your_stage", job)
    with pytest.raises(UndeclaredError, match="none"):
        io.input("audio")
    with pytest.raises(UndeclaredError, match=r"stage\.yaml"):
        io.output("segments")


def test_a_lone_file_of_the_job_is_not_taken_for_what_the_stage_could_do_without(
    stage: OpenStage, job: Path
) -> None:
    (job / "input").mkdir()
    film = job / "input" / "film.mkv"
    film.write_text("x")
    assert input_files(stage, "media") == [film]
    assert input_files(stage, "glossary") == []
