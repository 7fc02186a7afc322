"""The graph of stages: names, order, and the mistakes that only show between files."""

from pathlib import Path

import pytest

from runner.errors import SpecError, UnknownStageError, UnknownWorkflowError, UsageError
from runner.project.pipeline import Stock, find_project
from tests.unit.project.conftest import Folder


@pytest.mark.parametrize("text", ["06_asr", "asr", "6", "06"])
def test_a_stage_is_found_by_id_name_and_number(folder: Folder, text: str) -> None:
    assert folder.load().stage(text).id == "06_asr"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("asl", "did you mean 06_asr?"),
        ("subtitlegen", "did you mean 09_subtitle_gen?"),
        ("zzzzz", "there are 01_demux, 06_asr, 09_subtitle_gen"),
        ("7", "there are 01_demux"),
        ("²", "there are 01_demux"),
        ("", "there are 01_demux"),
    ],
)
def test_an_unknown_stage_is_refused_with_a_suggestion(
    folder: Folder, text: str, answer: str
) -> None:
    with pytest.raises(UnknownStageError) as caught:
        folder.load().stage(text)
    assert answer in str(caught.value)


def test_a_name_that_two_stages_share_is_refused_with_both(folder: Folder) -> None:
    folder.stage("07_asr")
    with pytest.raises(UnknownStageError, match=r"means several stages .*07_asr"):
        folder.load().stage("asr")


def test_two_stages_with_one_number_are_refused_with_both(folder: Folder) -> None:
    folder.stage("6_listen")
    with pytest.raises(SpecError, match=r"06_asr and .*6_listen have one number"):
        folder.load()


def test_a_folder_without_a_spec_is_told_what_it_lacks(folder: Folder) -> None:
    project = folder.load()
    (project.root / "stages" / "12_shots").mkdir()
    with pytest.raises(UnknownStageError, match=r"12_shots has no stage\.yaml"):
        project.stage("12_shots")


def test_stages_stand_in_the_order_of_their_numbers(folder: Folder) -> None:
    for name in ("extra", "10_mux", "2_b"):
        folder.stage(name)
    ids = folder.load().stage_ids
    assert ids == ("01_demux", "2_b", "06_asr", "09_subtitle_gen", "10_mux", "extra")


def test_an_alternative_that_the_project_lacks_is_no_mistake(folder: Folder) -> None:
    project = folder.load()
    assert project.upstream(project.stage("asr")) == ("01_demux",)


def test_what_is_needed_for_a_stage_comes_before_it(folder: Folder) -> None:
    folder.stage("02_aside")
    assert folder.load().needed_for(("09_subtitle_gen",)) == (
        "01_demux",
        "06_asr",
        "09_subtitle_gen",
    )


def test_stages_that_wait_for_each_other_are_refused_with_the_circle(folder: Folder) -> None:
    folder.stage(
        "01_demux",
        "inputs: {a: 09_subtitle_gen/subtitles}\noutputs: {audio: {file: a, type: audio}}",
    )
    with pytest.raises(SpecError, match="wait for each other") as caught:
        folder.load()
    assert str(caught.value).count("→") == 3


def test_a_stage_that_reads_from_itself_is_refused(folder: Folder) -> None:
    folder.stage("07_x", "inputs: {a: 07_x/b}\noutputs: {b: {file: b, type: t}}")
    with pytest.raises(SpecError, match="wait for each other: 07_x → 07_x"):
        folder.load()


def test_an_input_from_an_output_that_nobody_declares_is_refused(folder: Folder) -> None:
    folder.stage("07_x", "inputs: {a: 06_asr/segmnts}")
    with pytest.raises(SpecError, match=r"declares no such output; did you mean 06_asr/segments\?"):
        folder.load()


def test_an_input_that_nothing_in_the_project_provides_is_refused(folder: Folder) -> None:
    folder.stage("07_x", "inputs: {a: [20_no/a, 21_no/a]}")
    with pytest.raises(SpecError, match="has no stage 20_no or 21_no"):
        folder.load()


@pytest.mark.parametrize(
    "declaration",
    ["{type: str, default: de, help: x}", "{type: list, default: en, help: x}"],
)
def test_stages_that_declare_one_key_differently_are_refused(
    folder: Folder, declaration: str
) -> None:
    place = folder.stage("07_x", f"config: {{SOURCE_LANGUAGE: {declaration}}}")
    with pytest.raises(SpecError, match="SOURCE_LANGUAGE differently") as caught:
        folder.load()
    assert str(place / "stage.yaml") in str(caught.value)
    assert "06_asr/stage.yaml" in str(caught.value)


