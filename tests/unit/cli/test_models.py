"""``stagerun models``, and stages that need some."""

from pathlib import Path

import pytest

from runner.cli.models import command
from runner.cli.run import stage_command
from runner.host.engine_fake import FakeProcess
from tests.unit.cli.bench import PROBE, Bench, copy_input

SPEC = """\
    summary: Copies its input
    parent: base
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    config:
      ENGINE: {type: choice, of: [none, whisper], default: none, help: Who}
      SIZE: {type: str, default: small, help: How large}
    models: {whisper: {when: {ENGINE: whisper}, folder: "whisper/{SIZE}", files: [model.bin]}}
"""
SETTINGS = "workflows: {first: [50_probe/copy]}\nmodels: store\n"


@pytest.fixture(autouse=True)
def in_the_project(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.kit.spec(PROBE, SPEC)
    bench.kit.settings(SETTINGS)
    bench.have_image(PROBE)
    monkeypatch.chdir(bench.kit.root)


def weights(text: str = "weights") -> str:
    Path("model.bin").write_text(text)
    return "model.bin"


def set_engine(bench: Bench, size: str = "small") -> None:
    text = f"input: {{text: text.txt}}\nconfig: {{ENGINE: whisper, SIZE: {size}}}\n"
    (bench.job.root / "job.yaml").write_text(text)


def test_what_the_settings_do_not_ask_for_is_not_needed(bench: Bench) -> None:
    said = bench.say(command)
    assert (said.code, said.text) == (0, "no models: none is needed, and none is on record\n")


def test_a_missing_model_is_listed_with_what_it_takes(bench: Bench) -> None:
    set_engine(bench)
    said = bench.say(command, "out/job")
    assert said.code == 5
    rows = said.text.splitlines()
    assert rows[1].split() == ["whisper/small", PROBE, "missing"]
    assert "store/whisper/small must hold model.bin" in rows[2]
    assert "stagerun models add whisper/small PATH" in rows[2]


def test_a_stage_without_its_model_does_not_start(bench: Bench) -> None:
    set_engine(bench)
    said = bench.say(stage_command("probe"), "out/job")
    assert said.code == 5
    assert "stagerun models add whisper/small PATH" in said.text
    assert bench.engine.created == []


def test_an_added_model_is_complete_and_reaches_stage_record_and_manifest(bench: Bench) -> None:
    set_engine(bench)
    assert bench.say(command, "add", "whisper/small", weights()).code == 0
    said = bench.say(command, "out/job")
    assert (said.code, said.text.splitlines()[1].split()[:3]) == (
        0,
        ["whisper/small", PROBE, "complete"],
    )
    mounts = {}

    def look(process: FakeProcess) -> int:
        mounts.update({mount.target: mount.source for mount in process.spec.mounts})
        return copy_input(process)

    bench.does(PROBE, look)
    outcome = bench.run()
    assert outcome.good
    assert mounts["/models"] == str(bench.kit.root / "store")
    run = bench.job.run_folder(str(outcome.run_id))
    handed = (run / "request.json").read_text()
    assert '"folder": "/models/whisper/small"' in handed
    record = (run / "record.json").read_text()
    assert '"folder": "whisper/small"' in record


def test_another_model_makes_another_result(bench: Bench) -> None:
    set_engine(bench)
    bench.say(command, "add", "whisper/small", weights())
    first = bench.run().run_id
    assert bench.run().run_id == first
    (bench.kit.root / "store/whisper/small/model.bin").unlink()
    bench.say(command, "add", "whisper/small", weights("others"))
    assert bench.run().run_id != first


def test_a_model_that_was_changed_keeps_the_stage_from_starting(bench: Bench) -> None:
    set_engine(bench)
    bench.say(command, "add", "whisper/small", weights())
    (bench.kit.root / "store/whisper/small/model.bin").write_text("changed")
    said = bench.say(stage_command("probe"), "out/job")
    assert said.code == 5
    assert "is not the file that was added" in said.text
    assert bench.say(command, "out/job").code == 5


def test_verifying_compares_every_byte(bench: Bench) -> None:
    assert bench.say(command, "verify").text == "no model is on record\n"
    bench.say(command, "add", "a", weights())
    said = bench.say(command, "verify")
    assert (said.code, said.text) == (0, "a: 1 file as added\n")
    weights("changed")
    said = bench.say(command, "verify", "a")
    assert said.code == 5
    assert said.text.splitlines()[1] == "   model.bin  is not the file that was added"
    assert bench.say(command, "verify", "b").code == 2


def test_models_on_record_that_nothing_needs_are_listed_too(bench: Bench) -> None:
    bench.say(command, "add", "old", weights())
    document = bench.say(command, "--json").document
    (model,) = document["models"]
    assert (model["name"], model["stages"], model["problem"]) == ("old", [], None)
    assert "old    nothing" in bench.say(command).text


CHOICE = SPEC.replace("[model.bin]", "[model.bin, [list.json, list.txt]]")
LACKS = "whisper/small is incomplete: 50_probe also needs list.json or list.txt"


def test_a_model_without_a_file_says_so_when_it_is_added_and_verified(bench: Bench) -> None:
    bench.kit.spec(PROBE, CHOICE)
    added = bench.say(command, "add", "whisper/small", weights())
    assert (added.code, added.text.splitlines()[1]) == (0, LACKS)
    verified = bench.say(command, "verify")
    assert verified.code == 0
    assert verified.text.splitlines() == ["whisper/small: 1 file as added", LACKS]
    document = bench.say(command, "verify", "--json").document
    assert document["models"][0]["lacks"] == {PROBE: [["list.json", "list.txt"]]}
    Path("list.txt").touch()
    assert "incomplete" not in bench.say(command, "add", "whisper/small", "list.txt").text


def test_an_incomplete_model_is_missed_where_it_is_needed_only(bench: Bench) -> None:
    bench.kit.spec(PROBE, CHOICE)
    bench.say(command, "add", "whisper/small", weights())
    said = bench.say(command)
    assert said.code == 0
    assert said.text.splitlines()[1].split()[:3] == ["whisper/small", "nothing", "incomplete"]
    assert said.text.splitlines()[2] == LACKS
    set_engine(bench)
    said = bench.say(command, "out/job")
    assert said.code == 5
    assert said.text.splitlines()[1].split()[:3] == ["whisper/small", PROBE, "incomplete"]
    assert "store/whisper/small lacks list.json or list.txt." in said.text
    assert "must hold model.bin, list.json or list.txt." in said.text
    assert LACKS not in said.text
    assert bench.say(stage_command("probe"), "out/job").code == 5
    assert bench.engine.created == []


@pytest.mark.parametrize("name", ["../x", "/x", "a//b", "", "a/../b", ".hidden", "a/", "."])
def test_a_name_that_leads_elsewhere_is_refused(bench: Bench, name: str) -> None:
    said = bench.say(command, "add", name, weights())
    assert said.code == 2
    assert "is no name for a model" in said.text


def test_a_setting_that_leads_out_of_the_store_is_refused(bench: Bench) -> None:
    set_engine(bench, size="../../etc")
    said = bench.say(stage_command("probe"), "out/job")
    assert said.code == 2
    assert "plain path below the store" in said.text


@pytest.mark.parametrize(
    "words", [("add",), ("add", "a"), ("add", "a", "b", "c"), ("verify", "a", "b"), ("a", "b")]
)
def test_other_words_are_answered_with_the_usage(bench: Bench, words: tuple[str, ...]) -> None:
    said = bench.say(command, *words)
    assert said.code == 2
    assert "stagerun models add NAME PATH" in said.text


def test_without_a_store_the_setting_is_named(bench: Bench) -> None:
    bench.kit.settings("workflows: {first: [50_probe/copy]}\n")
    set_engine(bench)
    for words in (("add", "a", weights()), ("verify",)):
        said = bench.say(command, *words)
        assert (said.code, "models: FOLDER" in said.text) == (2, True)
    said = bench.say(command, "out/job")
    assert (said.code, "models: FOLDER" in said.text) == (5, True)
