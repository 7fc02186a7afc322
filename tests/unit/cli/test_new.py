"""``stagerun new``: what it writes keeps the rules and is tested at once."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from runner.cli.context import Context
from runner.cli.new import command
from runner.compliance.checking import check
from runner.compliance.targets import gather
from runner.errors import StagerunError
from runner.fixture.fixture import load_fixture
from runner.project.pipeline import load_project
from runner.project.stage import Source
from runner.template.example import example_for
from tests.project_kit import ROOT, Kit
from tests.unit.cli.bench import Bench


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project."""
    folder = tmp_path / "films"
    assert new("--project", folder) == ""
    return folder


def new(*words: str | Path, project: Path | None = None) -> str:
    """Call the verb; returns what it refuses to do."""
    result = CliRunner().invoke(
        command,
        [str(word) for word in words],
        obj=Context(project_folder=project),
        standalone_mode=False,
    )
    if isinstance(result.exception, StagerunError):
        return str(result.exception)
    if result.exception is not None:
        raise result.exception
    return ""


def test_a_new_project_has_a_stage_a_fixture_and_a_workflow_and_keeps_the_rules(
    project: Path,
) -> None:
    assert load_project(project).stage_ids == ("10_measure",)
    assert load_fixture(load_project(project).stages["10_measure"]).cases[0].input
    assert (project / ".github/workflows/ci.yml").is_file()
    assert check(gather([project / "stages"])).findings == ()


@pytest.mark.parametrize("source", ["input/text", "10_measure", "measure/report"])
def test_a_new_stage_fits_the_project_and_keeps_the_rules(project: Path, source: str) -> None:
    assert new("20_next", "--from", source, project=project) == ""
    found = load_project(project)
    assert found.stage_ids == ("10_measure", "20_next")
    assert len(load_fixture(found.stages["20_next"]).cases) == 3
    assert check(gather([project / "stages"])).findings == ()


def test_a_stage_of_the_pipeline_finds_an_example_in_another_ones_fixture() -> None:
    source = Source(stage="01_demux", output="audio")
    example = example_for(source, load_project(ROOT), None)
    assert example.name.startswith("//")
    assert (ROOT / example.name.removeprefix("//")).is_file()


def test_sound_is_made_where_nobody_has_an_example(bench: Bench) -> None:
    spec = bench.kit.root / "stages/50_probe/stage.yaml"
    spec.write_text(spec.read_text().replace("copy.txt", "copy.wav"))
    assert new("60_sound", "--from", "50_probe", project=bench.kit.root) == ""
    folder = bench.kit.root / "stages/60_sound/fixture"
    assert "make: make.py" in (folder / "fixture.yaml").read_text()
    assert '"copy.wav"' in (folder / "make.py").read_text()


def test_an_example_of_ones_own_is_laid_beside_the_fixture(project: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine\n")
    assert new("20_next", "--example", mine, project=project) == ""
    assert (project / "stages/20_next/fixture/mine.txt").read_text() == "mine\n"


def test_without_any_example_one_is_asked_for(bench: Bench) -> None:
    spec = bench.kit.root / "stages/50_probe/stage.yaml"
    spec.write_text(spec.read_text().replace("copy.txt", "copy.flac"))
    assert "--example FILE" in new("60_sound", "--from", "50_probe", project=bench.kit.root)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Shots"], "is no name for a stage"),
        (["20 shots"], "is no name for a stage"),
        (["../20_shots"], "is no name for a stage"),
        (["input"], "give the stage another name"),
        (["10_measure"], "is there already"),
        (["10_other"], "10_measure has the number 10 already"),
        (["20_measure"], "10_measure has the name measure already"),
        (["20_x", "--from", "10_meazure"], "did you mean 10_measure?"),
        (["20_x", "--from", "10_measure/reprot"], "did you mean 10_measure/report?"),
        (["20_x", "--from", "input"], "name a file of the job"),
        (["20_x", "--parent", "ffmpg"], "did you mean ffmpeg?"),
        (["20_x", "--example", "/none"], "/none"),
        (["run"], "stagerun run is a command"),
        ([], "stagerun new 11_shots"),
    ],
)
def test_what_cannot_be_made_is_refused_and_leaves_nothing(
    project: Path, words: list[str], said: str
) -> None:
    before = sorted(project.rglob("*"))
    context_project = project if words else None
    assert said in new(*words, project=context_project)
    assert sorted(project.rglob("*")) == before


def test_a_project_is_not_made_where_something_is(project: Path, kit: Kit) -> None:
    del kit
    assert "is there already" in new("--project", project)
    assert "is no name for a project" in new("--project", project.with_name("a b"))


def test_any_name_of_an_example_can_stand_in_a_fixture(project: Path, tmp_path: Path) -> None:
    mine = tmp_path / "c: d, [x #y.txt"
    mine.write_text("mine\n")
    assert new("20_next", "--example", mine, project=project) == ""
    (case, *_) = load_fixture(load_project(project).stages["20_next"]).cases
    (name,) = case.input.values()
    assert (project / "stages/20_next/fixture" / name).read_text() == "mine\n"


def test_an_example_cannot_take_the_place_of_the_fixtures_own_files(
    project: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "expect.yaml"
    mine.touch()
    assert "a fixture has a file expect.yaml" in new("20_x", "--example", mine, project=project)


def test_a_project_may_have_a_name_that_yaml_takes_for_something_else(tmp_path: Path) -> None:
    assert new("--project", tmp_path / "null") == ""
    assert load_project(tmp_path / "null").settings.name == "null"


def test_what_is_about_a_stage_is_refused_with_a_project(tmp_path: Path) -> None:
    assert "are about a stage" in new("--project", tmp_path / "p", "--parent", "ffmpeg")
    assert not (tmp_path / "p").exists()
