"""The Compose files are those of the specs, and as strict as the runner."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.host.recipe import image_name
from runner.project.config import resolve_config
from runner.project.pipeline import Project, load_project
from runner.run.compose_file import GPU_FILE, HEADER, compose_files, compose_text
from runner.run.variant import allowed_variants
from tests.project_kit import ROOT, Kit

PROJECT = load_project(ROOT)


def stage_of(service: str) -> str:
    """The stage behind a service, whichever variant it is."""
    return service if service in PROJECT.stages else service.rpartition("-")[0]


def read(text: str | None) -> dict[str, Any]:
    assert text is not None
    document: dict[str, Any] = yaml.safe_load(text)
    return document


def services_in(project: Project) -> dict[str, dict[str, Any]]:
    """The services of both files."""
    found: dict[str, dict[str, Any]] = {}
    for text in filter(None, compose_files(project).values()):
        found |= yaml.safe_load(text)["services"]
    return found


def services_of(kit: Kit) -> dict[str, dict[str, Any]]:
    return services_in(load_project(kit.root))


SERVICES = services_in(PROJECT)


MOUNT_KEYS = {"type", "source", "target", "read_only"}
VARIANTS = """\
    summary: Copies its input
    parents:
      main: {image: base, when: {ENGINE: small}}
      cpu: {image: base, when: {ENGINE: large, DEVICE: [auto, cpu]}, resources: {memory: 4GiB}}
      cuda: {image: base, when: {ENGINE: large, DEVICE: [auto, cuda]}}
    gpu: optional
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    config:
      ENGINE: {type: choice, of: [small, large], default: small, help: x}
      DEVICE: {type: choice, of: [auto, cpu, cuda], default: auto, help: x}
    models: {ear: {when: {ENGINE: large}, folder: ear, files: [model.bin]}}
    resources: {memory: 128MiB}
