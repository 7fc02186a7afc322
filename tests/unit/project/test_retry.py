"""``retry``: what may stand there, and which layer's word counts."""

import dataclasses

import pytest

from runner.errors import ConfigError, SettingsError, SpecError, Verdict
from runner.project.config import NO_JOB, JobLayer, resolve_retry
from runner.project.document import Document
from runner.project.retry import LIMITS, NEVER_RETRIED, RETRIED, Change, RetryRule
from runner.project.settings import Switches
from runner.project.stage import Resources, load_stage
from tests.unit.project.conftest import Folder

BATCH = "config: {BATCH: {type: int, default: 16, help: h}, KIND: {type: str, help: h}}\n"


def rules(folder: Folder, text: str) -> tuple[RetryRule, ...]:
    return load_stage(folder.stage("07_new", BATCH + text)).retry


def refusal(folder: Folder, text: str) -> str:
    with pytest.raises(SpecError) as caught:
        rules(folder, text)
    return str(caught.value)


def test_every_verdict_is_either_retried_or_has_a_reason_why_not() -> None:
    assert set(RETRIED) | set(NEVER_RETRIED) == set(Verdict)
    assert set(RETRIED) & set(NEVER_RETRIED) == set()


def test_every_limit_can_be_changed() -> None:
    assert {field.name for field in dataclasses.fields(Resources)} - {"disk", "gpus"} == LIMITS


def test_one_rule_with_one_cause_may_be_written_without_lists(folder: Folder) -> None:
    short = rules(folder, "retry: {on: oom_gpu, set: {BATCH: halve}}")
    long = rules(folder, "retry: [{on: [oom_gpu], set: {BATCH: {by: ×0.5}}}]")  # noqa: RUF001 - people write it so
    assert short == long
    assert short[0].on == {Verdict.OOM_GPU}
    assert short[0].changes == (Change(name="BATCH", by=0.5),)


def test_without_more_said_there_are_three_attempts_and_a_growing_pause(folder: Folder) -> None:
    (rule,) = rules(folder, "retry: {on: timeout}")
    assert rule.attempts == 3
    assert [rule.pause_before(number) for number in (2, 3, 4, 8)] == [10, 20, 40, 300]


def test_a_first_pause_beyond_the_longest_stays_as_it_is(folder: Folder) -> None:
    (rule,) = rules(folder, "retry: {on: timeout, wait: 10m}")
    assert rule.pause_before(2) == rule.pause_before(3) == 600


def test_bounds_are_read_in_the_unit_of_what_they_bound(folder: Folder) -> None:
    changes = "{memory: {by: double, up_to: 8GiB}, timeout: {by: x1.5, up_to: 1h}}"
    (rule,) = rules(folder, f"retry: {{on: oom_memory, set: {changes}}}")
    assert [change.up_to for change in rule.changes] == [8 << 30, 3600]


def test_what_is_no_factor_is_a_value(folder: Folder) -> None:
    (rule,) = rules(folder, "retry: {on: oom_gpu, set: {KIND: int8, memory: 4GiB}}")
    assert [change.to for change in rule.changes] == ["int8", "4GiB"]


@pytest.mark.parametrize("verdict", list(NEVER_RETRIED))
def test_a_cause_that_another_attempt_cannot_mend_is_refused(
    folder: Folder, verdict: Verdict
) -> None:
    said = refusal(folder, f"retry: {{on: [timeout, {verdict}]}}")
    assert f"{verdict} is never retried: {NEVER_RETRIED[verdict]}" in said
    assert "line 4" in said


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{on: nothing}", "no run ends so"),
        ("{on: []}", "at least 1 item"),
        ("{attempts: 2}", "'retry.0.on' is missing"),
        ("{on: timeout, attempts: 1}", "greater than or equal to 2"),
        ("{on: timeout, wait: soon}", "'soon' is no duration"),
        ("{on: timeout, pause: 1s}", "no key 'pause'"),
        ("{on: timeout, set: {memroy: double}}", "no limit 'memroy'; there are cpus"),
        ("{on: timeout, set: {OTHER: double}}", "the setting 'OTHER', which 'config' does not"),
        ("{on: timeout, set: {memory: lots}}", "'lots' is no size"),
        ("{on: timeout, set: {memory: 0}}", "above 0"),
        ("{on: timeout, set: {memory: {by: tenfold}}}", "'tenfold' is no factor"),
        ("{on: timeout, set: {memory: {by: x1}}}", "'x1' is no factor"),
        ("{on: timeout, set: {memory: {by: x2, to: 1GiB}}}", "and not both"),
        ("{on: timeout, set: {memory: {up_to: 1GiB}}}", "and not both"),
        ("{on: timeout, set: {memory: {by: halve, up_to: 1GiB}}}", "'up_to' ends a factor above 1"),
        ("{on: timeout, set: {memory: {to: 2GiB, up_to: 1GiB}}}", "'up_to' ends a factor above 1"),
        ("{on: timeout, set: {BATCH: {by: double, up_to: nan}}}", "must be a number"),
        ("{on: gpu_unavailable, set: {BATCH: halve}}", "only waiting helps"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_the_reason(
    folder: Folder, text: str, wanted: str
) -> None:
    assert wanted in refusal(folder, f"retry: {text}")


def test_the_job_has_the_word_before_the_site_and_the_site_before_the_stage(
    folder: Folder,
) -> None:
    folder.stage("07_new", BATCH + "retry: {on: timeout}")
    project = folder.load()
    stage = project.stages["07_new"]
    assert resolve_retry(stage, project)[0].on == {Verdict.TIMEOUT}
    folder.settings("stages: {07_new: {retry: {on: oom_memory}}}")
    project = folder.load()
    assert resolve_retry(stage, project)[0].on == {Verdict.OOM_MEMORY}
    document = Document(path=folder.root / "job.yaml", data={}, positions={})
    job = JobLayer(config={}, stages={"07_new": Switches(retry=())}, document=document)
    assert resolve_retry(stage, project, job) == ()


def test_a_layer_that_sets_something_else_leaves_the_rules_alone(folder: Folder) -> None:
    folder.stage("07_new", BATCH + "retry: {on: timeout}")
    folder.settings("stages: {07_new: {memory: 1GiB}}")
    project = folder.load()
    stage = project.stages["07_new"]
    assert resolve_retry(stage, project, NO_JOB) == stage.retry


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("BATSH: halve", "declares no such key; did you mean BATCH?"),
        ("KIND: double", "a str cannot be multiplied"),
        ("BATCH: some", "must be a whole number"),
    ],
)
def test_a_change_that_does_not_fit_the_stage_is_refused_with_its_place(
    folder: Folder, change: str, wanted: str
) -> None:
    folder.stage("07_new", BATCH)
    folder.settings(f"stages:\n  07_new:\n    retry: {{on: timeout, set: {{{change}}}}}\n")
    project = folder.load()
    with pytest.raises(ConfigError) as caught:
        resolve_retry(project.stages["07_new"], project)
    assert wanted in str(caught.value)
    assert "stagerun.yaml line 3" in str(caught.value)


def test_the_sites_rules_are_checked_like_the_stages(folder: Folder) -> None:
    folder.settings("stages: {07_new: {retry: {on: contract_violation}}}")
    with pytest.raises(SettingsError, match="contract_violation is never retried"):
        folder.load()
