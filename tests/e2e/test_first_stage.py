"""The page on a first stage, done step by step with the installed wheel in an empty folder."""

import re
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.wheel import installed_wheel
from tests.unit.docs_pages import Block, blocks, page

PLACES: Final = {
    "stage.yaml": "stages/20_words/stage.yaml",
    "stage.py": "stages/20_words/stage.py",
    "expect.yaml": "stages/20_words/fixture/expect.yaml",
}
FAILS: Final = "--set SHORTEST_WORD=18"
"""The one command of the page that is to fail."""

pytestmark = [pytest.mark.engine, pytest.mark.images]


def lasting(text: str) -> list[str]:
    """The lines without what differs from run to run: durations, sizes, run ids, blanks."""
    text = re.sub(r"\d{8}-\d{4}-[0-9a-f]{4}", "RUN", text)
    text = re.sub(r"\d[\d:.]* (s|[kMG]?B)\b", "", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def steps(block: Block) -> list[tuple[str, str]]:
    """The commands of a block, each with what it prints."""
    parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What commands of the installed wheel need."""
    return installed_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_page_leads_from_an_empty_folder_to_a_result(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    folder = tmp_path
    for block in blocks(page("docs/first-stage.md")):
        if block.kind is not None:
            (folder / PLACES[block.kind]).write_text(block.text, encoding="utf-8")
        for command, shown in steps(block) if block.language == "console" else ():
            if command.startswith("cd "):
                folder /= command.removeprefix("cd ")
                continue
            done = subprocess.run(
                command.split(),
                cwd=folder,
                env=environment,
                capture_output=True,
                text=True,
                timeout=300,
                check=False,
            )
            printed = done.stdout + done.stderr
            assert done.returncode == int(FAILS in command), (command, printed)
            if not command.startswith("stagerun build"):  # of which images there are already
                assert lasting(printed) == lasting(shown), command
    assert not (folder / "out/river/20_words/words.json").exists()
    assert list((folder / "out/test").iterdir()) == []


def test_the_wheel_brings_along_what_images_are_made_of(environment: dict[str, str]) -> None:
    house = Path(environment["PYTHONPATH"]) / "runner" / "house"
    for name in ("shared/stage_utils.py", "images/base/Dockerfile", "images/steps/apt-install"):
        assert (house / name).is_file()
    assert (house / "images/entry.sh").stat().st_mode & 0o100
