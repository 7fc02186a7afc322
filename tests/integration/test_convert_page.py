"""The page on converting a script, step by step as a reader goes through it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from runner.host.engine import DockerEngine
from runner.host.recipe import image_name
from tests.project_kit import STAGERUN
from tests.unit.docs_pages import lasting, page, steps

STAGE: Final = "12_shots"
BLOCK: Final = re.compile(
    r"(?:<!-- (?:file )?([\w./-]+) -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
PLACES: Final = {
    "stage.yaml": f"stages/{STAGE}/stage.yaml",
    "fixture.yaml": f"stages/{STAGE}/fixture/fixture.yaml",
    "expect.yaml": f"stages/{STAGE}/fixture/expect.yaml",
}
LATER: Final = "later"
"""Marks what a reader is shown first and does last."""

pytestmark = [pytest.mark.engine, pytest.mark.images]


@dataclass(frozen=True)
class Reader:
    """Somebody who does what the page says, in a project of their own."""

    project: Path
    scratch: Path

    @property
    def program(self) -> Path:
        return self.project / "stages" / STAGE / "stage.py"

    def write(self, name: str, text: str) -> None:
        path = self.project / PLACES.get(name, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def change(self, diff: str) -> None:
        """Take a diff's pieces one after the other; each stands in the program once."""
        text = self.program.read_text()
        for piece in diff.split("@@\n")[1:]:
            lines = piece.splitlines(keepends=True)
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        self.program.write_text(text)

    def call(self, command: str) -> str:
        """What a command prints. The script's /tmp is a folder of the test's own."""
        words = command.replace(
            "python3 shots.py", f"sed s#/tmp#{self.scratch}# shots.py | python3 -"
        )
        path = os.pathsep.join(
            (*map(str, {STAGERUN.parent, Path(sys.executable).parent}), os.defpath)
        )
        ended = subprocess.run(
            ["bash", "-c", words],
            cwd=self.project,
            env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
        )
        return ended.stdout.replace(str(self.scratch), "/tmp")

    def follow(self, block: str) -> None:
        """Call each command of a block, and hold what it prints against what the page says."""
        for command, shown in steps(block):
            assert lasting(self.call(command)) == lasting(shown), command


@pytest.fixture
def reader(tmp_path: Path, engine: DockerEngine) -> Iterator[Reader]:
    """A reader with an empty project; the image is removed afterwards."""
    reader = Reader(tmp_path / "project", tmp_path / "scratch")
    for folder in (reader.project, reader.scratch):
        folder.mkdir()
    reader.write("stagerun.yaml", "limits: {stages_at_once: 64}\n")
    yield reader
    if engine.image(image_name(STAGE)) is not None:
        engine.api.remove_image(image_name(STAGE), force=True)


def test_every_step_and_every_output_is_as_the_page_has_it(reader: Reader) -> None:
    later = []
    for name, language, text in BLOCK.findall(page("docs/convert-a-script.md")):
        if language == "console":
            if name == LATER:
                later.append(text)
            else:
                reader.follow(text)
        elif language == "diff":
            reader.change(text)
        elif name:
            reader.write(name, text)
        else:
            assert reader.program.read_text() == text, "the stage at the end of the page"
    assert len(later) == 3
    for text in later:
        reader.follow(text)
