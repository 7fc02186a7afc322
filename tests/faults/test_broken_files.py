"""Files that people write, with mistakes in them: each is told with file, line and column."""

from pathlib import Path

import pytest

from runner.errors import SpecError
from runner.project.pipeline import load_project
from tests.faults.calls import call
from tests.project_kit import STAGE_YAML, Kit

GOOD_STAGE = STAGE_YAML.format(source="input/text")

MULTIPLYING = "summary: &k0 [x, x]\n" + "".join(
    f"k{n + 1}: &k{n + 1} [{', '.join([f'*k{n}'] * 4)}]\n" for n in range(20)
)
BROKEN_STAGES = {
    "misspelt key": (
        GOOD_STAGE.replace("summary:", "sumary:"),
        "stage.yaml, line 1, column 1: there is no key 'sumary' here; did you mean 'summary'?",
    ),
    "misspelt key further in": (
        GOOD_STAGE.replace("memory:", "memmory:"),
        "line 7, column 22: there is no key 'memmory' here; did you mean 'memory'?",
    ),
    "missing key": (
        GOOD_STAGE.replace("summary: Copies its input\n", ""),
        "the key 'summary' is missing",
    ),
    "value of another kind": (
        GOOD_STAGE.replace("128MiB", "much"),
        "line 7, column 22: resources.memory: 'much' is no size",
    ),
    "value below its range": (GOOD_STAGE.replace("pids: 64", "pids: 0"), "line 7, column 50"),
    "no YAML": (GOOD_STAGE + "config: {KEY: [}\n", "line 8, column 16: this is not YAML"),
    "a tab": (GOOD_STAGE + "config:\n\tKEY: 1\n", "line 9, column 1: this is not YAML"),
    "a key twice": (GOOD_STAGE + "parent: asr\n", "line 8: the key 'parent' is there twice"),
    "a list": ("- one\n- two\n", "the file must hold keys and values"),
    "empty": ("", "the key 'summary' is missing"),
    "a word": ("summary", "the file must hold keys and values"),
    "null byte": ("summary: \0\n", "this is not YAML"),
    "reference to itself": ("summary: &a [*a]\n", "leads back to itself"),
    "references that multiply": (MULTIPLYING, "aliases (*) multiply them"),
    "brackets without end": ("[" * 100_000, "nested too deep"),
    "output outside the folder": (
        GOOD_STAGE.replace("file: copy.txt", "file: ../copy.txt"),
        "'../copy.txt' must be a name or pattern inside the stage's folder",
    ),
    "key in small letters": (
        GOOD_STAGE + "config: {speed: {type: int, help: How fast}}\n",
        "configuration keys are written in capitals: 'speed' is not",
    ),
}


@pytest.mark.parametrize("kind", BROKEN_STAGES)
def test_a_mistake_in_stage_yaml_is_told_with_its_place(kit: Kit, kind: str) -> None:
    text, message = BROKEN_STAGES[kind]
    kit.spec("50_probe", text)

    with pytest.raises(SpecError) as refused:
        load_project(kit.root)

    assert refused.value.exit_code == 2
    assert "stages/50_probe/stage.yaml" in str(refused.value)
    assert message in str(refused.value)


def test_a_mistake_in_stage_yaml_reaches_the_command_line_and_changes_nothing(kit: Kit) -> None:
    job = kit.job()
    kit.spec("50_probe", BROKEN_STAGES["misspelt key"][0])

    outcome = call(kit, job)

    assert outcome.code == 2, outcome.text
    assert BROKEN_STAGES["misspelt key"][1] in outcome.text
    assert sorted(path.name for path in job.iterdir()) == ["input", "job.yaml"]


def test_a_stage_yaml_that_is_no_text_is_told_with_its_place(kit: Kit) -> None:
    (kit.root / "stages/50_probe/stage.yaml").write_bytes(b"summary: \xff\xfe\n")

    with pytest.raises(SpecError, match=r"is not UTF-8 text \(byte 9\)"):
        load_project(kit.root)


def test_an_input_that_no_stage_provides_is_told_with_a_suggestion(kit: Kit) -> None:
    kit.spec("51_next", STAGE_YAML.format(source="50_probe/copi"))

    with pytest.raises(SpecError, match=r"declares no such output; did you mean 50_probe/copy\?"):
        load_project(kit.root)


