"""Which files a stage gets, and what is said when there are none."""

import json
from pathlib import Path
from typing import Any

import pytest

from runner.errors import Verdict
from runner.host.engine_fake import FakeProcess
from runner.job.folder import Job
from tests.project_kit import STAGE_YAML
from tests.unit.run.conftest import LAST, NEXT, PROBE, Place, copy, copy_of, fail, record_of


def reads(place: Place, stage: str, source: str) -> None:
    place.kit.spec(stage, STAGE_YAML.format(source=source))
    place.build()


def request(job: Job, run_id: str | None) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (job.run_folder(str(run_id)) / "request.json").read_text()
    )
    return document


def refusal(place: Place, job: Job, stage: str = PROBE) -> str:
    outcome = place.run(job, stage)
    assert (outcome.verdict, outcome.exit_code) == (Verdict.INPUT_MISSING, 4)
    assert not job.stage_folder(stage).exists()
    return place.said(stage)


def test_a_stage_gets_its_input_with_size_and_digest(place: Place, job: Job) -> None:
    document = request(job, place.run(job).run_id)
    (file,) = document["inputs"]["text"]
    assert (file["path"], file["size_bytes"]) == ("input/text.txt", 6)
    assert file["checksum"].startswith("sha256:")
    assert document["stages"] == [PROBE, NEXT, LAST]
    assert document["skipped"] == [PROBE, NEXT, LAST]
    assert document["outputs"]["copy"] == {"file": "copy.txt", "type": "text", "optional": False}


def test_the_first_alternative_that_the_job_has_is_taken(place: Place, job: Job) -> None:
    reads(place, LAST, f"[04_absent/copy, {NEXT}/copy, {PROBE}/copy]")
    place.run(job)
    document = request(job, place.run(job, LAST).run_id)
    assert document["inputs"]["text"][0]["path"] == f"{PROBE}/copy.txt"
    place.run(job, NEXT)
    document = request(job, place.run(job, LAST).run_id)
    assert document["inputs"]["text"][0]["path"] == f"{NEXT}/copy.txt"
    assert document["skipped"] == []


def test_an_alternative_that_is_switched_off_is_passed_over(place: Place, job: Job) -> None:
    reads(place, LAST, f"[{NEXT}/copy, {PROBE}/copy]")
    place.run(job)
    place.run(job, NEXT)
    with job.file.open("a") as file:
        file.write(f"stages: {{{NEXT}: {{enabled: false}}}}\n")
    document = request(job, place.run(job, LAST).run_id)
    assert document["inputs"]["text"][0]["path"] == f"{PROBE}/copy.txt"
    assert NEXT in document["skipped"]


def test_an_alternative_that_failed_is_not_passed_over_in_silence(place: Place, job: Job) -> None:
    reads(place, LAST, f"[{NEXT}/copy, {PROBE}/copy]")
    place.run(job)
    place.programs[NEXT] = fail
    place.run(job, NEXT)
    assert f"the last run of {NEXT} ended stage failed" in refusal(place, job, LAST)


def test_an_optional_input_may_be_absent(place: Place, job: Job) -> None:
    reads(place, NEXT, "input/text\n  more: {from: 50_probe/copy, optional: true}")
    document = request(job, place.run(job, NEXT).run_id)
    assert document["inputs"]["more"] == []


def test_a_stage_whose_upstream_never_ran_says_what_to_run_first(place: Place, job: Job) -> None:
    said = refusal(place, job, NEXT)
    assert f"{NEXT} reads {PROBE}/copy, and none of it is there yet" in said
    assert f"stagerun {PROBE} {job.root}" in said
    assert f"stagerun run {job.root}" in said


def test_an_input_that_the_job_file_does_not_name_is_explained(place: Place, job: Job) -> None:
    job.file.write_text("input: {}\n")
    said = refusal(place, job)
    assert "names no such file" in said
    assert "input: {text: FILE}" in said


def test_an_input_that_is_not_there_is_named_with_its_place(place: Place, job: Job) -> None:
    (job.input / "text.txt").unlink()
    assert f"{job.input}/text.txt is not there" in refusal(place, job)


