"""``stagerun why``."""

import json
from typing import NoReturn

import pytest

from runner.cli import logs
from runner.cli.why import command
from runner.errors import EngineUnavailableError, GpuUnavailableError
from runner.gpu.peaks import Peak, learn
from runner.host.engine_fake import FakeEngine, FakeProcess
from runner.host.gpu import Inventory
from runner.project.config import NO_JOB, parse_limits, resolve_limits
from runner.project.stage import Resources
from runner.run.gpu_request import notes_folder
from runner.run.request import RunOptions, resolve
from tests.unit.cli.bench import NEXT, PROBE, Bench, copy_input, fail
from tests.unit.gpu.kit import GIB, gpu

SPEC = """\
    summary: Copies its input
    parent: base
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    config:
      WIDTH: {type: int, default: 5, help: How wide}
      HEIGHT: {type: int, default: 5, help: How high}
"""


class SilentEngine(FakeEngine):
    """An engine that does not answer."""

    def image(self, name: str) -> NoReturn:
        msg = f"no engine answers for {name}"
        raise EngineUnavailableError(msg)


def why(bench: Bench, stage: str = PROBE, *options: str) -> str:
    return bench.say(command, stage, bench.job.root, *options).text


def test_a_stage_that_never_ran_would_run(bench: Bench) -> None:
    assert why(bench).startswith("would run: it has not run yet")


def test_a_result_that_is_still_good_is_up_to_date(bench: Bench) -> None:
    run_id = bench.run().run_id
    first, unchanged, *_ = why(bench).splitlines()
    assert first == f"up to date: same inputs, image and settings as run {run_id}"
    assert unchanged.startswith("unchanged: image sha256:")
    assert "input input/text.txt" in unchanged


def test_a_changed_setting_is_named_with_both_values_and_its_place(bench: Bench) -> None:
    bench.kit.spec(PROBE, SPEC)
    bench.have_image(PROBE)
    bench.run(overrides={"WIDTH": "1"})
    first, unchanged, *_ = why(bench).splitlines()
    place = f"default in stages/{PROBE}/stage.yaml"
    assert first == f"would run again: setting WIDTH was 1, is 5 ({place})"
    assert "1 setting" in unchanged


def test_a_result_of_mounted_code_is_not_taken_for_the_images(bench: Bench) -> None:
    bench.run(dev=True)
    assert why(bench).startswith("would run again: it ran with --dev, with the code mounted")


def test_every_difference_is_told_the_image_first(bench: Bench) -> None:
    bench.run()
    bench.have_image(PROBE)
    name = next(name for name in bench.engine.images if PROBE in name)
    bench.engine.images["another"] = bench.engine.images[name]
    bench.have_image(PROBE)
    (bench.job.input / "text.txt").write_text("other\n")
    first, second, *_ = why(bench).splitlines()
    assert first.startswith(f"would run again: image {name} was sha256:")
    assert second == "also: input input/text.txt has changed"


def test_a_result_that_somebody_changed_would_be_made_again(bench: Bench) -> None:
    bench.run()
    (bench.job.root / PROBE / "copy.txt").write_text("other\n")
    assert "was changed after the run that wrote it" in why(bench)


def test_a_result_that_no_runner_checked_is_called_so(bench: Bench) -> None:
    bench.run()
    manifest = bench.job.root / PROBE / "manifest.json"
    manifest.write_text(manifest.read_text() + "\n")
    assert "was written outside the runner" in why(bench)


def test_a_stage_that_is_switched_off_would_be_skipped(bench: Bench) -> None:
    with bench.job.file.open("a") as file:
        file.write("stages: {50_probe: {enabled: false}}\n")
    assert why(bench).startswith("would be skipped")


def test_a_missing_image_or_input_says_what_to_do(bench: Bench) -> None:
    assert "Run it first: stagerun 50_probe" in why(bench, NEXT)
    bench.engine.images.clear()
    text = why(bench)
    assert text.startswith("would not run: the image")
    assert "stagerun build" in text


def test_a_failure_is_told_with_reason_evidence_and_what_is_kept(bench: Bench) -> None:
    bench.run()
    bench.does(PROBE, fail)
    run_id = bench.run(force=True).run_id
    text = why(bench)
    assert text.startswith("would run again: the last run ended badly: the stage failed")
    assert f"last run {run_id}: the stage failed" in text
    assert "is damaged" in text
    assert "\x1b" not in text
    assert "evidence: exit code 3" in text
    assert "evidence: the stage's manifest: failed" in text
    assert f"stagerun restore {PROBE}" in text
    assert f"record: {bench.job.root}/.stagerun/runs/{run_id}/record.json" in text


def test_findings_are_listed(bench: Bench) -> None:
    bench.run()

    def nothing(_: object) -> int:
        return 0

    bench.does(PROBE, nothing)
    bench.run(force=True)
    assert "there is no manifest.json" in why(bench)


def test_overheads_are_told_on_request(bench: Bench) -> None:
    bench.run()
    assert "overhead validate" not in why(bench)
    assert "overhead validate" in why(bench, PROBE, "-v")


