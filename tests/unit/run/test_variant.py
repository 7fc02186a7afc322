"""Which variant of a stage runs: settings allow some, and of these a GPU decides."""

from dataclasses import replace

import pytest

from runner.errors import ConfigError, GpuUnavailableError, Verdict
from runner.host.engine_fake import FakeProcess
from runner.host.gpu import Inventory
from runner.host.recipe import image_name
from runner.job.folder import Job
from runner.project.config import Value
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.doctor import examine
from runner.run.variant import allowed_variants, choose_variant, chosen_images, gpu_variant
from tests.unit.run.conftest import GPU, NEXT, PROBE, Place, copy, record_of, request_of

SPEC = """\
    summary: Listens
    parents:
      embedded: {image: base, when: {ENGINE: sphinx}}
      cpu: {image: base, when: {ENGINE: whisper, DEVICE: [auto, cpu]}, resources: {memory: 1GiB}}
      cuda: {image: base, when: {ENGINE: whisper, DEVICE: [auto, cuda]}}
    gpu: optional
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    config:
      ENGINE: {type: choice, of: [sphinx, whisper, other], default: sphinx, help: Who listens}
      DEVICE: {type: choice, of: [auto, cpu, cuda], default: auto, help: Where}
    resources: {memory: 64MiB, cpus: 1}
"""
ONE_GPU = Inventory(gpus=(GPU,))


@pytest.fixture
def listener(place: Place) -> StageSpec:
    """A stage with three variants, two of them for one engine."""
    place.kit.spec(PROBE, SPEC)
    place.build()
    return place.project.stages[PROBE]


def settings(engine: str, device: str = "auto") -> dict[str, Value]:
    return {
        "ENGINE": Value(value=engine, source="--set"),
        "DEVICE": Value(value=device, source="job.yaml line 3"),
    }


@pytest.mark.parametrize(
    ("values", "allowed", "on_gpu"),
    [
        (("sphinx",), ("embedded",), None),
        (("sphinx", "cuda"), ("embedded",), None),
        (("whisper",), ("cpu", "cuda"), "cuda"),
        (("whisper", "cpu"), ("cpu",), None),
        (("whisper", "cuda"), ("cuda",), "cuda"),
    ],
)
def test_settings_allow_variants_and_say_whether_a_gpu_is_of_use(
    listener: StageSpec, values: tuple[str, ...], allowed: tuple[str, ...], on_gpu: str | None
) -> None:
    assert allowed_variants(listener, settings(*values)) == allowed
    assert gpu_variant(listener, allowed) == on_gpu


def test_settings_that_fit_no_variant_are_named_with_their_places(listener: StageSpec) -> None:
    with pytest.raises(ConfigError) as caught:
        allowed_variants(listener, settings("other"))
    assert "ENGINE is other (--set), DEVICE is auto (job.yaml line 3)" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "gpu", "chosen"),
    [
        (("sphinx",), True, "embedded"),
        (("sphinx",), False, "embedded"),
        (("whisper",), True, "cuda"),
        (("whisper",), False, "cpu"),
        (("whisper", "cpu"), True, "cpu"),
        (("whisper", "cuda"), True, "cuda"),
    ],
)
def test_of_those_allowed_the_gpu_decides(
    place: Place, listener: StageSpec, values: tuple[str, ...], gpu: bool, chosen: str
) -> None:
    if gpu:
        place.inventory = ONE_GPU
    allowed = allowed_variants(listener, settings(*values))
    granted, variant = choose_variant(listener, allowed, None, place.host)
    assert variant == chosen
    assert bool(granted.uuids) == (chosen == "cuda")
    assert bool(granted.fallback_reason) == (values == ("whisper",) and not gpu)


def test_a_gpu_that_was_asked_for_is_required(place: Place, listener: StageSpec) -> None:
    with pytest.raises(GpuUnavailableError):
        choose_variant(listener, ("cuda",), None, place.host)


def test_an_engine_that_cannot_hand_out_gpus_is_never_asked_to(
    place: Place, listener: StageSpec
) -> None:
    place.inventory = ONE_GPU
    place.engine.no_gpus = "this engine ignores requests for GPUs"

    granted, variant = choose_variant(listener, ("cpu", "cuda"), None, place.host)

    assert (granted.uuids, variant) == ((), "cpu")
    assert granted.fallback_reason == "this engine ignores requests for GPUs"
    with pytest.raises(GpuUnavailableError, match=r"This engine ignores .* Use Docker"):
        choose_variant(listener, ("cuda",), None, place.host)


def test_no_gpu_is_looked_for_where_none_is_of_use(place: Place, listener: StageSpec) -> None:
    def no_look() -> Inventory:
        msg = "the GPUs were looked at"
        raise AssertionError(msg)

    host = replace(place.host, inventory=no_look)
    assert choose_variant(listener, ("embedded",), None, host)[1] == "embedded"


def test_a_stage_with_one_image_for_both_takes_a_gpu_or_not(place: Place) -> None:
    stage = replace(place.project.stages[PROBE], gpu="optional")
    assert choose_variant(stage, ("main",), None, place.host)[1] == "main"
    place.inventory = ONE_GPU
    granted, variant = choose_variant(stage, ("main",), None, place.host)
    assert (granted.uuids, variant) == (("GPU-1",), "main")


@pytest.mark.usefixtures("listener")
def test_a_run_has_the_image_and_the_limits_of_its_variant(place: Place, job: Job) -> None:
    seen: list[tuple[int, str]] = []

    def look(process: FakeProcess) -> int:
        seen.append((process.spec.memory, request_of(process)["variant"]))
        return copy(process)

    place.programs[PROBE] = look
    for engine in ("sphinx", "whisper"):
        outcome = place.run(job, overrides={"ENGINE": engine})
        assert outcome.verdict is Verdict.SUCCESS
        variant = record_of(job, outcome.run_id)["variant"]
        assert record_of(job, outcome.run_id)["image"]["name"] == image_name(PROBE, variant)
    assert seen == [(64 << 20, "embedded"), (1 << 30, "cpu")]


def images(project: Project) -> list[tuple[str, str]]:
    return [(stage.id, variant) for stage, variant in chosen_images(project)]


@pytest.mark.usefixtures("listener")
def test_the_projects_settings_choose_the_images_that_are_built_and_looked_at(place: Place) -> None:
    assert images(place.project)[:2] == [(PROBE, "embedded"), (NEXT, "main")]
    place.kit.settings("config: {ENGINE: whisper}\n")
    assert images(place.project)[:2] == [(PROBE, "cpu"), (PROBE, "cuda")]
    del place.engine.images[image_name(PROBE, "cuda")]
    checks = examine(place.project, lambda: place.engine, lambda: place.inventory)
    (check,) = [check for check in checks if check.subject == "images"]
    assert check.text.startswith("3 of 4 present")