@pytest.mark.parametrize("name", ["../job.yaml", "/etc/hostname", "a/../../job.yaml"])
def test_an_input_outside_the_jobs_inputs_is_refused(place: Place, job: Job, name: str) -> None:
    job.file.write_text(f"input: {{text: {name}}}\n")
    assert place.run(job).exit_code == 2
    assert "inside the job's folder input/" in place.said()
    assert place.engine.created == []


@pytest.mark.parametrize("name", ["link.txt", "folder/text.txt"])
def test_an_input_behind_a_link_is_refused_since_the_container_could_not_follow(
    place: Place, job: Job, tmp_path: Path, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "text.txt").write_text("x")
    (job.input / "link.txt").symlink_to(elsewhere / "text.txt")
    (job.input / "folder").symlink_to(elsewhere)
    job.file.write_text(f"input: {{text: {name}}}\n")
    assert "over a symbolic link" in refusal(place, job)


def test_an_input_in_a_folder_of_the_inputs_is_as_good(place: Place, job: Job) -> None:
    (job.input / "sub").mkdir()
    (job.input / "text.txt").rename(job.input / "sub" / "text.txt")
    job.file.write_text("input: {text: sub/text.txt}\n")
    assert place.run(job).verdict is Verdict.SUCCESS


def test_a_reference_that_leads_nowhere_is_refused(place: Place, job: Job, tmp_path: Path) -> None:
    job.file.write_text(f"input: {{text: text.txt}}\nreferences: {{text: {tmp_path}/gone}}\n")
    assert f"{tmp_path}/gone is not there" in refusal(place, job)


def test_a_reference_that_leads_round_in_circles_is_refused(
    place: Place, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "circle").symlink_to("circle")
    job.file.write_text(f"input: {{text: text.txt}}\nreferences: {{text: {tmp_path}/circle}}\n")
    assert f"{tmp_path}/circle is a symbolic link that leads to no file" in refusal(place, job)


def test_an_input_that_leads_round_in_circles_by_the_end_of_a_run_counts_as_changed(
    place: Place, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "film").write_text("moving")
    (link := tmp_path / "link").symlink_to("film")
    job.file.write_text(f"input: {{text: text.txt}}\nreferences: {{text: {link}}}\n")

    def lead_round_in_circles(process: FakeProcess) -> int:
        link.unlink()
        link.symlink_to("link")
        return copy(process)

    place.programs[PROBE] = lead_round_in_circles
    assert place.run(job).verdict is Verdict.SUCCESS
    assert "input/text.txt was changed while the stage ran" in place.said()


def test_a_reference_without_its_placeholder_is_refused(
    place: Place, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "film").write_text("")
    job.file.write_text(f"input: {{text: gone.txt}}\nreferences: {{text: {tmp_path}/film}}\n")
    assert f"{job.input}/gone.txt is not there" in refusal(place, job)


@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda path: path.write_text("tampered"), "was changed after the run that wrote it"),
        (Path.unlink, "is gone"),
        (lambda path: path.rename(path.with_name("x")), "is gone"),
    ],
)
def test_an_output_that_is_not_the_one_on_record_is_not_read(
    place: Place, job: Job, spoil: Any, problem: str
) -> None:
    place.run(job)
    spoil(job.stage_folder(PROBE) / "copy.txt")
    said = refusal(place, job, NEXT)
    assert problem in said
    assert f"Run {PROBE} again" in said


def test_a_pattern_hands_all_its_files_on(place: Place, job: Job) -> None:
    text = STAGE_YAML.format(source="input/text").replace("copy.txt", '"*.txt"')
    place.kit.spec(PROBE, text)
    place.build()
    place.run(job)
    document = request(job, place.run(job, NEXT).run_id)
    assert [file["path"] for file in document["inputs"]["text"]] == [f"{PROBE}/copy.txt"]
    assert copy_of(job, NEXT) == "hello\n"


def test_an_input_changed_while_its_stage_ran_is_told_and_the_stage_runs_again(
    place: Place, job: Job
) -> None:
    def changes(process: FakeProcess) -> int:
        code = copy(process)
        (job.input / "text.txt").write_text("other\n")
        return code

    place.programs[PROBE] = changes
    first = place.run(job)
    (warning,) = record_of(job, first.run_id)["warnings"]
    assert warning.startswith("input/text.txt was changed while the stage ran")
    place.programs[PROBE] = copy
    assert place.run(job).run_id != first.run_id
    assert copy_of(job) == "other\n"
