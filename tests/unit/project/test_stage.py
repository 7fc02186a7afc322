"""What stage.yaml may say, and what becomes of it."""

import pytest

from runner.errors import SpecError
from runner.project.baked_spec import baked_spec
from runner.project.stage import Parent, Source, holds, load_stage, stage_name, stage_number
from tests.unit.project.conftest import Folder


def refusal(folder: Folder, text: str, parent: str = "parent: base") -> str:
    with pytest.raises(SpecError) as caught:
        load_stage(folder.stage("07_new", text, parent))
    return str(caught.value)


@pytest.mark.parametrize(
    ("stage_id", "number", "name"),
    [
        ("06_asr", 6, "asr"),
        ("09_subtitle_gen", 9, "subtitle_gen"),
        ("your_stage", None, "your_stage"),
        ("100_x", 100, "x"),
        ("asr-2", None, "asr-2"),
    ],
)
def test_a_stages_number_and_name_are_those_of_its_folder(
    stage_id: str, number: int | None, name: str
) -> None:
    assert (stage_number(stage_id), stage_name(stage_id)) == (number, name)


def test_an_input_written_short_means_the_same_as_in_full(folder: Folder) -> None:
    text = "inputs: {a: x/y, b: [x/y], c: {from: x/y}, d: {from: [x/y, p/q], optional: true}}"
    stage = load_stage(folder.stage("07_new", text))
    sources = [item.sources for item in stage.inputs]
    assert sources[:3] == [(Source(stage="x", output="y"),)] * 3
    assert [str(source) for source in sources[3]] == ["x/y", "p/q"]
    assert [item.optional for item in stage.inputs] == [False, False, False, True]


def test_limits_are_bytes_and_seconds(folder: Folder) -> None:
    text = "resources: {memory: 2GiB, tmp: 64MiB, timeout: 2h, cpus: 1.5, pids: 10, shm: 1kB}"
    limits = load_stage(folder.stage("07_new", text)).resources
    assert (limits.memory, limits.tmp, limits.timeout) == (2 << 30, 64 << 20, 7200)
    assert (limits.cpus, limits.pids, limits.shm, limits.gpu_memory) == (1.5, 10, 1000, None)


def test_a_pattern_stands_for_any_number_of_files(folder: Folder) -> None:
    text = "outputs: {all: {file: '*.srt', type: subtitle}, one: {file: b.srt, type: subtitle}}"
    pattern, name = load_stage(folder.stage("07_new", text)).outputs
    assert pattern.matches("film.en.srt")
    assert not pattern.matches("film.SRT")
    assert name.matches("b.srt")
    assert not name.matches("bb.srt")


@pytest.mark.parametrize("name", ["../x", "a/b", "/etc/passwd", "''", ".hidden"])
def test_a_schema_is_a_name_and_leads_nowhere_else(folder: Folder, name: str) -> None:
    message = refusal(folder, f"outputs: {{a: {{file: a.json, type: t, schema: {name}}}}}")
    assert "outputs.a.schema" in message


def test_an_output_has_a_schema_only_where_it_names_one(folder: Folder) -> None:
    text = "outputs: {a: {file: a.json, type: t, schema: facts}, b: {file: b.json, type: t}}"
    assert [item.schema for item in load_stage(folder.stage("07_new", text)).outputs] == [
        "facts",
        None,
    ]


def test_a_stage_with_one_parent_has_the_variant_main(folder: Folder) -> None:
    assert load_stage(folder.stage("07_new")).parents == {"main": Parent(image="base")}


def test_a_variant_without_a_size_of_its_own_keeps_to_the_stages(folder: Folder) -> None:
    text = "image_size: 440MB\nparents: {cpu: a, cuda: {image: b, image_size: 2GB}}"
    parents = load_stage(folder.stage("07_new", text, parent="")).parents
    assert [parent.image_size for parent in parents.values()] == [440_000_000, 2_000_000_000]


@pytest.mark.parametrize("parent", ["", "parent: a\nparents: {cpu: a}", "parents: {}"])
def test_a_stage_names_its_parents_in_exactly_one_way(folder: Folder, parent: str) -> None:
    assert "parent" in refusal(folder, "", parent)


@pytest.mark.parametrize(
    "file", ["/etc/passwd", "../x", "a/../../x", "''", "manifest.json", "stage.log", ".cache/x"]
)
def test_an_output_is_a_file_of_the_stages_own(folder: Folder, file: str) -> None:
    message = refusal(folder, f"outputs: {{a: {{file: {file}, type: t}}}}")
    assert "stage.yaml, line 3, column 15" in message


