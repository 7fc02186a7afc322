"""Which variant of a stage runs: settings allow some, and of these a GPU decides."""

from dataclasses import replace

import pytest

from runner.errors import ConfigError, GpuUnavailableError, Verdict
from runner.gpu.peaks import PeakKey
from runner.gpu.placement import Wish
from runner.host.engine_fake import FakeProcess
from runner.host.gpu import Inventory
from runner.host.recipe import image_name
from runner.job.folder import Job
from runner.project.config import Value
from runner.project.pipeline import Project
from runner.project.stage import StageSpec
from runner.run.doctor import examine
from runner.run.gpu_request import GpuRequest
from runner.run.request import Host
from runner.run.variant import (
    Chosen,
    allowed_variants,
    choose_variant,
    chosen_images,
    gpu_variant,
    likely_variant,
)
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


ANYTHING = GpuRequest(
    wish=Wish(), source="", key=PeakKey(stage=PROBE, image="", models={}, settings={})
)


def choose(
    place: Place, stage: StageSpec, allowed: tuple[str, ...], host: Host | None = None
) -> Chosen:
    on_gpu, where = gpu_variant(stage, allowed), host or place.host
    return choose_variant(stage, allowed, on_gpu, lambda: ANYTHING, place.project, where)


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
    found = choose(place, listener, allowed)
    assert found.variant == likely_variant(listener, allowed, place.host) == chosen
    assert bool(found.grant.uuids) == bool(found.gpu) == (chosen == "cuda")
    assert bool(found.grant.fallback_reason) == (values == ("whisper",) and not gpu)


def test_a_gpu_that_was_asked_for_is_required(place: Place, listener: StageSpec) -> None:
    with pytest.raises(GpuUnavailableError):
        choose(place, listener, ("cuda",))


def test_an_engine_that_cannot_hand_out_gpus_is_never_asked_to(
    place: Place, listener: StageSpec
) -> None:
    place.inventory = ONE_GPU
    place.engine.no_gpus = "this engine ignores requests for GPUs"

    found = choose(place, listener, ("cpu", "cuda"))

    assert (found.grant.uuids, found.variant) == ((), "cpu")
    assert found.grant.fallback_reason == "this engine ignores requests for GPUs"
    with pytest.raises(GpuUnavailableError, match=r"This engine ignores .* Use Docker"):
        choose(place, listener, ("cuda",))


def test_why_says_what_becomes_of_more_than_a_gpu_has_that_was_learnt(
    place: Place, listener: StageSpec
) -> None:
    place.inventory = ONE_GPU
    learnt = {gpu.name: 1 << 50 for gpu in ONE_GPU.gpus}
    asked = replace(ANYTHING, wish=Wish(learnt=learnt), source="learnt from run 1")
    found = choose_variant(listener, ("cuda",), "cuda", lambda: asked, place.project, place.host)
    assert found.gpu is not None
    assert found.gpu.source == (
        "learnt from run 1; all that a GPU here has, or more: without other programs"
    )
    little = replace(asked, wish=Wish(learnt=dict.fromkeys(learnt, 1)))
    found = choose_variant(listener, ("cuda",), "cuda", lambda: little, place.project, place.host)
    assert found.gpu == little


def test_no_gpu_is_looked_for_where_none_is_of_use(place: Place, listener: StageSpec) -> None:
    def no_look() -> Inventory:
        msg = "the GPUs were looked at"
        raise AssertionError(msg)

    host = replace(place.host, inventory=no_look)
    assert choose(place, listener, ("embedded",), host).variant == "embedded"
    assert likely_variant(listener, ("embedded",), host) == "embedded"


def test_a_stage_with_one_image_for_both_takes_a_gpu_or_not(place: Place) -> None:
    stage = replace(place.project.stages[PROBE], gpu="optional")
    assert choose(place, stage, ("main",)).variant == "main"
    place.inventory = ONE_GPU
    found = choose(place, stage, ("main",))
    assert (found.grant.uuids, found.variant) == (("GPU-1",), "main")


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