def test_stages_may_explain_one_key_in_their_own_words(folder: Folder) -> None:
    folder.stage("07_x", "config: {SOURCE_LANGUAGE: {type: str, default: en, help: Other words}}")
    keys = folder.load().keys()
    assert "SOURCE_LANGUAGE" in keys


def test_the_first_workflow_is_the_default_one(folder: Folder) -> None:
    folder.settings("workflows: {listen: [06_asr/segments], write: [09_subtitle_gen/subtitles]}\n")
    project = folder.load()
    assert [str(source) for source in project.workflow(None)] == ["06_asr/segments"]
    assert [str(source) for source in project.workflow("write")] == ["09_subtitle_gen/subtitles"]


def test_the_default_workflow_can_be_named(folder: Folder) -> None:
    folder.settings("workflows: {a: [06_asr/segments], b: [01_demux/audio]}\ndefault_workflow: b\n")
    assert [str(source) for source in folder.load().workflow(None)] == ["01_demux/audio"]


def test_without_workflows_a_job_is_for_the_outputs_that_nobody_reads(folder: Folder) -> None:
    assert [str(item) for item in folder.load().workflow(None)] == ["09_subtitle_gen/subtitles"]


def test_an_unknown_workflow_is_refused_with_a_suggestion(folder: Folder) -> None:
    folder.settings("workflows: {listen: [06_asr/segments]}\n")
    with pytest.raises(UnknownWorkflowError, match=r"did you mean listen\?"):
        folder.load().workflow("lissen")


def test_a_project_is_found_from_any_folder_inside_it(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STAGERUN_PROJECT", raising=False)
    inside = folder.root / "out" / "job1"
    inside.mkdir(parents=True)
    assert find_project(inside) == folder.root


def test_a_project_is_found_by_the_environment_from_anywhere(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGERUN_PROJECT", str(folder.root))
    assert find_project(tmp_path) == folder.root


def test_a_project_that_is_named_counts_before_the_environment(
    folder: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAGERUN_PROJECT", str(tmp_path / "other"))
    assert find_project(tmp_path, folder.root) == folder.root


def test_a_named_folder_that_is_no_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no folder stages/"):
        find_project(tmp_path, tmp_path)


def test_without_a_project_anywhere_the_user_is_told_how_to_name_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STAGERUN_PROJECT", raising=False)
    with pytest.raises(UsageError, match="--project"):
        find_project(tmp_path)


def with_a_mixer(folder: Folder) -> None:
    """A stage that reads the last stage's result, and a finder that some may read from."""
    folder.stage("02_find", "inputs: {media: input/media}\noutputs: {facts: {file: f, type: m}}")
    folder.stage(
        "10_mux",
        """\
        inputs:
          media: input/media
          subtitles: 09_subtitle_gen/subtitles
          facts: {from: 02_find/facts, optional: true}
        """,
    )


def needed(folder: Folder, inputs: tuple[str, ...] | None, *results: str) -> tuple[str, ...]:
    stock = Stock(inputs=None if inputs is None else frozenset(inputs), results=frozenset(results))
    return folder.load().needed_for(("10_mux",), stock)


def test_nothing_runs_for_a_result_that_is_given(folder: Folder) -> None:
    with_a_mixer(folder)
    assert needed(folder, ("media",), "09_subtitle_gen/subtitles") == (
        "02_find",
        "09_subtitle_gen",
        "10_mux",
    )
    assert "01_demux" in needed(folder, ("media",))


def test_what_is_optional_and_cannot_come_to_be_is_left_out(folder: Folder) -> None:
    with_a_mixer(folder)
    assert "02_find" not in needed(folder, (), "09_subtitle_gen/subtitles")
    assert "02_find" in needed(folder, None)


def test_what_is_required_and_cannot_come_to_be_is_run_for_its_message(folder: Folder) -> None:
    with_a_mixer(folder)
    assert needed(folder, ()) == ("01_demux", "06_asr", "09_subtitle_gen", "10_mux")


def test_sources_after_one_that_is_given_are_not_run(folder: Folder) -> None:
    folder.stage(
        "07_alignment",
        "inputs: {audio: 01_demux/audio}\noutputs: {segments: {file: s, type: t}}",
    )
    folder.stage("10_mux", "inputs: {segments: [07_alignment/segments, 06_asr/segments]}")
    assert needed(folder, (), "07_alignment/segments") == ("07_alignment", "10_mux")
    assert needed(folder, (), "06_asr/segments") == ("06_asr", "10_mux")
    assert needed(folder, ("media",), "06_asr/segments") == (
        "01_demux",
        "06_asr",
        "07_alignment",
        "10_mux",
    )
