"""Configuration: the order of the layers, the sources that are named, types and ranges."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.errors import ConfigError
from runner.job.folder import Job
from runner.project.config import (
    NO_JOB,
    JobLayer,
    Value,
    parse_limits,
    resolve_config,
    resolve_limits,
)
from runner.project.pipeline import load_project
from runner.project.stage import Key, Resources
from runner.run.variant import allowed_variants
from tests.project_kit import ROOT
from tests.unit.project.conftest import Folder


def layer(tmp_path: Path, text: str) -> JobLayer:
    place = tmp_path / "job"
    place.mkdir(exist_ok=True)
    (place / "job.yaml").write_text(text)
    return Job(place).layer


def resolve(
    folder: Folder,
    job: JobLayer = NO_JOB,
    overrides: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    stage: str = "asr",
) -> dict[str, Value]:
    project = folder.load()
    return resolve_config(project.stage(stage), project, job, overrides, environment or {})


def test_each_layer_gives_way_to_the_one_above_it(folder: Folder, tmp_path: Path) -> None:
    key = "SOURCE_LANGUAGE"
    found = resolve(folder)[key]
    assert (found.value, found.source) == ("en", "default in stages/06_asr/stage.yaml")
    folder.settings(f"name: x\nconfig:\n  {key}: de\n")
    found = resolve(folder)[key]
    assert (found.value, found.source) == ("de", "stagerun.yaml line 3")
    environment = {key: "fr"}
    found = resolve(folder, environment=environment)[key]
    assert (found.value, found.source) == ("fr", f"environment variable {key}")
    job = layer(tmp_path, f"input: {{}}\n\nconfig:\n  {key}: ca\n")
    found = resolve(folder, job, environment=environment)[key]
    assert (found.value, found.source) == ("ca", "job.yaml line 4")
    found = resolve(folder, job, {key: "es"}, environment)[key]
    assert (found.value, found.source) == ("es", "--set")


def test_an_empty_value_is_a_value(folder: Folder) -> None:
    assert resolve(folder, overrides={"SOURCE_LANGUAGE": ""})["SOURCE_LANGUAGE"].value == ""


def test_null_takes_a_default_away(folder: Folder, tmp_path: Path) -> None:
    job = layer(tmp_path, "config: {SOURCE_LANGUAGE: ~}\n")
    assert resolve(folder, job)["SOURCE_LANGUAGE"].value is None


def test_a_stage_gets_the_keys_that_it_declares_and_no_others(folder: Folder) -> None:
    assert set(resolve(folder, stage="subtitle_gen")) == {"GENERATE_VTT"}


def test_a_variable_of_the_environment_that_no_stage_declares_is_nobodys(folder: Folder) -> None:
    assert "PATH" not in resolve(folder, environment={"PATH": "/bin", "ASR_BEAM": "1"})


def test_an_undeclared_key_is_refused_wherever_it_is_set(folder: Folder, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--set: .* ASR_BEAM_SIZ; did you mean ASR_BEAM_SIZE\?"):
        resolve(folder, overrides={"ASR_BEAM_SIZ": "1"})
    job = layer(tmp_path, "config:\n  SOURCE_LANG: en\n")
    with pytest.raises(ConfigError, match=r"job.yaml line 2: .*did you mean SOURCE_LANGUAGE\?"):
        resolve(folder, job)
    folder.settings("config:\n\n  ZZZ: 1\n")
    with pytest.raises(ConfigError, match=r"stagerun.yaml line 3: .*there are ASR_BEAM_SIZE, ASR_"):
        resolve(folder)


def test_a_key_of_another_stage_is_no_mistake(folder: Folder, tmp_path: Path) -> None:
    assert resolve(folder, layer(tmp_path, "config: {GENERATE_VTT: true}\n"))


def test_a_switch_for_a_stage_that_is_not_there_is_refused(folder: Folder, tmp_path: Path) -> None:
    job = layer(tmp_path, "stages:\n  06_asl: {memory: 1GiB}\n")
    with pytest.raises(ConfigError, match=r"job.yaml line 2: no stage 06_asl; did you mean 06_asr"):
        resolve(folder, job)
    folder.settings("stages: {nope: {enabled: false}}\n")
    with pytest.raises(ConfigError, match=r"stagerun\.yaml line 1: no stage nope"):
        resolve(folder)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("ASR_ENGINE", "whispr", "must be one of pocketsphinx, whisper"),
        ("ASR_BEAM_SIZE", "many", "must be a whole number"),
        ("ASR_BEAM_SIZE", "1.5", "must be a whole number"),
        ("ASR_BEAM_SIZE", "", "must be a whole number"),
        ("ASR_BEAM_SIZE", "21", "must be between 1 and 20"),
        ("ASR_BEAM_SIZE", "0", "must be between 1 and 20"),
        ("GENERATE_VTT", "perhaps", "must be true or false"),
        ("FOLDER", "/etc", "must be a path inside the job directory"),
        ("FOLDER", "a/../..", "must be a path inside the job directory"),
        ("SPEED", "fast", "must be a number"),
        ("SPEED", "nan", "must be between 0.5 and 2"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_with_value_and_source(
    folder: Folder, key: str, value: str, problem: str
) -> None:
    folder.stage(
        "07_typed",
        """\
        config:
          GENERATE_VTT: {type: bool, default: false, help: x}
          ASR_ENGINE: {type: choice, of: [pocketsphinx, whisper], default: whisper, help: x}
          ASR_BEAM_SIZE: {type: int, range: [1, 20], default: 5, help: x}
          FOLDER: {type: path, help: x}
          SPEED: {type: float, range: [0.5, 2], help: x}
        """,
    )
    with pytest.raises(ConfigError) as caught:
        resolve(folder, overrides={key: value}, stage="typed")
    assert str(caught.value) == f"{key} is {value!r} (--set), but {problem}."


@pytest.mark.parametrize("value", ["true", "No", "ON", "0", "1", "yes", "off", "FALSE"])
def test_truth_may_be_written_in_every_usual_way(folder: Folder, value: str) -> None:
    assert resolve(folder, overrides={"GENERATE_VTT": value}, stage="subtitle_gen")


def test_a_default_that_does_not_fit_its_own_declaration_is_refused(folder: Folder) -> None:
    folder.stage("07_x", "config: {N: {type: int, default: many, help: x}}")
    with pytest.raises(ConfigError, match=r"default in stages/07_x/stage\.yaml"):
        resolve(folder, stage="x")


def test_a_key_without_value_and_default_is_not_set(folder: Folder) -> None:
    folder.stage("07_x", "config: {N: {type: int, help: x}}")
    assert resolve(folder, stage="x")["N"].value is None


def test_each_limit_comes_from_the_first_layer_that_sets_it(folder: Folder, tmp_path: Path) -> None:
    folder.settings(
        "stages:\n  06_asr: {memory: 3GiB, pids: 7, timeout: 1h}\nlimits: {tmp: 1MiB, shm: 2MiB}\n"
    )
    job = layer(tmp_path, "stages:\n  06_asr:\n    timeout: 5m\n    memory: 6GiB\n")
    project = folder.load()
    limits = resolve_limits(project.stage("asr"), project, job, Resources(memory=8 << 30), "main")
    values, sources = limits.values, limits.sources
    assert (values.memory, sources["memory"]) == (8 << 30, "option")
    assert (values.timeout, sources["timeout"]) == (300, "job.yaml line 3")
    assert (values.pids, sources["pids"]) == (7, "stagerun.yaml line 2")
    assert (values.cpus, sources["cpus"]) == (4, "stages/06_asr/stage.yaml")
    assert (values.tmp, sources["tmp"]) == (1 << 20, "settings: limits")
    assert (values.gpu_memory, sources["gpu_memory"]) == (None, "not set")


def test_limits_of_options_are_read_as_in_the_files() -> None:
    found = parse_limits(
        {"memory": "6GiB", "timeout": "1:30", "cpus": "1.5", "pids": "9", "gpu_memory": "1GB"}
    )
    assert found == Resources(memory=6 << 30, timeout=90, cpus=1.5, pids=9, gpu_memory=10**9)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("memory", "lots"),
        ("memory", "0"),
        ("memory", "9" * 400),
        ("timeout", "soon"),
        ("timeout", "0"),
        ("cpus", "two"),
        ("cpus", "-1"),
        ("cpus", "nan"),
        ("cpus", "inf"),
        ("pids", "1.5"),
        ("gpu_memory", "x"),
    ],
)
def test_a_limit_that_is_none_is_refused_by_the_name_of_its_option(name: str, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_limits({name: text})
    assert str(caught.value).startswith(f"--{name.replace('_', '-')} {text}: ")


def test_any_text_fits_a_key_of_type_str() -> None:
    from runner.project.config import misfit

    key = Key(name="A", type="str", default=None, help="", of=None, range=None)
    assert misfit(key, "\n\0…") is None


def test_memory_that_no_engine_accepts_is_refused_before_anything_starts(
    folder: Folder, tmp_path: Path
) -> None:
    project = folder.load()
    with pytest.raises(ConfigError, match=r"memory is 1 MiB \(option\).*less than 6 MiB"):
        resolve_limits(
            project.stage("asr"), project, layer(tmp_path, ""), Resources(memory=1 << 20), "main"
        )


def test_a_variants_limits_count_before_the_stages(folder: Folder) -> None:
    folder.stage(
        "06_asr",
        """\
        outputs: {segments: {file: s, type: t}}
        resources: {memory: 1GiB, cpus: 1}
        """,
        parent="parents: {cpu: {image: base, resources: {memory: 4GiB}}, cuda: base}",
    )
    project = folder.load()
    stage = project.stages["06_asr"]
    found = {
        variant: resolve_limits(stage, project, NO_JOB, Resources(), variant)
        for variant in stage.parents
    }
    assert found["cpu"].values.memory == 4 << 30
    assert found["cpu"].sources["memory"] == "stages/06_asr/stage.yaml (variant cpu)"
    assert found["cuda"].values.memory == 1 << 30
    assert found["cpu"].values.cpus == 1.0
    asked = resolve_limits(stage, project, NO_JOB, Resources(memory=64 << 20), "cpu")
    assert asked.values.memory == 64 << 20


@pytest.mark.parametrize("stage", load_project(ROOT).stage_ids)
def test_the_defaults_of_our_own_stages_fit_their_keys_and_choose_a_variant(stage: str) -> None:
    project = load_project(ROOT)
    config = resolve_config(project.stages[stage], project, environment={})
    assert allowed_variants(project.stages[stage], config)
