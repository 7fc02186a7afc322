"""The soak's checks find what they are there to find, and its page adds up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.soak.figures import Figures
from tests.soak.invariants import (
    Before,
    check_documents,
    check_result,
    check_verdict,
    check_wreck,
)
from tests.soak.logs import check_logs
from tests.soak.page import BEGIN, END, with_figures
from tests.soak.truth import Truth, key_of
from tests.soak.violation import Violation
from tests.soak.workplace import Plan

RUN: Final = "20261121-0914-7f3a"
OLD: Final = "20261121-0900-0000"
BEFORE: Final = Before(frozenset({OLD}), OLD)


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """As much of a job as the checks look at: a good run in place."""
    job = tmp_path / "job"
    for folder in ("logs", "50_probe", f".stagerun/runs/{OLD}", f".stagerun/runs/{RUN}"):
        (job / folder).mkdir(parents=True)
    (job / "50_probe/copy.txt").write_text(f"{RUN}\n")
    own = f"[t] [probe] [INFO] {RUN} says 0\n[t] [probe] [DEBUG] {RUN} whispers 0\n"
    (job / "50_probe/stage.log").write_text(own)
    (job / "logs/99_pipeline_1.log").write_text(f"[t] [probe] [INFO] {RUN} says 0\n")
    record(job, "success")
    journal(job, "intent", "started", "closed")
    entry = {"verdict": "success", "good_run_id": RUN, "good_is": "in place"}
    (job / "manifest.json").write_text(json.dumps({"stages": {"50_probe": entry}}))
    return job


def record(job: Path, verdict: str) -> None:
    text = json.dumps({"verdict": verdict, "ended_at": "2026-11-21T09:14:00Z"})
    (job / ".stagerun/runs" / RUN / "record.json").write_text(text)


def journal(job: Path, *steps: str) -> None:
    lines = [json.dumps({"step": step}) + "\n" for step in steps]
    (job / ".stagerun/runs" / RUN / "journal.jsonl").write_text("".join(lines))


def truth(job: Path, code: int | None = 0, *, killed: bool = False) -> Truth:
    key, truth = key_of(job, RUN), Truth(job.parent)
    if code is not None:
        truth.started.add(key)
        truth.exit_codes[key] = code
    truth.killed |= {key} if killed else set()
    return truth


def kinds(*found: Violation) -> set[str]:
    return {violation.kind for violation in found}


def test_a_job_in_order_breaks_no_promise(job: Path) -> None:
    steps = ["intent", "started", "closed"]
    assert not [*check_verdict(job, RUN, steps, Plan(), truth(job))]
    assert not [*check_result(job, BEFORE, 0), *check_logs(job, [RUN], truth(job))]


@pytest.mark.parametrize(
    ("steps", "verdict", "code", "plan"),
    [
        ("intent started closed", "runner_lost", 0, Plan()),
        ("intent started closed", "success", 3, Plan("exits")),
        ("intent started closed", "success", 137, Plan()),
        ("intent started closed", "success", None, Plan()),
        ("intent started", "success", 0, Plan()),
    ],
)
def test_a_record_that_does_not_tell_what_the_container_did_is_found(
    job: Path, steps: str, verdict: str, code: int | None, plan: Plan
) -> None:
    record(job, verdict)
    found = check_verdict(job, RUN, steps.split(), plan, truth(job, code))
    assert kinds(*found) == {"verdict"}


def test_a_container_that_somebody_killed_may_be_lost_or_failed(job: Path) -> None:
    facts = truth(job, 137, killed=True)
    for verdict, wrong in (
        ("runner_lost", set()),
        ("stage_failed", set()),
        ("success", {"verdict"}),
    ):
        record(job, verdict)
        assert kinds(*check_verdict(job, RUN, ["closed"], Plan(), facts)) == wrong


def half_line(job: Path) -> None:
    with (job / "logs/99_pipeline_1.log").open("a") as log:
        log.write("[t] [probe] [IN")


def line_twice(job: Path) -> None:
    (job / "logs/99_pipeline_2.log").write_text(f"[t] [probe] [INFO] {RUN} says 0\n")


def line_lost(job: Path) -> None:
    (job / "logs/99_pipeline_1.log").write_text("")


@pytest.mark.parametrize(
    ("spoil", "kind"), [(half_line, "torn"), (line_twice, "twice"), (line_lost, "twice")]
)
def test_logs_that_are_not_as_the_stage_wrote_are_found(
    job: Path, spoil: Callable[[Path], None], kind: str
) -> None:
    spoil(job)
    assert kind in kinds(*check_logs(job, [RUN], truth(job)))


def test_a_lost_result_is_found(job: Path) -> None:
    assert not [item for item in check_wreck(job, BEFORE) if item.kind == "lost"]
    (job / "50_probe/copy.txt").write_text("20261121-0800-0000\n")
    assert "lost" in kinds(*check_wreck(job, BEFORE))
    assert kinds(*check_result(job, BEFORE, 0)) == {"lost"}


def test_half_a_document_is_found(job: Path) -> None:
    (job / ".stagerun/digests.json").write_text('{"a": [')
    assert any("digests" in item.text for item in check_documents(job))


def test_the_pages_rows_are_added_up_while_the_runner_is_the_same() -> None:
    page = f"before\n{BEGIN}{END}after\n"
    one, two = (Figures(seed=seed, kills=20, steps={"a", "b"}, readoptions=5) for seed in (1, 2))
    page = with_figures(page, one, "abc", "here")
    page = with_figures(page, two, "abc", "here")
    total = next(line for line in page.splitlines() if line.startswith("| all"))
    assert total.split(" | ")[1:6] == ["40", "2", "0", "0", "10"]
    other = with_figures(page, two, "other", "here")
    assert (other.count("\n| 2 |"), other.count("\n| 1 |")) == (1, 0)
