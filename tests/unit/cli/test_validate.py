"""``stagerun validate``."""

import json
import os

from runner.cli.validate import command
from runner.host.engine_fake import FakeProcess
from runner.job.lock import stage_lock
from tests.unit.cli.bench import NEXT, PROBE, Bench, fail


def problems(bench: Bench, *stages: str) -> str:
    said = bench.say(command, bench.job.root, *stages)
    assert said.code == 3, said.text
    return said.text


def test_a_whole_job_holds(bench: Bench) -> None:
    bench.run_all()
    said = bench.say(command, bench.job.root)
    assert said.code == 0, said.text
    assert f"{PROBE}  result in force: 2 files" in said.text


def test_a_job_in_which_nothing_ran_holds(bench: Bench) -> None:
    assert bench.say(command, bench.job.root).code == 0


def test_a_change_that_keeps_size_and_times_is_found(bench: Bench) -> None:
    bench.run()
    file = bench.job.root / PROBE / "copy.txt"
    before = file.stat()
    file.write_text("jello\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert f"{PROBE}/copy.txt  was changed after the run" in problems(bench)


def test_a_file_that_is_gone_is_found(bench: Bench) -> None:
    bench.run()
    (bench.job.root / PROBE / "copy.txt").unlink()
    assert f"{PROBE}/copy.txt  is gone" in problems(bench)


def test_a_file_that_nobody_declared_is_found(bench: Bench) -> None:
    bench.run()
    (bench.job.root / PROBE / "more.txt").write_text("more")
    assert "declared nowhere" in problems(bench)


def test_a_link_in_the_place_of_a_result_is_found(bench: Bench) -> None:
    bench.run()
    file = bench.job.root / PROBE / "copy.txt"
    file.rename(bench.job.root / "copy.txt")
    file.symlink_to(bench.job.root / "copy.txt")
    assert "symbolic link" in problems(bench)


def test_a_manifest_that_no_runner_checked_is_found(bench: Bench) -> None:
    bench.run()
    manifest = bench.job.root / PROBE / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    assert f"{PROBE}/manifest.json  was changed" in problems(bench)


def test_a_damaged_record_is_found(bench: Bench) -> None:
    run_id = bench.run().run_id
    record = bench.job.run_folder(str(run_id)) / "record.json"
    record.write_text(record.read_text().replace('"reason"', '"raisin"'))
    assert f".stagerun/runs/{run_id}/record.json  does not hold" in problems(bench)


def test_a_damaged_job_manifest_is_found(bench: Bench) -> None:
    bench.run()
    bench.job.manifest_file.write_text("{")
    assert "manifest.json  does not hold what a runner writes" in problems(bench)


def test_a_job_manifest_that_disagrees_with_the_record_is_found(bench: Bench) -> None:
    bench.run()
    manifest = json.loads(bench.job.manifest_file.read_text())
    manifest["stages"][PROBE]["outputs"] = []
    bench.job.manifest_file.write_text(json.dumps(manifest))
    assert f"lists other outputs of {PROBE}" in problems(bench)


def test_a_result_made_of_an_earlier_input_is_found(bench: Bench) -> None:
    bench.run_all()
    (bench.job.input / "text.txt").write_text("other\n")
    assert f"which {PROBE} read, was changed" in problems(bench)
    bench.run()
    assert f"{NEXT} read an earlier version" in problems(bench)


def test_a_change_names_every_result_that_it_makes_stale(bench: Bench) -> None:
    bench.run_all()
    (bench.job.root / PROBE / "copy.txt").write_text("other\n")
    assert f"was changed after the run that wrote it; stale by it: {NEXT}" in problems(bench)
    (bench.job.input / "text.txt").write_text("other\n")
    assert f"stale by it: {PROBE}, {NEXT}" in problems(bench)


def test_only_the_stages_that_are_named_are_looked_at(bench: Bench) -> None:
    bench.run_all()
    (bench.job.root / NEXT / "copy.txt").unlink()
    assert bench.say(command, bench.job.root, "probe").code == 0
    assert problems(bench, "next")


def test_a_previous_result_that_is_kept_is_looked_at_where_it_waits(bench: Bench) -> None:
    bench.run()
    bench.does(PROBE, fail)
    bench.run(force=True)
    said = bench.say(command, bench.job.root)
    assert said.code == 0, said.text
    assert "previous result, kept: 2 files" in said.text
    (bench.job.previous_folder(PROBE) / "copy.txt").write_text("other")
    assert f".stagerun/previous/{PROBE}/copy.txt" in problems(bench)


def test_a_log_that_was_changed_after_its_run_is_found(bench: Bench) -> None:
    bench.run()
    assert bench.say(command, bench.job.root).code == 0
    (bench.job.root / PROBE / "stage.log").write_text("nothing happened\n")
    assert f"{PROBE}/stage.log  was changed" in problems(bench)


def test_the_log_of_a_failed_run_is_held_against_its_record_too(bench: Bench) -> None:
    bench.run()
    bench.does(PROBE, fails_and_logs)
    bench.run(force=True)
    (bench.job.root / PROBE / "stage.log").unlink()
    assert f"{PROBE}/stage.log  is gone" in problems(bench)


def fails_and_logs(process: FakeProcess) -> int:
    process.path(f"/job/{PROBE}/stage.log").write_text("it happened\n")
    return fail(process)


def test_a_path_that_leads_out_of_the_job_is_not_followed(bench: Bench) -> None:
    bench.run()
    text = bench.job.manifest_file.read_text()
    bench.job.manifest_file.write_text(
        text.replace(f"{PROBE}/copy.txt", f"{PROBE}/../../../copy.txt")
    )
    assert "lies outside its folder" in problems(bench)


def test_a_stage_that_is_being_run_is_left_alone(bench: Bench) -> None:
    bench.run()
    (bench.job.root / PROBE / "copy.txt").unlink()
    with stage_lock(bench.job, PROBE):
        said = bench.say(command, bench.job.root)
    assert said.code == 0
    assert "is being run" in said.text


def test_the_document_lists_every_finding(bench: Bench) -> None:
    bench.run()
    (bench.job.root / PROBE / "copy.txt").unlink()
    said = bench.say(command, bench.job.root, "--json")
    assert said.code == 3
    stage = next(item for item in said.document["checks"] if item["stage"] == PROBE)
    assert not said.document["holds"]
    assert not stage["holds"]
    assert {item["path"] for item in stage["findings"]} >= {f"{PROBE}/copy.txt"}
