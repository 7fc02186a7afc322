"""What makes a stage run again, and what leaves a result good enough."""

from collections.abc import Callable

import pytest

from runner.errors import Verdict
from runner.job.folder import Job
from runner.project.config import parse_limits
from tests.unit.run.changed_results import (
    changed_manifest,
    changed_output,
    missing_folder,
    missing_output,
)
from tests.unit.run.conftest import PROBE, Place, entry_of, record_of


def test_a_result_that_is_still_good_is_not_made_again(place: Place, job: Job) -> None:
    first = place.run(job)
    second = place.run(job)
    assert (second.verdict, second.exit_code) == (Verdict.CACHED, 0)
    assert second.run_id == first.run_id
    assert len(place.engine.created) == 1


def test_force_runs_a_stage_whose_result_is_still_good(place: Place, job: Job) -> None:
    first = place.run(job)
    second = place.run(job, force=True)
    assert second.verdict is Verdict.SUCCESS
    assert second.run_id != first.run_id


def test_one_call_judges_all_images_by_the_same_sources(place: Place) -> None:
    host, project = place.host, place.project
    before = host.recipes_of(project).stage(project.stages[PROBE]).digest
    (place.kit.root / "stages" / PROBE / "added.py").write_text("ADDED = 1\n")
    assert host.recipes_of(project).stage(project.stages[PROBE]).digest == before
    assert place.host.recipes_of(project).stage(project.stages[PROBE]).digest != before


def new_input(place: Place, job: Job) -> None:
    del place
    (job.input / "text.txt").write_text("other\n")


def new_image(place: Place, job: Job) -> None:
    del job
    place.build()


def new_declaration(place: Place, job: Job) -> None:
    del job
    path = place.kit.root / "stages" / PROBE / "stage.yaml"
    path.write_text(path.read_text().replace("type: text", "type: words"))


def new_setting(place: Place, job: Job) -> None:
    del place
    (job.root / "job.yaml").write_text("input: {text: text.txt}\nconfig: {LOUD: yes}\n")


@pytest.mark.parametrize(
    "change",
    [
        new_input,
        new_image,
        new_declaration,
        new_setting,
        changed_output,
        missing_output,
        missing_folder,
        changed_manifest,
    ],
)
def test_whatever_a_result_depends_on_makes_the_stage_run_again(
    place: Place, job: Job, change: Callable[[Place, Job], None]
) -> None:
    path = place.kit.root / "stages" / PROBE / "stage.yaml"
    path.write_text(path.read_text() + "config: {LOUD: {type: bool, default: no, help: x}}\n")
    assert place.run(job).verdict is Verdict.SUCCESS
    change(place, job)
    assert place.run(job).verdict is Verdict.SUCCESS
    assert place.run(job).verdict is Verdict.CACHED


def test_limits_do_not_make_a_stage_run_again(place: Place, job: Job) -> None:
    place.run(job)
    assert place.run(job, limits=parse_limits({"memory": "64MiB"})).verdict is Verdict.CACHED


def test_code_that_is_mounted_counts_like_an_image(place: Place, job: Job) -> None:
    assert place.run(job, dev=True).verdict is Verdict.SUCCESS
    assert place.run(job, dev=True).verdict is Verdict.CACHED
    place.kit.code(PROBE, "print('new')\n")
    assert place.run(job, dev=True).verdict is Verdict.SUCCESS
    assert place.run(job).verdict is Verdict.SUCCESS
    assert record_of(job, entry_of(job)["run_id"])["dev"] is False
