"""The Compose file is that of the specs, and as strict as the runner."""

from typing import Any

import pytest
import yaml

from runner.compose_file import FILE, HEADER, compose_text
from runner.host.recipes import image_name
from runner.project.config import resolve_config
from runner.project.pipeline import load_project
from runner.run.variant import allowed_variants
from tests.project_kit import ROOT, Kit

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(compose_text(load_project(ROOT)))["services"]


def test_a_change_to_a_spec_is_in_the_compose_file() -> None:
    written = (ROOT / FILE).read_text(encoding="utf-8")
    assert written == compose_text(load_project(ROOT)), "write it: python -m runner.compose_file"


def test_the_file_says_how_it_is_made_and_used() -> None:
    assert compose_text(load_project(ROOT)).startswith(HEADER)
    assert (ROOT / "docs" / "compose.md").is_file()


def test_every_stage_is_a_service_with_the_runners_image() -> None:
    project = load_project(ROOT)
    assert list(SERVICES) == list(project.stages)
    for stage in project.stages.values():
        variant = allowed_variants(stage, resolve_config(stage, project, environment={}))[0]
        assert SERVICES[stage.id]["image"] == image_name(stage.id, variant)


@pytest.mark.parametrize("stage", SERVICES)
def test_a_stage_by_hand_is_confined_as_under_the_runner(stage: str) -> None:
    service = SERVICES[stage]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges"]
    asks = load_project(ROOT).stages[stage].network
    assert service["network_mode"] == ("bridge" if asks else "none")
    assert service["init"] is True
    assert service["mem_limit"] == service["memswap_limit"]
    assert service["user"].startswith("${UID:?")
    assert ":${GID:?" in service["user"]


@pytest.mark.parametrize("stage", SERVICES)
def test_a_stage_by_hand_can_write_to_its_own_folder_only(stage: str) -> None:
    job, own = SERVICES[stage]["volumes"]
    assert (job["target"], job["read_only"]) == ("/job", True)
    assert own["target"] == f"/job/{stage}"
    assert own["source"] == f"{job['source']}/{stage}"
    assert "read_only" not in own


@pytest.mark.parametrize("stage", SERVICES)
def test_a_setting_reaches_a_stage_by_hand_from_the_environment(stage: str) -> None:
    assert SERVICES[stage]["environment"] == list(load_project(ROOT).stages[stage].config)


def test_a_secret_is_a_file_that_the_caller_names_and_only_its_stage_sees() -> None:
    document = yaml.safe_load(compose_text(load_project(ROOT)))
    assert document["secrets"] == {"tmdb": {"file": "${SECRET_TMDB:-/dev/null}"}}
    assert {name for name, service in SERVICES.items() if "secrets" in service} == {"02_tmdb"}


def test_limits_come_from_the_spec_and_then_from_the_site(kit: Kit) -> None:
    kit.settings("limits: {pids: 99, stop_grace: 3s}\n")
    kit.spec(
        "50_probe",
        """\
        summary: Copies its input
        parent: base
        network: site
        inputs: {text: input/text}
        outputs: {copy: {file: copy.txt, type: text}}
        resources: {memory: 10000001, cpus: 0.5, shm: 128MiB, tmp: 3MiB}
        """,
    )
    service = yaml.safe_load(compose_text(load_project(kit.root)))["services"]["50_probe"]
    assert service["mem_limit"] == "10000001b"
    assert service["cpus"] == 0.5
    assert service["shm_size"] == "128m"
    assert service["tmpfs"] == [f"/tmp:rw,nosuid,nodev,exec,size={3 << 20},mode=1777"]
    assert service["pids_limit"] == 99
    assert service["stop_grace_period"] == "3s"
    assert service["network_mode"] == "bridge"