"""
NEEDS_A_GPU = """\
    summary: Copies its input
    parent: base
    gpu: required
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
"""


@pytest.mark.parametrize("path", compose_files(PROJECT), ids=str)
def test_a_change_to_a_spec_is_in_the_compose_files(path: Path) -> None:
    written = (ROOT / path).read_text(encoding="utf-8")
    assert written == compose_files(PROJECT)[path], "write it: stagerun compose"


def test_a_file_says_how_it_is_made_and_used() -> None:
    assert all(str(text).startswith(HEADER) for text in compose_files(PROJECT).values())
    assert (ROOT / "docs" / "compose.md").is_file()


def test_every_stage_is_a_service_with_the_runners_image() -> None:
    assert list(dict.fromkeys(map(stage_of, SERVICES))) == list(PROJECT.stages)
    for stage in PROJECT.stages.values():
        variant = allowed_variants(stage, resolve_config(stage, PROJECT, environment={}))[0]
        assert SERVICES[stage.id]["image"] == image_name(stage.id, variant)


def test_every_variant_of_a_stage_is_a_service() -> None:
    images = {service["image"] for service in SERVICES.values()}
    assert images == {
        image_name(stage.id, variant)
        for stage in PROJECT.stages.values()
        for variant in stage.parents
    }
    assert SERVICES["06_asr-cpu"]["image"] == "stagerun/06_asr:cpu"


def test_a_variant_is_set_to_what_it_is_made_for_and_knows_its_name(kit: Kit) -> None:
    kit.spec("50_probe", VARIANTS)
    services = services_of(kit)
    assert services["50_probe"]["environment"] == ["ENGINE", "DEVICE"]
    assert services["50_probe-cpu"]["environment"] == [
        "ENGINE=large",
        "DEVICE",
        "STAGERUN_VARIANT=cpu",
    ]
    assert services["50_probe-cpu"]["mem_limit"] == "4096m"
    kit.settings("config: {ENGINE: large, DEVICE: cuda}\n")
    services = services_of(kit)
    assert {name for name in services if name.startswith("50")} == {
        "50_probe",
        "50_probe-main",
        "50_probe-cpu",
    }
    assert services["50_probe"]["image"] == "stagerun/50_probe:cuda"
    assert services["50_probe"]["environment"] == [
        "ENGINE=large",
        "DEVICE=cuda",
        "STAGERUN_VARIANT=cuda",
    ]


def test_only_what_needs_a_gpu_gets_one_and_the_caller_says_which(kit: Kit) -> None:
    kit.spec("50_probe", VARIANTS)
    services = services_of(kit)
    assert [name for name, service in services.items() if "deploy" in service] == ["50_probe-cuda"]
    devices = services["50_probe-cuda"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"capabilities": ["gpu"], "device_ids": ["${GPU:-0}"]}]
    kit.spec("50_probe", NEEDS_A_GPU)
    assert "deploy" in services_of(kit)["50_probe"]


def test_what_gets_a_gpu_is_in_the_file_for_gpus_alone(kit: Kit) -> None:
    kit.spec("50_probe", VARIANTS)
    project = load_project(kit.root)
    plain = read(compose_text(project))["services"]
    with_gpu = read(compose_files(project)[GPU_FILE])["services"]
    assert "deploy" not in str(plain)
    assert list(with_gpu) == ["50_probe-cuda"]
    assert not plain.keys() & with_gpu.keys()


def test_a_project_without_gpus_has_no_file_for_them(kit: Kit) -> None:
    assert compose_files(load_project(kit.root))[GPU_FILE] is None


def test_a_secret_of_a_stage_with_a_gpu_is_in_the_file_for_gpus(kit: Kit) -> None:
    kit.spec("50_probe", NEEDS_A_GPU + "    secrets: [key]\n")
    project = load_project(kit.root)
    assert "secrets" not in read(compose_text(project))
    secrets = read(compose_text(project, gpu=True))["secrets"]
    assert secrets == {"key": {"file": "${SECRET_KEY:-/dev/null}"}}


@pytest.mark.parametrize(
    "text", compose_files(PROJECT).values(), ids=map(str, compose_files(PROJECT))
)
def test_a_file_has_nothing_that_compose_1_does_not_know(text: str) -> None:
    document = yaml.safe_load(text)
    assert document.keys() <= {"services", "secrets"}
    assert "create_host_path" not in text
    for service in document["services"].values():
        assert all(isinstance(secret, str) for secret in service.get("secrets", ()))
        assert all(mount.keys() <= MOUNT_KEYS for mount in service["volumes"])


def test_the_model_store_is_there_for_what_needs_a_model_and_cannot_be_written(kit: Kit) -> None:
    kit.spec("50_probe", VARIANTS)
    services = services_of(kit)
    assert len(services["50_probe"]["volumes"]) == 2
    store = {"type": "bind", "source": "${STAGERUN_MODELS:-/models}", "target": "/models"}
    assert services["50_probe-cpu"]["volumes"][2:] == [{**store, "read_only": True}]
    kit.settings("models: /srv/models\n")
    (mount,) = services_of(kit)["50_probe-cpu"]["volumes"][2:]
    assert mount["source"] == "${STAGERUN_MODELS:-/srv/models}"


@pytest.mark.parametrize("stage", SERVICES)
def test_a_stage_by_hand_is_confined_as_under_the_runner(stage: str) -> None:
    service = SERVICES[stage]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges"]
    asks = PROJECT.stages[stage_of(stage)].network
    assert service["network_mode"] == ("bridge" if asks else "none")
    assert service["init"] is True
    assert service["mem_limit"] == service["memswap_limit"]
    assert service["user"].startswith("${UID:?")
    assert ":${GID:?" in service["user"]


@pytest.mark.parametrize("stage", SERVICES)
def test_a_stage_by_hand_can_write_to_its_own_folder_only(stage: str) -> None:
    job, own, *others = SERVICES[stage]["volumes"]
    assert (job["target"], job["read_only"]) == ("/job", True)
    assert own["target"] == f"/job/{stage_of(stage)}"
    assert own["source"] == f"{job['source']}/{stage_of(stage)}"
    assert "read_only" not in own
    assert all(mount["read_only"] for mount in others)


@pytest.mark.parametrize("stage", SERVICES)
def test_a_setting_reaches_a_stage_by_hand_from_the_environment(stage: str) -> None:
    named = [variable.partition("=")[0] for variable in SERVICES[stage]["environment"]]
    declared = list(PROJECT.stages[stage_of(stage)].config)
    assert [name for name in named if name != "STAGERUN_VARIANT"] == declared


def test_a_secret_is_a_file_that_the_caller_names_and_only_its_stage_sees() -> None:
    document = read(compose_text(PROJECT))
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
    service = services_of(kit)["50_probe"]
    assert service["mem_limit"] == "10000001b"
    assert service["cpus"] == 0.5
    assert service["shm_size"] == "128m"
    assert service["tmpfs"] == [f"/tmp:rw,nosuid,nodev,exec,size={3 << 20},mode=1777"]
    assert service["pids_limit"] == 99
    assert service["stop_grace_period"] == "3s"
    assert service["network_mode"] == "bridge"
