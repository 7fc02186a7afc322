"""Which images are missing or older than their sources, and in which order they are built."""

from pathlib import Path

import pytest

from runner.errors import SpecError
from runner.host.engine import Image
from runner.host.engine_fake import FakeEngine
from runner.host.images import Condition, every_image, image_state, plan
from runner.host.recipe import PARENT, image_name, parent_image
from runner.host.recipes import Recipes
from runner.project.pipeline import Project, load_project

STAGE_YAML = """\
summary: Listens
parents: {cpu: tool, cuda: tool-cuda}
inputs: {sound: input/sound}
outputs: {text: {file: text.json, type: transcript}}
resources: {memory: 1GiB}
"""
FILES = {
    "images/base/Dockerfile": "# The ground.\nARG DEBIAN=debian:bookworm-slim\nFROM ${DEBIAN}\n",
    "images/tool/Dockerfile": "ARG PARENT=stagerun/parent-base:current\nFROM ${PARENT}\n",
    "images/tool/requirements.lock": "# python: cp311\nx==1 --hash=sha256:00\n",
    "images/tool-cuda/Dockerfile": "ARG PARENT=stagerun/parent-tool:current\nFROM ${PARENT}\n",
    "images/steps/pip-install": "#!/bin/sh\n",
    "images/stage.Dockerfile": "ARG PARENT\nFROM ${PARENT}\nCMD ${COMMAND}\n",
    "images/entry.sh": "#!/bin/sh\n",
    "shared/__init__.py": "",
    "stages/06_asr/stage.yaml": STAGE_YAML,
    "stages/06_asr/stage.py": "print('text')\n",
}
ALL = ["parent-base:current", "parent-tool:current", "06_asr:cpu"]
CUDA = ["parent-base:current", "parent-tool:current", "parent-tool-cuda:current", "06_asr:cuda"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def planned(root: Path, engine: FakeEngine, variant: str = "cpu", force: bool = False) -> list[str]:
    project = load_project(root)
    images = [(stage, variant) for stage in project.stages.values()]
    steps = plan(project, engine, images, force=force)
    return [step.image.removeprefix("stagerun/") for step in steps]


def build_all(project: Project, engine: FakeEngine) -> None:
    """Put images into the engine as a build would."""
    for step in plan(project, engine, every_image(project.stages.values())):
        labels = step.recipe.labels("test")
        if step.recipe.parent:
            labels[PARENT] = engine.images[step.recipe.parent.image].digest
        engine.add(step.image, lambda _: 0, labels)


@pytest.fixture
def engine(root: Path) -> FakeEngine:
    """An engine that has all images."""
    engine = FakeEngine()
    build_all(load_project(root), engine)
    return engine


def reason(root: Path, engine: FakeEngine) -> str:
    project = load_project(root)
    state = image_state(Recipes(project), engine, project.stages["06_asr"], "cpu")
    assert state.condition is Condition.STALE
    return state.reason


def test_parents_are_built_before_what_stands_on_them(root: Path) -> None:
    assert planned(root, FakeEngine()) == ALL
    assert planned(root, FakeEngine(), "cuda") == CUDA


def test_images_as_new_as_their_sources_are_not_built(root: Path, engine: FakeEngine) -> None:
    assert planned(root, engine) == []
    assert planned(root, engine, "cuda") == []


def test_force_builds_all_of_it(root: Path, engine: FakeEngine) -> None:
    assert planned(root, engine, force=True) == ALL


def test_a_changed_stage_rebuilds_its_image_alone_and_is_named(
    root: Path, engine: FakeEngine
) -> None:
    (root / "stages/06_asr/stage.py").write_text("print('other')\n")
    assert planned(root, engine) == ["06_asr:cpu"]
    assert reason(root, engine) == "older than stages/06_asr/stage.py"


def test_a_new_file_of_the_library_is_named(root: Path, engine: FakeEngine) -> None:
    (root / "shared/files.py").write_text("X = 1\n")
    assert reason(root, engine) == "older than shared/files.py"


def test_a_declared_output_changes_the_image_and_a_limit_does_not(
    root: Path, engine: FakeEngine
) -> None:
    spec = root / "stages/06_asr/stage.yaml"
    spec.write_text(STAGE_YAML.replace("1GiB", "2GiB"))
    assert planned(root, engine) == []
    spec.write_text(STAGE_YAML.replace("text.json", "segments.json"))
    assert reason(root, engine) == "older than stages/06_asr/stage.yaml"


def test_a_changed_command_is_found_in_the_spec(root: Path, engine: FakeEngine) -> None:
    (root / "stages/06_asr/stage.yaml").write_text(f"{STAGE_YAML}command: [cat, ./stage.py]\n")
    assert reason(root, engine) == "older than stages/06_asr/stage.yaml"


def test_a_changed_base_rebuilds_everything_above_it(root: Path, engine: FakeEngine) -> None:
    (root / "images/base/Dockerfile").write_text(FILES["images/base/Dockerfile"] + "USER 1\n")
    assert planned(root, engine) == ALL
    assert reason(root, engine) == "older than its parent image tool"


def test_a_parent_that_was_built_again_takes_what_stands_on_it_along(
    root: Path, engine: FakeEngine
) -> None:
    old = engine.images[parent_image("tool")]
    engine.images[old.name] = Image(
        name=old.name, digest="sha256:new", size_bytes=0, labels=old.labels
    )
    assert planned(root, engine) == ["06_asr:cpu"]
    assert planned(root, engine, "cuda") == ["parent-tool-cuda:current", "06_asr:cuda"]


def test_a_parent_that_was_removed_is_not_missed_by_a_finished_image(
    root: Path, engine: FakeEngine
) -> None:
    del engine.images[parent_image("tool")]
    assert planned(root, engine) == []


def test_a_missing_image_is_said_to_be_missing(root: Path) -> None:
    project = load_project(root)
    state = image_state(Recipes(project), FakeEngine(), project.stages["06_asr"], "cpu")
    assert (state.image, state.condition) == (image_name("06_asr", "cpu"), Condition.MISSING)


def test_another_kind_of_base_is_built_when_the_settings_ask_for_it(
    root: Path, engine: FakeEngine
) -> None:
    base = engine.images[parent_image("base")]
    labels = {**base.labels, "org.stagerun.debian": "stagerun/bootstrap:bookworm"}
    engine.images[base.name] = Image(
        name=base.name, digest=base.digest, size_bytes=0, labels=labels
    )
    (root / "stagerun.yaml").write_text("base: bootstrap\n")
    assert planned(root, engine) == []
    (root / "stagerun.yaml").write_text("base: registry\n")
    assert planned(root, engine) == ALL


def test_parents_that_stand_on_each_other_are_refused_with_the_circle(root: Path) -> None:
    on_cuda = FILES["images/tool/Dockerfile"].replace("base", "tool-cuda")
    (root / "images/tool/Dockerfile").write_text(on_cuda)
    with pytest.raises(SpecError, match="tool → tool-cuda → tool"):
        planned(root, FakeEngine())


def test_a_parent_on_one_that_is_not_there_is_refused_with_its_dockerfile(root: Path) -> None:
    on_none = FILES["images/tool/Dockerfile"].replace("base", "none")
    (root / "images/tool/Dockerfile").write_text(on_none)
    with pytest.raises(SpecError, match=r"images/tool/Dockerfile stands on .*'none'"):
        planned(root, FakeEngine())


def test_an_unknown_parent_is_refused_with_the_file_and_what_there_is(root: Path) -> None:
    text = STAGE_YAML.replace("parents: {cpu: tool, cuda: tool-cuda}", "parent: tols")
    (root / "stages/06_asr/stage.yaml").write_text(text)
    with pytest.raises(SpecError, match=r"stage\.yaml.*'tols'.*base, .*tool, tool-cuda"):
        planned(root, FakeEngine(), "main")


def test_the_stage_finds_its_id_in_the_dockerfile_and_its_spec_beside_its_code(root: Path) -> None:
    project = load_project(root)
    recipe = Recipes(project).stage(project.stages["06_asr"], "cpu")
    assert 'CMD ["python3", "/app/06_asr/stage.py"]' in recipe.dockerfile
    assert "root/app/06_asr/spec.json" in recipe.file_digests
    assert "root/entry.sh" in recipe.file_digests


def test_the_locked_pythons_are_those_of_the_parents_in_use(root: Path) -> None:
    assert Recipes(load_project(root)).locked_pythons() == "cp311"


def test_a_stages_fixture_is_in_no_image_and_makes_none_old(root: Path, engine: FakeEngine) -> None:
    fixture = root / "stages/06_asr/fixture/deep"
    fixture.mkdir(parents=True)
    for name in ("fixture.yaml", "sound.wav", "make.py"):
        (fixture / name).write_text(name)
    recipe = Recipes(load_project(root)).stage(load_project(root).stages["06_asr"], "cpu")
    assert not [file.path for file in recipe.files if "fixture" in file.path]
    assert planned(root, engine) == []
