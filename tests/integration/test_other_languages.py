"""The stage of the page on other languages, built and run through the runner and its sandbox."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from runner.host.engine import DockerEngine
from runner.host.recipe import image_name
from runner.stage_document import StageManifest
from tests.project_kit import Kit
from tests.unit.docs_pages import blocks, lasting, names_in, page, rows, steps

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "docs/examples/other-language"
PAGE: Final = "docs/other-languages.md"
STAGE: Final = "50_lines"

pytestmark = [pytest.mark.engine, pytest.mark.images]


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory, engine: DockerEngine) -> Iterator[Kit]:
    """The example's project, without its image before and after."""
    root = tmp_path_factory.mktemp("example") / "lines"
    shutil.copytree(EXAMPLE, root)
    kit = Kit(root)
    kit.settings((EXAMPLE / "stagerun.yaml").read_text() + "limits: {stages_at_once: 64}\n")
    remove_image(engine)
    yield kit
    remove_image(engine)


def remove_image(engine: DockerEngine) -> None:
    if engine.image(image_name(STAGE)) is not None:
        engine.api.remove_image(image_name(STAGE), force=True)


@pytest.fixture(scope="module")
def first_call(example: Kit) -> tuple[str, str]:
    """What the page's first call prints, which builds the image, and what the page shows of it."""
    console, shell, *_ = blocks(page(PAGE))
    begun = example.run(*shell.text.splitlines()[1].split()[1:])
    assert begun.returncode == 0, begun.stderr
    ((command, shown),) = steps(console.text)
    ran = example.run(*command.split()[1:], timeout=600, LC_ALL="C.UTF-8")
    return ran.stdout + ran.stderr, shown


@pytest.fixture
def kit(example: Kit, first_call: tuple[str, str]) -> Kit:
    """The example's project with its image."""
    assert first_call
    return example


def test_the_first_call_prints_what_the_page_shows(first_call: tuple[str, str]) -> None:
    printed, shown = first_call
    assert lasting(printed) == lasting(shown)


def job_with(kit: Kit, name: str, file: str) -> Path:
    job = kit.root / "out" / name
    source = kit.root / "stages" / STAGE / "fixture" / file
    made = kit.run("init", job, "--input", f"text={source}")
    assert made.returncode == 0, made.stderr
    return job


def manifest_of(job: Path) -> StageManifest:
    return StageManifest.model_validate_json((job / STAGE / "manifest.json").read_bytes())


def test_the_stage_passes_its_fixture_as_the_page_shows(kit: Kit) -> None:
    console = blocks(page(PAGE))[-2]
    ((command, shown),) = steps(console.text)
    ran = kit.run(*command.split()[1:], timeout=300, LC_ALL="C.UTF-8")
    assert lasting(ran.stdout + ran.stderr) == lasting(shown)


def test_the_manifest_fits_the_schema_and_the_summary_is_shown(kit: Kit) -> None:
    job = job_with(kit, "good", "river.txt")
    ran = kit.run("run", job)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert manifest_of(job).status == "success"
    entry = json.loads((job / "manifest.json").read_text())["stages"][STAGE]
    assert (entry["warnings"], entry["summary"]) == ([], "3 lines")


def test_a_setting_reaches_the_program(kit: Kit) -> None:
    job = job_with(kit, "set", "river.txt")
    ran = kit.run("run", job, "--set", "COUNT=written")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads((job / STAGE / "counts.json").read_text()) == {"lines": 2}
    assert manifest_of(job).config == {"count": "written"}


def test_a_debug_line_is_in_the_stages_log_alone(kit: Kit) -> None:
    job = job_with(kit, "logs", "river.txt")
    assert kit.run("run", job).returncode == 0
    (pipeline,) = (job / "logs").iterdir()
    assert "reading input/river.txt" in (job / STAGE / "stage.log").read_text()
    assert "reading" not in pipeline.read_text()
    assert "[lines] [INFO] 3 lines" in pipeline.read_text()


def test_the_page_explains_every_key_of_the_request(kit: Kit) -> None:
    job = job_with(kit, "asked", "river.txt")
    assert kit.run("run", job).returncode == 0
    (request,) = (job / ".stagerun/runs").glob("*/request.json")
    table = rows(PAGE, "request.json", header="key")
    written = [name for row in table for name in names_in(row[0])]
    assert sorted(written) == sorted(json.loads(request.read_text()))


def test_a_stage_that_is_stopped_says_so_and_ends_at_once(kit: Kit) -> None:
    program = kit.root / "stages" / STAGE / "stage.sh"
    lines = program.read_text().splitlines(keepends=True)
    slow = ["patiently sleep 60\n" if line.startswith("patiently ") else line for line in lines]
    assert slow != lines
    job = job_with(kit, "slow", "river.txt")
    program.write_text("".join(slow))
    ran = kit.run("lines", job, "--dev", "--timeout", "2s")
    program.write_text("".join(lines))
    entry = json.loads((job / "manifest.json").read_text())["stages"][STAGE]
    assert entry["verdict"] == "timeout", ran.stdout
    assert entry["duration_seconds"] < 9  # killed after the grace it would be 12
    assert [error["message"] for error in _errors(job)] == ["stopped by SIGTERM"]


def _errors(job: Path) -> list[dict[str, str]]:
    errors: list[dict[str, str]] = json.loads((job / STAGE / "manifest.json").read_text())["errors"]
    return errors
