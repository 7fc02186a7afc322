"""Which stages a call plans, from which to which."""

import json
import os
import time
from dataclasses import replace
from typing import Any

import pytest

from runner.errors import UnknownStageError, UnknownWorkflowError, UsageError
from runner.job.folder import Job
from runner.run.plan import as_planned, plan_job
from tests.unit.run.conftest import LAST, NEXT, PROBE, SIDE, Place, with_a_side_branch


@pytest.mark.parametrize(
    ("plan", "stages"),
    [
        ({}, (PROBE, NEXT, LAST)),
        ({"start": "next"}, (NEXT, LAST)),
        ({"start": "52"}, (LAST,)),
        ({"upto": "next"}, (PROBE, NEXT)),
        ({"start": NEXT, "upto": NEXT}, (NEXT,)),
    ],
)
def test_a_plan_is_cut_where_the_caller_says(
    place: Place, job: Job, plan: dict[str, str], stages: tuple[str, ...]
) -> None:
    assert plan_job(place.project, job, **plan).stages == stages


def test_a_plan_that_starts_in_one_branch_leaves_the_other_as_it_is(place: Place, job: Job) -> None:
    with_a_side_branch(place)
    assert plan_job(place.project, job, start=NEXT).stages == (NEXT, LAST)
    assert plan_job(place.project, job, start=SIDE).stages == (SIDE,)
    assert set(plan_job(place.project, job, start=PROBE).stages) == {PROBE, NEXT, LAST, SIDE}


def test_the_jobs_own_workflow_is_planned(place: Place) -> None:
    job = place.job(more="workflow: first\n")
    plan = plan_job(place.project, job)
    assert (plan.stages, plan.results) == ((PROBE,), (f"{PROBE}/copy",))


def test_a_plan_that_ends_early_promises_no_result(place: Place, job: Job) -> None:
    assert plan_job(place.project, job, upto="next").results == ()


@pytest.mark.parametrize(
    ("plan", "error"),
    [
        ({"start": "nxt"}, UnknownStageError),
        ({"upto": "nope"}, UnknownStageError),
        ({"start": "last", "upto": "probe"}, UsageError),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    place: Place, job: Job, plan: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        plan_job(place.project, job, **plan)


def test_a_job_that_asks_for_an_unknown_workflow_is_refused(place: Place) -> None:
    job = place.job(more="workflow: coppy\n")
    with pytest.raises(UnknownWorkflowError, match=r"did you mean copy\?"):
        plan_job(place.project, job)


@pytest.mark.parametrize(
    ("result", "problem"),
    [("99_none/copy", "the stage 99_none"), (f"{LAST}/film", "there are: copy")],
)
def test_a_workflow_for_what_nobody_makes_is_refused(
    place: Place, job: Job, result: str, problem: str
) -> None:
    place.kit.settings(f"workflows: {{odd: [{result}]}}\n")
    with pytest.raises(UsageError, match=problem):
        plan_job(place.project, job)


def told(job: Job, **changes: Any) -> None:
    """Let the job manifest say something else of the first stage."""
    manifest = json.loads(job.manifest_file.read_text())
    manifest["stages"][PROBE] |= changes
    job.manifest_file.write_text(json.dumps(manifest))


def test_a_job_is_planned_with_what_its_stages_took_and_the_length_of_its_film(
    place: Place, job: Job
) -> None:
    place.run(job, PROBE)
    told(job, duration_seconds=7.5, media_seconds=3600)
    planned = as_planned(plan_job(place.project, job))
    assert (planned.took, planned.media_seconds) == ({PROBE: 7.5}, 3600)


@pytest.mark.parametrize("value", ["soon", [], -1, float("nan"), float("inf"), 10**400, None])
def test_a_time_that_makes_no_sense_is_not_told(place: Place, job: Job, value: Any) -> None:
    place.run(job, PROBE)
    told(job, duration_seconds=value, media_seconds=value)
    planned = as_planned(plan_job(place.project, job))
    assert (planned.took, planned.media_seconds) == ({}, None)


def test_an_end_at_a_time_that_makes_no_sense_is_not_learnt_from(place: Place, job: Job) -> None:
    place.run(job, PROBE)
    told(job, duration_seconds=7.5, completed_at="soon")
    assert as_planned(plan_job(place.project, job)).took == {}


def test_what_was_told_of_a_film_is_not_told_of_the_one_that_took_its_place(
    place: Place, job: Job
) -> None:
    place.run(job, PROBE)
    told(job, duration_seconds=7.5, media_seconds=3600)
    time.sleep(0.05)
    film = job.input / "another"
    film.write_text("an old film, as its time says")
    os.utime(film, (5, 5))
    film.replace(job.input / "text.txt")
    planned = as_planned(plan_job(place.project, job))
    assert (planned.took, planned.media_seconds) == ({}, None)


def test_what_the_user_gave_stays_in_place_though_all_else_is_forced(
    place: Place, job: Job
) -> None:
    plan = plan_job(place.project, job)
    plan = replace(plan, given=frozenset({NEXT}), there=frozenset({NEXT, LAST}))
    assert as_planned(plan).there == (NEXT, LAST)
    assert as_planned(plan, force=True).there == (NEXT,)
