"""A project made of a few lines."""

import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from runner.project.pipeline import Project, load_project


@dataclass(frozen=True)
class Folder:
    """A project folder; stages are written as the lines of their stage.yaml."""

    root: Path

    def stage(self, stage_id: str, text: str = "", parent: str = "parent: base") -> Path:
        place = self.root / "stages" / stage_id
        place.mkdir(parents=True, exist_ok=True)
        lines = ["summary: Does something", parent, textwrap.dedent(text)]
        (place / "stage.yaml").write_text("\n".join(line for line in lines if line) + "\n")
        return place

    def settings(self, text: str) -> None:
        (self.root / "stagerun.yaml").write_text(textwrap.dedent(text))

    def load(self) -> Project:
        return load_project(self.root)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A project with a demuxer, a listener that reads from it, and a writer."""
    made = Folder(tmp_path / "project")
    (made.root / "images").mkdir(parents=True)
    made.stage("01_demux", "inputs: {media: input/media}\noutputs: {audio: {file: a, type: audio}}")
    made.stage(
        "06_asr",
        """\
        inputs: {audio: [04_source_separation/speech, 01_demux/audio]}
        outputs: {segments: {file: segments.json, type: transcript}}
        config:
          SOURCE_LANGUAGE: {type: str, default: en, help: Language of the speech}
          ASR_ENGINE: {type: choice, of: [pocketsphinx, whisper], default: whisper, help: Who}
          ASR_BEAM_SIZE: {type: int, range: [1, 20], default: 5, help: Width}
        resources: {memory: 2GiB, cpus: 4}
        """,
    )
    made.stage(
        "09_subtitle_gen",
        """\
        inputs: {segments: 06_asr/segments, probe: {from: 02_probe/facts, optional: true}}
        outputs: {subtitles: {file: "*.srt", type: subtitle}}
        config: {GENERATE_VTT: {type: bool, default: false, help: Also as WebVTT}}
        """,
    )
    return made
