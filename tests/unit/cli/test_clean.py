"""``stagerun clean``."""

import os
import threading
from dataclasses import replace
from pathlib import Path

from runner.cli.clean import command
from runner.cli.validate import command as validate
from runner.host.engine_fake import FakeContainer, FakeProcess
from runner.host.machine import ProcessIdentity
from runner.job.journal import journal_of
from runner.job.lock import stage_lock
from runner.run.left_containers import left_containers
from tests.unit.cli.bench import PROBE, Bench, copy_input, fail, write_manifest
from tests.unit.cli.test_status import begin_run


def run_ids(bench: Bench) -> set[str]:
    return {path.name for path in bench.job.runs()}


def clean(bench: Bench, *options: str) -> str:
    said = bench.say(command, bench.job.root, *options)
    assert said.code == 0, said.text
    return said.text


def test_a_clean_job_has_nothing_to_remove(bench: Bench) -> None:
    bench.run_all()
    assert clean(bench) == "nothing to clean\n"


def test_old_runs_are_shown_first_and_removed_on_request(bench: Bench) -> None:
    ids = [str(bench.run(force=True).run_id) for _ in range(5)]
    shown = clean(bench)
    assert [identifier in shown for identifier in ids] == [True, True, False, False, False]
    assert "would be freed; remove it with --yes" in shown
    assert run_ids(bench) == set(ids)
    assert clean(bench, "--yes").endswith("freed\n")
    assert run_ids(bench) == set(ids[2:])


def test_the_record_of_the_result_in_force_stays_however_old(bench: Bench) -> None:
    good = str(bench.run().run_id)
    bench.does(PROBE, fail)
    for _ in range(4):
        bench.run(force=True)
    clean(bench, "--yes")
    assert good in run_ids(bench)
    assert len(run_ids(bench)) == 4
    assert bench.say(validate, bench.job.root).code == 0


def test_the_previous_result_goes_only_when_asked_for(bench: Bench) -> None:
    bench.run()
    bench.does(PROBE, fail)
    bench.run(force=True)
    clean(bench, "--yes")
    assert bench.job.previous_folder(PROBE).is_dir()
    assert "the previous result" in clean(bench, "--previous")
    clean(bench, "--previous", "--yes")
    assert not bench.job.previous_folder(PROBE).exists()
    assert bench.entry()["good_is"] is None


def test_what_a_killed_runner_left_half_removed_goes(bench: Bench) -> None:
    bench.run()
    for place in (bench.job.root, bench.job.make_folder(bench.job.private / "previous")):
        folder = place / f".{PROBE}.removed.x1y2"
        folder.mkdir()
        (folder / "file").write_text("x" * 2000)
    failed = bench.job.previous_folder(PROBE).with_name(f"{PROBE}.failed")
    failed.mkdir()
    assert "4 kB would be freed" in clean(bench)
    clean(bench, "--yes")
    assert not list(bench.job.root.glob(".50_probe.*"))
    assert not list((bench.job.private / "previous").iterdir())


def leaves_scratch(process: FakeProcess) -> int:
    """Own up to scratch files, some of them not its own to give away."""
    code = copy_input(process)
    folder = process.path(f"/job/{PROBE}")
    (folder / "scratch.wav").write_text("scratch")
    (folder / "parts").mkdir()
    (folder / "parts" / "1.wav").write_text("part")
    (folder / "kept.wav").write_text("kept")
    paths = ("scratch.wav", "parts", "copy.txt", "manifest.json", "../input/text.txt", ".")
    scratch = [{"path": f"{PROBE}/{path}", "retained": False} for path in paths]
    scratch.append({"path": "input/text.txt", "retained": False})
    scratch.append({"path": f"{PROBE}/kept.wav", "retained": True})
    write_manifest(folder, intermediate_files=scratch)
    return code


def test_only_scratch_files_of_the_stage_itself_go(bench: Bench) -> None:
    bench.does(PROBE, leaves_scratch)
    assert bench.run().good
    clean(bench, "--yes")
    left = {path.name for path in (bench.job.root / PROBE).iterdir()}
    assert left == {"copy.txt", "kept.wav", "manifest.json", "stage.log"}
    assert (bench.job.input / "text.txt").exists()
    assert bench.say(validate, bench.job.root).code == 0