def test_a_run_that_never_started_says_why(bench: Bench) -> None:
    bench.engine.start_error = GpuUnavailableError("no device driver")
    bench.run()
    text = why(bench)
    assert "no device driver" in text
    assert "the container never started" in text.lower()


def test_without_an_engine_the_last_ending_is_still_told(bench: Bench) -> None:
    bench.run()

    bench.engine = SilentEngine()
    text = why(bench)
    assert text.startswith("whether it would run again cannot be told: no engine answers")
    assert "last run" in text


def fails_first(bench: Bench, text: str) -> list[str]:
    """A stage with that rule, whose first attempt fails; the ids of its two runs."""
    calls = iter("first")
    bench.kit.spec(PROBE, f"{SPEC}    {text}\n")
    bench.have_image(
        PROBE, lambda process: fail(process) if next(calls) == "f" else copy_input(process)
    )
    last = bench.run().run_id
    first = next(folder.name for folder in bench.job.runs() if folder.name != last)
    return [first, str(last)]


def test_every_attempt_is_told_with_what_was_changed(bench: Bench) -> None:
    first, last = fails_first(bench, "retry: {on: stage_failed, wait: 0, set: {WIDTH: halve}}")
    lines = why(bench).splitlines()
    assert lines[0] == f"up to date: same inputs, image and settings as run {last}"
    assert "   attempt 2 of 3, with WIDTH 2 instead of 5" in lines
    assert f"     attempt 1, run {first}: the stage failed" in lines
    (last_run,) = [bench.say(command, PROBE, bench.job.root, "--json").document["last_run"]]
    assert last_run["attempt"]["number"] == 2
    assert last_run["earlier"] == [{"number": 1, "run_id": first, "verdict": "stage_failed"}]


def test_the_log_of_each_attempt_can_be_read(bench: Bench) -> None:
    def stage(process: FakeProcess) -> int:
        code = copy_input(process) if bench.engine.created[1:] else fail(process)
        log = process.path(f"/job/{PROBE}/stage.log")
        log.write_text(f"attempt {len(bench.engine.created)}\n")
        return code

    bench.kit.spec(PROBE, f"{SPEC}    retry: {{on: stage_failed, wait: 0}}\n")
    bench.have_image(PROBE, stage)
    last = bench.run().run_id
    first = next(folder.name for folder in bench.job.runs() if folder.name != last)
    shown = [
        bench.say(logs.command, PROBE, bench.job.root, "--run", run_id).text
        for run_id in (first, str(last))
    ]
    assert shown == ["attempt 1\n", "attempt 2\n"]


def test_the_document_holds_the_ending_and_the_prospect(bench: Bench) -> None:
    run_id = bench.run().run_id
    document = bench.say(command, PROBE, bench.job.root, "--json").document
    assert document["now"]["answer"] == "up_to_date"
    assert document["last_run"]["run_id"] == run_id
    assert document["last_run"]["verdict"] == "success"


@pytest.mark.parametrize("words", [(), (PROBE,), (PROBE, "x", "y")])
def test_the_usage_is_said_when_words_are_missing(bench: Bench, words: tuple[str, ...]) -> None:
    said = bench.say(command, *words)
    assert said.code == 2
    assert "why STAGE JOB" in said.text


def test_what_is_asked_of_the_gpus_its_source_and_what_was_taken_are_shown(bench: Bench) -> None:
    bench.kit.spec(PROBE, f"{SPEC}    gpu: required\n")
    bench.have_image(PROBE)
    bench.inventory = Inventory(gpus=(gpu(0),))
    assert "GPU: would ask for a GPU without other runs: nothing is known of its need" in why(bench)
    limits = parse_limits({"gpu_memory": "6GiB"})
    bench.run(limits=limits)
    bench.kit.settings(f"stages: {{{PROBE}: {{gpu_memory: 6GiB}}}}\n")
    said = why(bench)
    assert "GPU: would ask for 6 GiB (" in said
    assert "GPU: GPU-0 (Fake), 6 GiB reserved (option)" in said
    document = json.loads(why(bench, PROBE, "--json"))
    assert document["now"]["gpu"]["asked"] == 6 * GIB
    assert document["last_run"]["gpu"]["memory_bytes"] == [6 * GIB]


def test_a_peak_that_was_learnt_is_asked_for_with_a_margin(bench: Bench) -> None:
    bench.kit.spec(PROBE, f"{SPEC}    gpu: required\n")
    bench.have_image(PROBE)
    bench.inventory = Inventory(gpus=(gpu(0),))
    stage, sharing = bench.project.stages[PROBE], bench.project.settings.gpu
    limits = resolve_limits(stage, bench.project, NO_JOB, Resources(), "main")
    request = resolve(stage, bench.project, bench.job, bench.host, RunOptions())
    assert request.gpu is not None
    learn(notes_folder(sharing), request.gpu.key, "Fake", Peak(bytes=2 * GIB, run_id="run-1"))
    assert limits.values.gpu_memory is None
    said = why(bench)
    assert "would ask for 2.55 GiB (learnt from run run-1); earlier runs took at most 2 GiB" in said
