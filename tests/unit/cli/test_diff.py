"""``stagerun diff``."""

from pathlib import Path

import pytest

from runner.cli.diff import command
from runner.job.folder import open_job
from runner.manifest import RunRecord
from runner.project.stage import Resources
from runner.run.comparison import compare_runs
from tests.unit.cli.bench import NEXT, PROBE, Bench, copy_input, fail

SPEC = """\
    summary: Copies its input
    parent: base
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    config: {WIDTH: {type: int, default: 5, help: How wide}}
"""


def record(bench: Bench, run_id: str | None) -> RunRecord:
    path = bench.job.run_folder(str(run_id)) / "record.json"
    return RunRecord.model_validate_json(path.read_bytes())


def shown(bench: Bench, *words: str | Path) -> dict[str, str]:
    """The rows that differ, by what they are about."""
    said = bench.say(command, *words)
    assert said.code == 0, said.text
    rows = said.text.partition("\n\n")[2].splitlines()[1:-1]
    return {row.split("  ")[0]: row for row in rows}


def test_two_equal_runs_differ_in_nothing(bench: Bench) -> None:
    first, second = (bench.run(force=True).run_id for _ in range(2))
    said = bench.say(command, str(first), str(second), "--job", bench.job.root)
    assert "nothing differs" in said.text
    equal = said.text.splitlines()[-1]
    assert equal.startswith("equal: stage, verdict, ")
    assert "1 input, " in equal
    assert "1 output" in equal


def test_settings_limits_inputs_and_outputs_are_named_with_both_values(bench: Bench) -> None:
    bench.kit.spec(PROBE, SPEC)
    bench.have_image(PROBE)
    bench.run()
    other = open_job(bench.kit.job("other", text="bye\n"))
    a = bench.job.root / PROBE
    bench.job = other
    bench.run(overrides={"WIDTH": "1"}, limits=Resources(memory=64 << 20))
    rows = shown(bench, a, other.root / PROBE)
    assert list(rows) == ["setting WIDTH", "input text", "limit memory", "output copy"]
    assert rows["setting WIDTH"].split()[2] == "5"
    assert "1 (--set)" in rows["setting WIDTH"]
    assert rows["limit memory"].split()[2:] == ["2", "GiB", "64", "MiB"]
    assert rows["output copy"].count("sha256:") == 2


def test_a_changed_image_and_mounted_code_are_seen(bench: Bench) -> None:
    first = bench.run().run_id
    bench.kit.code(PROBE, "print('changed')")
    second = bench.run(dev=True).run_id
    bench.have_image(PROBE, labels={})
    rows = shown(bench, str(first), str(second), "--job", bench.job.root)
    assert "the image's" in rows["code"]
    assert "as on disk sha256:" in rows["code"]


def test_a_failure_is_told_with_its_reason_and_missing_outputs(bench: Bench) -> None:
    first = bench.run().run_id
    bench.does(PROBE, fail)
    bench.run(force=True)
    rows = shown(bench, str(first), PROBE, "--job", bench.job.root)
    assert rows["verdict"].split()[1:] == ["success", "stage_failed"]
    assert rows["exit code"].split()[2:] == ["0", "3"]
    assert rows["output copy"].endswith("not there")


def test_json_has_the_values_themselves(bench: Bench) -> None:
    first, second = (bench.run(force=True).run_id for _ in range(2))
    document = bench.say(
        command, str(first), str(second), "--job", bench.job.root, "--json"
    ).document
    assert document["a"]["run_id"] == first
    assert document["differences"] == []
    equal = {(item["kind"], item["name"]): item["value"] for item in document["equal"]}
    assert equal["limit", "memory"] == 128 << 20
    assert equal["output", "copy"]["checksum"].startswith("sha256:")


@pytest.mark.parametrize(("a", "b", "same"), [(10.0, 10.9, True), (10.0, 12.0, False)])
def test_measured_values_that_are_about_the_same_count_as_equal(
    bench: Bench, a: float, b: float, same: bool
) -> None:
    known = record(bench, bench.run().run_id)
    found = compare_runs(
        known.model_copy(update={"duration_seconds": a}),
        known.model_copy(update={"duration_seconds": b}),
    )
    assert [item.name for item in found.differences] == ([] if same else ["duration seconds"])


def test_a_fraction_of_a_second_is_no_difference(bench: Bench) -> None:
    known = record(bench, bench.run().run_id)
    later = known.model_copy(update={"duration_seconds": known.duration_seconds + 0.15})
    assert compare_runs(known, later).differences == ()


def test_runs_of_two_stages_can_be_compared(bench: Bench) -> None:
    bench.does(NEXT, copy_input)
    bench.run_all()
    rows = shown(bench, bench.job.root / PROBE, bench.job.root / NEXT)
    assert rows["stage"].split()[1:] == [PROBE, NEXT]


def test_every_way_to_name_a_run_leads_to_the_same(bench: Bench) -> None:
    run_id = str(bench.run().run_id)
    folder = bench.job.run_folder(run_id)
    words = (folder, folder / "record.json", bench.job.root / PROBE, bench.job.root / "probe")
    for word in words:
        said = bench.say(command, word, run_id, "--job", bench.job.root, "--json")
        assert said.document["a"]["run_id"] == run_id


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("20261121-0914-dead", "no run of"),
        ("nowhere/20261121-0914-dead", "is no run. Name a run by its folder"),
        (f"{NEXT}", "no stage that has run there"),
    ],
)
def test_what_is_no_run_is_refused_with_how_to_name_one(
    bench: Bench, word: str, sentence: str
) -> None:
    run_id = str(bench.run().run_id)
    said = bench.say(command, run_id, word, "--job", bench.job.root)
    assert said.code == 2
    assert sentence in said.text


@pytest.mark.parametrize(
    ("content", "sentence"), [(None, "there is no record"), ("{", "cannot be read")]
)
def test_a_record_that_is_missing_or_damaged_is_refused(
    bench: Bench, content: str | None, sentence: str
) -> None:
    run_id = str(bench.run().run_id)
    path = bench.job.run_folder(run_id) / "record.json"
    path.unlink()
    if content is not None:
        path.write_text(content)
    said = bench.say(command, run_id, run_id, "--job", bench.job.root)
    assert (said.code, sentence in said.text) == (2, True)
