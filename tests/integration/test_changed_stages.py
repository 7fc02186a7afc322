"""Which stages ``stagerun test --changed`` takes, by the project's git history."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.errors import UsageError
from runner.fixture.changed import changed_stages
from runner.project.pipeline import load_project
from tests.project_kit import STAGES, Kit

PROBE, NEXT, LAST = STAGES
WHO = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")


@pytest.fixture
def project(kit: Kit) -> Path:
    """A project whose state is committed; its third stage stands on a parent of its own."""
    parent = kit.root / "images/own/Dockerfile"
    parent.parent.mkdir(parents=True, exist_ok=True)
    parent.write_text("ARG PARENT=stagerun/parent-base:current\nFROM ${PARENT}\n")
    spec = kit.root / "stages" / LAST / "stage.yaml"
    spec.write_text(spec.read_text().replace("parent: base", "parent: own"))
    git(kit.root, "init", "-q")
    git(kit.root, "add", "-A")
    git(kit.root, *WHO, "commit", "-q", "-m", "all")
    return kit.root


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True)


def changed(project: Path, base: str = "HEAD") -> list[str]:
    return [stage.id for stage in changed_stages(load_project(project), base)]


def test_without_a_change_there_is_nothing_to_test(project: Path) -> None:
    assert changed(project) == []


def edit_code(project: Path) -> None:
    with (project / "stages" / NEXT / "stage.py").open("a") as file:
        file.write("# edited\n")


def add_module(project: Path) -> None:
    (project / "stages" / NEXT / "added.py").touch()


def add_fixture(project: Path) -> None:
    (project / "stages" / NEXT / "fixture").mkdir()
    (project / "stages" / NEXT / "fixture" / "fixture.yaml").touch()


def edit_parent(project: Path) -> None:
    (project / "images/own/requirements.lock").touch()


def edit_page(project: Path) -> None:
    (project / "README.md").touch()


@pytest.mark.parametrize(
    ("change", "stages"),
    [
        (edit_code, [NEXT]),
        (add_module, [NEXT]),
        (add_fixture, [NEXT]),
        (edit_parent, [LAST]),
        (edit_page, []),
    ],
)
def test_a_change_concerns_the_stages_that_are_made_of_it(
    project: Path, change: Callable[[Path], None], stages: list[str]
) -> None:
    change(project)
    assert changed(project) == stages


def test_what_is_committed_since_the_revision_counts_and_so_does_what_was_removed(
    project: Path,
) -> None:
    (project / "stages" / PROBE / "extra.py").touch()
    git(project, "add", "-A")
    git(project, *WHO, "commit", "-q", "-m", "more")
    (project / "stages" / PROBE / "extra.py").unlink()
    assert changed(project, "HEAD~") == []
    assert changed(project, "HEAD") == [PROBE]


def test_the_library_that_all_images_share_concerns_all_stages(project: Path) -> None:
    (project / "shared").mkdir(exist_ok=True)
    (project / "shared/added.py").touch()
    assert changed(project) == list(STAGES)


def test_an_unknown_revision_is_said_as_one(project: Path) -> None:
    with pytest.raises(UsageError, match="--changed nowhere: git knows no such revision"):
        changed(project, "nowhere")


def test_an_option_of_git_is_no_revision(project: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        changed(project, f"--output={tmp_path / 'written'}")
    assert not (tmp_path / "written").exists()


def test_a_file_of_the_project_that_a_fixture_names_concerns_its_stage(project: Path) -> None:
    (project / "data.txt").touch()
    folder = project / "stages" / NEXT / "fixture"
    folder.mkdir()
    (folder / "fixture.yaml").write_text("input: {text: //data.txt}\n")
    (folder / "expect.yaml").touch()
    git(project, "add", "-A")
    git(project, *WHO, "commit", "-q", "-m", "fixture")
    (project / "data.txt").write_text("changed\n")
    assert changed(project) == [NEXT]
