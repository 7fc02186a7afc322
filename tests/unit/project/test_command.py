"""What a stage's container starts."""

from pathlib import Path

import pytest

from runner.errors import SpecError
from runner.host.recipes import Recipes
from runner.project.command import Command
from runner.project.stage import load_stage
from tests.unit.project.conftest import Folder


def test_a_stage_without_a_command_is_a_program_in_python(folder: Folder) -> None:
    command = load_stage(folder.stage("07_new")).command
    assert command.inside("/app/07_new") == ["python3", "/app/07_new/stage.py"]


def test_only_words_that_name_the_stages_folder_become_paths(folder: Folder) -> None:
    command = load_stage(folder.stage("07_new", "command: [node, ./a/b.js, --x, /usr/y]")).command
    assert command.inside("/app/x") == ["node", "/app/x/a/b.js", "--x", "/usr/y"]
    assert command.files == ("a/b.js",)


@pytest.mark.parametrize("words", ["[]", "['']", "[./../x]", "[.//x]", "[./]", "[./a/../x]"])
def test_a_command_leads_nowhere_out_of_the_stages_folder(folder: Folder, words: str) -> None:
    with pytest.raises(SpecError, match="command"):
        load_stage(folder.stage("07_new", f"command: {words}"))


def test_a_program_that_is_not_there_is_named_before_anything_is_built(folder: Folder) -> None:
    (folder.root / "images/base").mkdir()
    (folder.root / "images/base/Dockerfile").write_text("FROM scratch\n")
    stage = load_stage(folder.stage("07_new", "command: [sh, ./run.sh]"))
    with pytest.raises(SpecError, match=r"07_new/stage\.yaml: .* sh \./run\.sh, .* no run\.sh\.$"):
        Recipes(folder.load()).stage(stage)


def test_a_program_that_starts_by_itself_has_to_be_executable(tmp_path: Path) -> None:
    program = tmp_path / "run.sh"
    program.write_text("#!/bin/sh\n")
    assert Command(("./run.sh",)).problem(tmp_path) == (
        f"run.sh starts the stage and is not executable: chmod +x {program}"
    )
    assert Command(("sh", "./run.sh")).problem(tmp_path) is None
    program.chmod(0o755)
    assert Command(("./run.sh",)).problem(tmp_path) is None
