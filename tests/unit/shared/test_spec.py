"""What a stage declares, baked or as its author wrote it."""

import json
from pathlib import Path

import pytest

from shared.errors import SpecError
from shared.spec import InputSpec, KeySpec, OutputSpec, load_spec

BAKED = {
    "schema_version": 1,
    "stage_id": "06_asr",
    "project_stages": ["01_demux", "06_asr"],
    "inputs": {
        "audio": {"from": ["04_source_separation/speech", "01_demux/audio"], "optional": False},
        "speech": {"from": ["05_vad/segments"], "optional": True},
    },
    "outputs": {"segments": {"file": "segments.json", "type": "transcript", "optional": False}},
    "config": {
        "ASR_BEAM_SIZE": {"type": "int", "default": "5", "help": "", "of": None, "range": [1, 20]},
        "ASR_ENGINE": {"type": "choice", "default": "a", "help": "", "of": ["a"], "range": None},
        "SOURCE_LANGUAGE": {"type": "str", "default": "no", "help": "", "of": None, "range": None},
        "CLIP_START": {"type": "str", "default": None, "help": "", "of": None, "range": None},
    },
    "secrets": ["tmdb"],
}
WRITTEN = """
summary: Speech to text
inputs:
  audio: [04_source_separation/speech, 01_demux/audio]
  speech: {from: 05_vad/segments, optional: true}
outputs:
  segments: {file: segments.json, type: transcript}
config:
  ASR_BEAM_SIZE: {type: int, range: [1, 20], default: 5, help: Width}
  ASR_ENGINE: {type: choice, of: [a], default: a, help: Which}
  SOURCE_LANGUAGE: {type: str, default: no, help: Language}
  CLIP_START: {type: str, default: null, help: Start}
secrets: [tmdb]
"""


def baked(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(json.dumps(BAKED))
    return folder


def written(folder: Path, text: str = WRITTEN) -> Path:
    folder.mkdir(parents=True)
    (folder / "stage.yaml").write_text(text)
    return folder


@pytest.mark.parametrize("make", [baked, written])
def test_both_forms_mean_the_same(tmp_path: Path, make: object) -> None:
    (tmp_path / "01_demux").mkdir()
    (tmp_path / "01_demux" / "stage.yaml").write_text("summary: x")
    assert callable(make)
    spec = load_spec(make(tmp_path / "06_asr"))
    assert spec is not None
    assert spec.stage_id == "06_asr"
    assert spec.project_stages == ("01_demux", "06_asr")
    assert spec.inputs == {
        "audio": InputSpec(("04_source_separation/speech", "01_demux/audio")),
        "speech": InputSpec(("05_vad/segments",), optional=True),
    }
    assert spec.outputs == {"segments": OutputSpec("segments.json", "transcript")}
    assert spec.config == {
        "ASR_BEAM_SIZE": KeySpec("int", "5", range=(1.0, 20.0)),
        "ASR_ENGINE": KeySpec("choice", "a", of=("a",)),
        "SOURCE_LANGUAGE": KeySpec("str", "no"),
        "CLIP_START": KeySpec("str", None),
    }
    assert spec.secrets == ("tmdb",)


def test_the_other_stages_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("10_mux", "2_b", "your_stage", "06_asr"):
        written(tmp_path / name)
    spec = load_spec(tmp_path / "06_asr")
    assert spec is not None
    assert spec.project_stages == ("your_stage", "2_b", "06_asr", "10_mux")


def test_a_folder_without_a_spec_has_none(tmp_path: Path) -> None:
    assert load_spec(tmp_path) is None
    assert load_spec(tmp_path / "absent") is None


@pytest.mark.parametrize("text", ["inputs: [", "inputs: 3", "outputs: {a: {file: x}}", "- a\n- b"])
def test_a_spec_that_cannot_be_understood_is_named(tmp_path: Path, text: str) -> None:
    folder = written(tmp_path / "06_asr", text)
    with pytest.raises(SpecError, match=r"stage\.yaml"):
        load_spec(folder)


def test_a_broken_baked_spec_is_named(tmp_path: Path) -> None:
    folder = baked(tmp_path / "06_asr")
    (folder / "spec.json").write_text("{")
    with pytest.raises(SpecError, match=r"spec\.json"):
        load_spec(folder)