def test_stages_that_wait_for_each_other_are_named(kit: Kit) -> None:
    kit.spec("50_probe", STAGE_YAML.format(source="52_last/copy"))

    with pytest.raises(SpecError, match="wait for each other"):
        load_project(kit.root)


BROKEN_JOBS = {
    "misspelt key": (
        "inputs: {text: text.txt}\n",
        "job.yaml, line 1, column 1: there is no key 'inputs' here; did you mean 'input'?",
    ),
    "misspelt limit": (
        "input: {text: text.txt}\nstages: {50_probe: {memmory: 1GiB}}\n",
        "line 2, column 21: there is no key 'memmory' here; did you mean 'memory'?",
    ),
    "no YAML": ("input: {text: text.txt\n", "this is not YAML"),
    "a key twice": (
        "input: {text: text.txt}\ninput: {text: text.txt}\n",
        "line 2: the key 'input' is there twice",
    ),
    "another shape": ("input: [text.txt]\n", "line 1, column 1: input"),
    "reference to itself": ("input: &a {text: *a}\n", "leads back to itself"),
    "unknown configuration key": (
        "input: {text: text.txt}\nconfig: {SPED: 3}\n",
        "SPED",
    ),
    "unknown stage": ("input: {text: text.txt}\nstages: {50_prob: {}}\n", "50_prob"),
    "a file outside input": ("input: {text: ../job.yaml}\n", "../job.yaml"),
}


@pytest.mark.parametrize("kind", BROKEN_JOBS)
def test_a_mistake_in_job_yaml_is_told_with_its_place(kit: Kit, kind: str) -> None:
    text, message = BROKEN_JOBS[kind]
    job = kit.job()
    (job / "job.yaml").write_text(text)

    outcome = call(kit, job)

    assert outcome.code in {2, 4}, outcome.text
    assert "job.yaml" in outcome.text
    assert message in outcome.text
    assert not (job / "50_probe").exists()


def test_a_mistake_in_stagerun_yaml_is_told_with_its_place(kit: Kit) -> None:
    kit.settings("limits: {stages_at_once: none}\n")

    outcome = call(kit, kit.job())

    assert outcome.code == 2, outcome.text
    assert "stagerun.yaml, line 1, column 10: limits.stages_at_once" in outcome.text


def test_a_misspelt_stage_is_told_with_a_suggestion(kit: Kit) -> None:
    finished = kit.run("50_prob", kit.job(), "--dev")

    assert finished.returncode == 2
    assert "50_probe" in finished.stderr
    assert "did you mean" in finished.stderr.lower()


def test_a_job_manifest_that_is_damaged_is_told_and_left_alone(kit: Kit) -> None:
    job = kit.job()
    (job / "manifest.json").write_text('{"stages": {')

    finished = kit.run("50_probe", job, "--dev")

    assert finished.returncode == 2, finished.stderr
    assert "manifest.json cannot be read" in finished.stdout + finished.stderr
    assert "Traceback" not in finished.stderr
    assert (job / "manifest.json").read_text() == '{"stages": {'


DAMAGE = [
    "[]",
    '{"stages": []}',
    '{"stages": {"50_probe": 5}}',
    '{"stages": {"50_probe": {}}}',
    "5",
]


@pytest.mark.parametrize("text", DAMAGE)
def test_a_job_manifest_of_another_shape_is_told(kit: Kit, text: str) -> None:
    job = kit.job()
    (job / "manifest.json").write_text(text)

    finished = kit.run("50_probe", job, "--dev")

    assert "Traceback" not in finished.stderr, finished.stderr
    assert finished.returncode == 2, finished.stdout
    assert "manifest.json" in finished.stdout + finished.stderr


@pytest.mark.engine
def test_a_torn_cache_of_digests_is_no_trouble(real_kit: Kit, job: Path) -> None:
    for text in ("{", "[]", '{"x": 5}', "null"):
        (job / ".stagerun/digests.json").write_text(text)
        outcome = call(real_kit, job)
        assert outcome.code == 0, outcome.text