def test_scratch_behind_a_link_stays(bench: Bench, tmp_path: Path) -> None:
    bench.does(PROBE, leaves_scratch)
    bench.run()
    (bench.job.root / PROBE / "parts" / "1.wav").unlink()
    (bench.job.root / PROBE / "parts").rmdir()
    (tmp_path / "mine").mkdir()
    (bench.job.root / PROBE / "parts").symlink_to(tmp_path / "mine")
    clean(bench, "--yes")
    assert (tmp_path / "mine").is_dir()


def test_the_last_ten_pipeline_logs_stay(bench: Bench) -> None:
    for number in range(12):
        log = bench.job.logs / f"99_pipeline_{number}_1.log"
        log.touch()
        os.utime(log, (number, number))
    clean(bench, "--yes")
    left = {path.name for path in bench.job.logs.iterdir()}
    assert left == {f"99_pipeline_{number}_1.log" for number in range(2, 12)}


def test_a_stage_that_is_being_run_is_left_alone(bench: Bench) -> None:
    for _ in range(5):
        bench.run(force=True)
    before = run_ids(bench)
    with stage_lock(bench.job, PROBE):
        assert "left alone" in clean(bench)
        assert "left alone" in clean(bench, "--yes")
    assert run_ids(bench) == before


def test_a_stage_whose_runner_died_is_left_for_the_next_run(bench: Bench) -> None:
    for _ in range(5):
        bench.run(force=True)
    begin_run(bench.job, PROBE, ProcessIdentity.current())
    before = run_ids(bench)
    assert "left alone" in clean(bench, "--yes")
    assert run_ids(bench) == before


def left_container(bench: Bench, run_id: str, job: Path) -> FakeContainer:
    """A container whose removal had failed."""
    labels = {"org.stagerun.job": str(job), "org.stagerun.run": run_id}
    spec = replace(bench.engine.created[0].spec, name=f"left-{run_id}", labels=labels)
    left = FakeContainer(bench.engine, spec, copy_input)
    bench.engine.created.append(left)
    return left


def test_stopped_containers_of_runs_that_are_over_go(bench: Bench) -> None:
    left = left_container(bench, str(bench.run().run_id), bench.job.root)
    of_another = left_container(bench, "x", bench.job.root.with_name("another"))
    assert f"container {left.id}" in clean(bench)
    assert not any(item.removed for item in (left, of_another))
    shown = clean(bench, "--yes")
    assert [left.removed, of_another.removed] == [True, False], shown


def test_stopped_containers_of_a_job_that_is_gone_go(bench: Bench, tmp_path: Path) -> None:
    bench.run()
    left = left_container(bench, "x", tmp_path / "gone")
    found = left_containers(bench.engine)
    assert [(item.id, why) for item, why in found] == [(left.id, "its job is gone")]


def test_a_container_of_a_run_that_is_open_stays(bench: Bench) -> None:
    bench.run()
    begin_run(bench.job, PROBE, ProcessIdentity.current())
    (run_id,) = [
        path.name for path in bench.job.runs() if not journal_of(bench.job, path.name).is_closed
    ]
    left_container(bench, run_id, bench.job.root)
    assert list(left_containers(bench.engine)) == []


def test_a_container_that_runs_stays(bench: Bench, tmp_path: Path) -> None:
    bench.run()
    end = threading.Event()
    left = left_container(bench, "x", tmp_path / "gone")
    left = FakeContainer(bench.engine, left.spec, lambda _: int(end.wait(10)))
    bench.engine.created[-1] = left
    left.start()
    assert list(left_containers(bench.engine)) == []
    end.set()
    left.wait()


def test_the_document_says_what_would_go(bench: Bench) -> None:
    for _ in range(4):
        bench.run(force=True)
    document = bench.say(command, bench.job.root, "--json").document
    assert not document["removed"]
    (leftover,) = document["jobs"][0]["leftovers"]
    assert leftover["stage"] == PROBE
    assert leftover["size_bytes"] == document["size_bytes"] > 0
