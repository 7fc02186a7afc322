"""Which models settings need, and which files of them are missing."""

import pytest

from runner.errors import SpecError
from runner.project.config import NO_JOB, resolve_config
from runner.project.models import NeededModel, needed_models, wished_models
from runner.project.stage import OneOf, load_stage
from tests.unit.project.conftest import Folder

SPEC = """\
    config:
      ENGINE: {type: choice, of: [none, fast, exact], default: none, help: Who}
      SIZE: {type: str, default: small, help: How large}
    models:
      words:
        when: {ENGINE: [fast, exact]}
        folder: "words/{SIZE}"
        files: [model.bin, [list.json, list.txt]]
      bands: {when: {ENGINE: exact, SIZE: large}, folder: "words/{SIZE}", files: [bands.json]}
"""


def needed(folder: Folder, **settings: str) -> tuple[NeededModel, ...]:
    lines = "".join(f"  {key}: {value}\n" for key, value in settings.items())
    folder.settings(f"config:\n{lines}" if lines else "")
    stage = load_stage(folder.stage("07_new", SPEC))
    return needed_models(stage, resolve_config(stage, folder.load(), NO_JOB))


def wished(folder: Folder, name: str) -> list[list[OneOf]]:
    stage = load_stage(folder.stage("07_new", SPEC))
    config = resolve_config(stage, folder.load(), NO_JOB)
    return [
        [one_of for model in way for one_of in model.files]
        for way in wished_models(stage, config, name)
    ]


def test_a_file_may_be_declared_with_others_that_do_as_well(folder: Folder) -> None:
    [model] = needed(folder, ENGINE="fast")
    assert (model.name, model.files) == ("words/small", (("model.bin",), ("list.json", "list.txt")))
    assert model.lacking({"model.bin", "list.txt", "more"}) == ()
    assert model.lacking({"model.bin", "list.csv"}) == (("list.json", "list.txt"),)
    assert model.expected() == "model.bin, list.json or list.txt"


def test_models_of_one_folder_need_the_files_of_each(folder: Folder) -> None:
    files = (("model.bin",), ("list.json", "list.txt"), ("bands.json",))
    assert [model.files for model in needed(folder, ENGINE="exact", SIZE="large")] == [files] * 2
    assert [model.files for model in needed(folder, ENGINE="fast", SIZE="large")] == [files[:2]]


def test_a_model_is_known_by_its_name_though_no_setting_asks_for_it(folder: Folder) -> None:
    assert needed(folder) == ()
    files: list[OneOf] = [("model.bin",), ("list.json", "list.txt")]
    assert wished(folder, "words/tiny") == [files]
    assert wished(folder, "words/large") == [files, [*files, ("bands.json",)] * 2]
    assert wished(folder, "others/tiny") == []


def test_where_one_setting_stands_twice_in_a_folder_it_has_one_value(folder: Folder) -> None:
    text = "config: {A: {type: str, help: x}}\nmodels: {m: {folder: '{A}/x{A}', files: [f]}}"
    stage = load_stage(folder.stage("07_new", text))
    config = resolve_config(stage, folder.load(), NO_JOB)
    assert len(list(wished_models(stage, config, "one/xone"))) == 1
    assert list(wished_models(stage, config, "one/xtwo")) == []


SEVERAL = NeededModel(
    stage="07_new", key="m", name="m", files=(("a",), ("b", "c")), subfolders="*-*"
)


@pytest.mark.parametrize(
    ("there", "lacking"),
    [
        ({"a", "b"}, ()),
        ({"x-y/a", "x-y/c", "z-y/a", "z-y/b"}, ()),
        ({"x-y/a", "x-y/c", "z-y/note", "other/a"}, ()),
        ({"x-y/a", "x-y/c", "z-y/a"}, (("z-y/b", "z-y/c"),)),
        ({"a", "b", "x-y/a"}, ()),
        ({"a", "x-y/note"}, (("b", "c"),)),
        (set(), (("a",), ("b", "c"))),
    ],
)
def test_folders_below_that_hold_a_file_of_a_model_must_hold_all(
    there: set[str], lacking: tuple[OneOf, ...]
) -> None:
    assert SEVERAL.lacking(there) == lacking


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ("[a | b]", "one is enough as a list: [a, b]"),
        ("['*.spm']", "is a pattern; name each file"),
        ("[/etc/passwd]", "plain name of a file inside the model's folder"),
        ("[[a, ../b]]", "plain name of a file inside the model's folder"),
        ("[.hidden]", "not hidden"),
        ("['']", "plain name"),
        ("[[]]", "at least 1 item"),
        ("[[[a]]]", "valid string"),
        ("model.bin", "valid list"),
    ],
)
def test_a_file_that_cannot_be_looked_for_is_refused_with_its_place(
    folder: Folder, files: str, problem: str
) -> None:
    with pytest.raises(SpecError) as caught:
        load_stage(folder.stage("07_new", f"models:\n  m:\n    folder: f\n    files: {files}"))
    assert problem in str(caught.value)
    assert "stage.yaml, line 6, column " in str(caught.value)


@pytest.mark.parametrize("pattern", ["a/*", ".*", "''"])
def test_folders_of_several_models_lie_directly_in_the_models_own(
    folder: Folder, pattern: str
) -> None:
    text = f"models: {{m: {{folder: f, files: [a], subfolders: {pattern}}}}}"
    with pytest.raises(SpecError, match="subfolders"):
        load_stage(folder.stage("07_new", text))
