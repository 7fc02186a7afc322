"""Images that the site has pinned: nothing else runs under their names."""

import pytest

from runner.errors import Verdict
from runner.job.folder import Job
from runner.job.journal import open_runs
from runner.run.intent import run_again
from tests.unit.run.conftest import PROBE, Place
from tests.unit.run.dead_runners import dies_in_the_middle

NAME = f"stagerun/{PROBE}:main"


def pin(place: Place, name: str, digest: str) -> None:
    place.kit.settings(f"images: {{'{name}': '{digest}'}}\n")


def test_a_pinned_image_runs(place: Place, job: Job) -> None:
    pin(place, NAME, place.engine.images[NAME].digest)
    assert place.run(job).verdict is Verdict.SUCCESS


def test_another_image_than_the_pinned_one_is_refused(place: Place, job: Job) -> None:
    pin(place, NAME, "sha256:" + "e" * 64)
    outcome = place.run(job)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.IMAGE_MISMATCH, 5)
    assert f"pins it to sha256:{'e' * 64}" in place.said()
    assert place.engine.created == []


def test_an_image_that_was_built_anew_after_the_pin_does_not_answer_from_the_cache(
    place: Place, job: Job
) -> None:
    pin(place, NAME, place.engine.images[NAME].digest)
    assert place.run(job).verdict is Verdict.SUCCESS
    place.engine.images["another"] = place.engine.images[NAME]
    place.build()
    assert place.run(job).verdict is Verdict.IMAGE_MISMATCH


@pytest.mark.parametrize("name", ["stagerun/50_prob:main", "parent-base", "x"])
def test_a_pin_of_no_image_is_refused_because_it_protects_from_nothing(
    place: Place, job: Job, name: str
) -> None:
    pin(place, name, "sha256:" + "e" * 64)
    assert place.run(job).exit_code == 2
    assert f"pins {name!r}, and no stage has that image" in place.said()


@pytest.mark.parametrize("digest", ["latest", "sha256:123", "e" * 64])
def test_what_is_no_digest_is_refused(place: Place, digest: str) -> None:
    pin(place, NAME, digest)
    with pytest.raises(Exception, match="images"):
        _ = place.project


def test_a_run_in_an_image_that_is_not_the_pinned_one_is_not_gone_on_with(
    place: Place,
) -> None:
    crashed = dies_in_the_middle(place, place.job())
    (run_id,) = open_runs(crashed, PROBE)
    stage = place.project.stages[PROBE]
    assert run_again(stage, place.project, crashed, place.host, *run_id) is not None
    pin(place, NAME, "sha256:" + "e" * 64)
    assert run_again(stage, place.project, crashed, place.host, *run_id) is None