@pytest.mark.parametrize("limit", ["memory", "tmp", "shm", "pids", "cpus", "timeout", "gpu_memory"])
def test_a_limit_of_nothing_is_refused_since_to_engines_it_means_no_limit(
    folder: Folder, limit: str
) -> None:
    assert "greater than 0" in refusal(folder, f"resources: {{{limit}: 0}}")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("resources: {memory: lots}", "is no size"),
        ("resources: {timeout: soon}", "is no duration"),
        ("gpu: maybe", "gpu"),
        ("network: host", "network"),
        ("inputs: {a: nothing}", "inputs.a"),
        ("inputs: {a: []}", "inputs.a"),
        ("config: {lower: {type: str, help: x}}", "capitals"),
        ("config: {A: {type: str}}", "the key 'config.A.help' is missing"),
        ("config: {A: {type: choice, help: x}}", "'of' lists"),
        ("config: {A: {type: int, of: [1], help: x}}", "'of' lists"),
        ("outptus: {}", "did you mean 'outputs'?"),
    ],
)
def test_a_mistake_is_told_with_its_place(folder: Folder, text: str, problem: str) -> None:
    message = refusal(folder, text)
    assert problem in message
    assert "07_new/stage.yaml, line " in message


@pytest.mark.parametrize("model", ["when: {B: x}, folder: f", "folder: 'f/{B}'", "folder: 'f/{}'"])
def test_a_model_depends_on_nothing_but_declared_keys(folder: Folder, model: str) -> None:
    text = f"config: {{A: {{type: str, help: x}}}}\nmodels: {{m: {{{model}, files: [x]}}}}"
    assert "which 'config' does not have" in refusal(folder, text)


def test_a_model_folder_with_a_brace_too_many_is_refused(folder: Folder) -> None:
    assert "stage.yaml, line 1" in refusal(folder, "models: {m: {folder: 'f/{', files: [x]}}")


def test_a_variant_is_an_image_with_conditions_and_limits_of_its_own(folder: Folder) -> None:
    text = """\
        parents:
          small: base
          large: {image: big, when: {SIZE: large, PLACE: [here, there]}, resources: {memory: 4GiB}}
        config:
          SIZE: {type: str, help: x}
          PLACE: {type: str, help: x}
        """
    small, large = load_stage(folder.stage("07_new", text, parent="")).parents.values()
    assert (small.image, small.when) == ("base", {})
    assert (large.image, large.when) == ("big", {"SIZE": ("large",), "PLACE": ("here", "there")})
    assert (small.resources.memory, large.resources.memory) == (None, 4 << 30)


def test_a_condition_holds_when_every_key_has_one_of_its_values() -> None:
    when = {"A": ("1", "2"), "B": ("x",)}
    assert holds(when, {"A": "2", "B": "x", "C": None})
    assert not holds(when, {"A": "3", "B": "x"})
    assert not holds(when, {"A": "1"})
    assert holds({}, {})


def test_a_variant_depends_on_nothing_but_declared_keys(folder: Folder) -> None:
    parents = "parents: {cpu: {image: base, when: {SIZE: large}}}"
    with pytest.raises(SpecError, match="the variant 'cpu' depends on 'SIZE'"):
        load_stage(folder.stage("07_new", parent=parents))


def test_a_stage_has_one_parent_or_variants_and_not_both(folder: Folder) -> None:
    with pytest.raises(SpecError, match="'parent', or one per variant"):
        load_stage(folder.stage("07_new", "parent: base", parent="parents: {cpu: base}"))


@pytest.mark.parametrize("name", ["input", "logs"])
def test_a_stage_takes_no_folder_that_every_job_has(folder: Folder, name: str) -> None:
    with pytest.raises(SpecError, match="rename the stage"):
        load_stage(folder.stage(name))


def test_a_folder_name_that_no_stage_can_have_is_refused(folder: Folder) -> None:
    with pytest.raises(SpecError, match="named like 06_asr"):
        load_stage(folder.stage("06_a b"))


def test_the_spec_in_the_image_names_no_later_stage(folder: Folder) -> None:
    project = folder.load()
    spec = baked_spec(project.stage("asr"), project.stage_ids)
    assert spec["project_stages"] == ["01_demux", "06_asr"]
    assert spec["inputs"]["audio"]["from"] == ["04_source_separation/speech", "01_demux/audio"]
    assert spec["config"]["ASR_BEAM_SIZE"]["range"] == [1.0, 20.0]
    assert spec["config"]["SOURCE_LANGUAGE"]["default"] == "en"


def test_the_spec_in_the_image_of_a_stage_without_number_names_itself_alone(
    folder: Folder,
) -> None:
    folder.stage("extra")
    project = folder.load()
    assert baked_spec(project.stage("extra"), project.stage_ids)["project_stages"] == ["extra"]
