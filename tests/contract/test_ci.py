"""The workflow and ``.ci/stages``: valid, pinned, and the same steps in both."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from runner.project.pipeline import load_project
from runner.run.variant import GPU_VARIANT
from tests.project_kit import ROOT

WORKFLOW: Final = ROOT / ".github" / "workflows" / "ci.yml"
OF_NEW_PROJECTS: Final = ROOT / "runner/template/files/project/dot_github/workflows/ci.yml.in"
SCRIPT: Final = ROOT / ".ci" / "stages"
ACTIONS: Final = {"checkout", "setup-python", "cache", "upload-artifact"}
PINNED: Final = re.compile(r"uses: actions/([a-z-]+)@[0-9a-f]{40}  # v\d+\.\d+\.\d+")
STUB: Final = """\
#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$1 $2" in
"image ls") echo stagerun/06_asr:main ;;
"image save") echo layers ;;
"image load") cat >> "$CALLS" ;;
esac
"""


def jobs() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    return found


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, job in jobs().items():
        for step in job["steps"]:
            yield name, step


def run_of(step: dict[str, Any]) -> str:
    return str(step.get("run", ""))


def call(command: list[str | Path], **options: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, **options
    )


@pytest.mark.parametrize("workflow", [WORKFLOW, OF_NEW_PROJECTS])
def test_the_workflow_is_one_that_the_forge_understands(workflow: Path) -> None:
    program = Path(sys.executable).with_name("check-jsonschema")
    kind = ["--default-filetype", "yaml", "--builtin-schema", "vendor.github-workflows"]
    checked = call([program, *kind, workflow])
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_workflow_with_a_mistake_would_be_noticed(tmp_path: Path) -> None:
    broken = tmp_path / "ci.yml"
    broken.write_text(WORKFLOW.read_text().replace("runs-on:", "run-on:"))
    program = Path(sys.executable).with_name("check-jsonschema")
    assert call([program, "--builtin-schema", "vendor.github-workflows", broken]).returncode == 1


@pytest.mark.parametrize("workflow", [WORKFLOW, OF_NEW_PROJECTS])
def test_only_actions_of_the_forge_itself_are_used_and_each_is_pinned(workflow: Path) -> None:
    lines = [line for line in workflow.read_text().splitlines() if "uses:" in line]
    found = [PINNED.search(line) for line in lines]
    assert all(found), lines
    assert {match[1] for match in found if match} <= ACTIONS


def test_the_workflow_calls_every_step_of_the_script_and_no_other() -> None:
    called = {run_of(step).split()[1] for _, step in steps() if SCRIPT.name in run_of(step)}
    refused = call([SCRIPT, "nonsense"])
    assert refused.returncode == 2
    known = set(re.findall(r"lint|unit|changed|push|gpu", refused.stderr))
    assert called == known == {"lint", "unit", "changed", "push", "gpu"}


def test_images_are_pushed_and_those_for_gpus_built_on_tags_alone() -> None:
    for name, job in jobs().items():
        on_tags = job.get("if") == "startsWith(github.ref, 'refs/tags/')"
        assert on_tags is (name in {"push", "gpu"})


def test_every_stage_with_an_image_for_gpus_has_it_built() -> None:
    built = jobs()["gpu"]["strategy"]["matrix"]["stage"]
    stages = load_project(ROOT).stages.values()
    assert built == [stage.id for stage in stages if GPU_VARIANT in stage.parents]


def test_results_are_published_even_of_what_failed_and_images_are_cached() -> None:
    published = {name: step for name, step in steps() if "upload-artifact" in str(step.get("uses"))}
    assert published.keys() == {"lint-and-unit", "stages"}
    assert {step["if"] for step in published.values()} == {"always()"}
    assert {step["with"]["path"] for step in published.values()} == {".cache/reports/"}
    assert [name for name, step in steps() if "actions/cache@" in str(step.get("uses"))] == [
        "stages"
    ]


def test_a_password_is_in_no_command() -> None:
    assert all("secrets." not in run_of(step) for _, step in steps())


@dataclass(frozen=True)
class Checkout:
    """A repository with the script, in which every program only says how it was called."""

    root: Path

    def ci(self, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        base = {name: text for name, text in os.environ.items() if name not in {"CI", "BASE"}}
        path = f"{self.root / 'bin'}:{os.environ['PATH']}"
        environment = {**base, "PATH": path, "CALLS": str(self.root / "calls"), **variables}
        (self.root / "calls").unlink(missing_ok=True)
        return call([self.root / ".ci" / "stages", *words], env=environment)

    @property
    def calls(self) -> list[str]:
        return (self.root / "calls").read_text().splitlines()

    def git(self, *words: str) -> str:
        identity = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        ended = call(["git", *identity, *words], cwd=self.root)
        assert ended.returncode == 0, ended.stderr
        return ended.stdout.strip()

    def commit(self, text: str) -> str:
        (self.root / "file").write_text(text)
        self.git("add", "file")
        self.git("commit", "--quiet", "--message", text)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for folder in (".ci", ".venv/bin", "bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(SCRIPT, tmp_path / ".ci")
    for name in (".venv/bin/stagerun", ".venv/bin/pytest", "bin/docker", "bin/make"):
        (tmp_path / name).write_text(STUB)
        (tmp_path / name).chmod(0o755)
    made = Checkout(tmp_path)
    made.git("init", "--quiet", "--initial-branch", "main")
    return made


REPORT = "--junit .cache/reports/stages.xml"


def test_only_what_changed_since_the_base_is_tested(checkout: Checkout) -> None:
    first = checkout.commit("one")
    checkout.commit("two")
    ended = checkout.ci("changed", BASE=first)
    assert ended.returncode == 0, ended.stderr
    assert checkout.calls[-2:] == ["stagerun build", f"stagerun test --changed {first} {REPORT}"]


@pytest.mark.parametrize("base", ["", "0" * 40])
def test_without_a_known_base_a_branch_is_compared_with_main(checkout: Checkout, base: str) -> None:
    first = checkout.commit("one")
    checkout.git("switch", "--quiet", "--create", "mine")
    checkout.commit("two")
    assert checkout.ci("changed", BASE=base).returncode == 0
    assert checkout.calls[-1] == f"stagerun test --changed {first} {REPORT}"


def test_what_went_into_the_base_meanwhile_is_not_taken_for_a_change(checkout: Checkout) -> None:
    first = checkout.commit("one")
    checkout.git("switch", "--quiet", "--create", "mine")
    checkout.commit("two")
    checkout.git("switch", "--quiet", "main")
    checkout.commit("three")
    checkout.git("switch", "--quiet", "mine")
    assert checkout.ci("changed", BASE="main").returncode == 0
    assert checkout.calls[-1] == f"stagerun test --changed {first} {REPORT}"


def test_a_tag_on_main_has_all_stages_tested(checkout: Checkout) -> None:
    checkout.commit("one")
    assert checkout.ci("changed", BASE="0" * 40).returncode == 0
    assert checkout.calls[-1] == f"stagerun test {REPORT}"


def test_without_words_lint_unit_tests_and_changed_stages_follow_each_other(
    checkout: Checkout,
) -> None:
    checkout.commit("one")
    assert checkout.ci().returncode == 0
    names = [call.split()[0] for call in checkout.calls]
    assert names == ["make", "make", "pytest", "make", "stagerun", "stagerun"]


def test_a_step_that_fails_ends_the_rest(checkout: Checkout) -> None:
    checkout.commit("one")
    (checkout.root / ".venv/bin/pytest").write_text("#!/bin/sh\nexit 3\n")
    assert checkout.ci().returncode == 3
    assert not any(call.startswith("stagerun") for call in checkout.calls)


@pytest.mark.skipif(shutil.which("zstd") is None, reason="NO ZSTD: needs the program zstd")
def test_images_are_kept_in_ci_and_are_there_the_next_time(checkout: Checkout) -> None:
    checkout.commit("one")
    assert checkout.ci("changed").returncode == 0
    assert not (checkout.root / ".cache/images").exists()
    assert checkout.ci("changed", CI="true", IMAGES_ARE_KEPT="true").returncode == 0
    assert not (checkout.root / ".cache/images").exists()
    assert checkout.ci("changed", CI="true").returncode == 0
    assert "docker image save stagerun/06_asr:main" in checkout.calls
    assert checkout.ci("changed").returncode == 0
    loaded = checkout.calls.index("layers")
    assert loaded < checkout.calls.index("stagerun build")


def test_a_push_needs_to_know_where_and_keeps_the_password_out_of_commands(
    checkout: Checkout,
) -> None:
    checkout.commit("one")
    refused = checkout.ci("push", REGISTRY="")
    assert refused.returncode != 0
    assert "must be where the images go" in refused.stderr
    registry = "registry.example:5000/films"
    named = {"REGISTRY": registry, "REGISTRY_USER": "me", "REGISTRY_PASSWORD": "hush"}
    assert checkout.ci("push", **named).returncode == 0
    assert checkout.calls[-3:] == [
        "stagerun build",
        "docker login registry.example:5000 --username me --password-stdin",
        f"stagerun images push {registry}",
    ]
    assert "hush" not in "".join(checkout.calls)


def test_an_image_for_gpus_is_that_of_the_stage_that_is_named(checkout: Checkout) -> None:
    checkout.commit("one")
    assert checkout.ci("gpu").returncode != 0
    assert checkout.ci("gpu", "06_asr").returncode == 0
    assert checkout.calls[-1] == f"stagerun build 06_asr --variant {GPU_VARIANT}"
