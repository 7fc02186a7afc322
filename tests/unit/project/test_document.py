"""YAML files: positions in messages, strings kept as written, and the memory of validated text."""

from pathlib import Path

import pytest

from runner.errors import JobFileError, SpecError
from runner.project.document import Document, cache_folder, load_document, schema_digest


class Schema:
    """Hands a model out and counts how often it was needed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls = 0

    def __call__(self) -> type:
        from runner.project import schema

        self.calls += 1
        model: type = getattr(schema, self.name)
        return model


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "job.yaml"


def job(file: Path, text: str | bytes, schema: Schema | None = None) -> Document:
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return load_document(file, schema or Schema("JobFile"), JobFileError, kind="job")


def refusal(file: Path, text: str | bytes) -> str:
    with pytest.raises(JobFileError) as caught:
        job(file, text)
    assert str(file) in str(caught.value)
    return str(caught.value)


def test_scalars_stay_as_they_were_written(file: Path) -> None:
    written = "config: {A: no, B: 1:30, C: 007, D: 1e3, E: 2026-11-21, F: ~, G: 'null', H: ''}\n"
    assert job(file, written).data["config"] == {
        "A": "no",
        "B": "1:30",
        "C": "007",
        "D": "1e3",
        "E": "2026-11-21",
        "F": None,
        "G": "null",
        "H": "",
    }


def test_a_key_is_found_again_by_its_line(file: Path) -> None:
    document = job(file, "input:\n  media: film.mkv\nconfig:\n  A: 1\n  B: 2\n")
    assert document.where("config", "B") == "job.yaml line 5"
    assert document.where("config", "C") == "job.yaml"
    assert document.positions["config/B"] == (5, 3)


def test_an_empty_file_has_every_default(file: Path) -> None:
    assert job(file, "# nothing yet\n").data["stages"] == {}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("input: {media: film.mkv\n", "line 2, column 1"),
        ("a: [1, 2\nb: 3\n", "line 2, column 2"),
        ("config:\n  A: 1\n B: 2\n", "line 3, column 2"),
        ("a: b: c\n", "line 1, column 5"),
        ("config:\n\tA: 1\n", "line 2, column 1"),
    ],
)
def test_what_is_not_yaml_is_refused_with_line_and_column(
    file: Path, text: str, place: str
) -> None:
    message = refusal(file, text)
    assert place in message
    assert "not YAML" in message


def test_a_key_that_is_there_twice_is_refused(file: Path) -> None:
    assert "line 3: the key 'A' is there twice" in refusal(file, "config:\n  A: 1\n  A: 2\n")


def test_an_unknown_key_is_refused_with_its_place_and_a_suggestion(file: Path) -> None:
    message = refusal(file, "input: {}\n\nconfg: {A: 1}\n")
    assert "line 3, column 1: there is no key 'confg' here; did you mean 'config'?" in message
    assert message.endswith("?")


def test_an_unknown_key_deep_inside_is_refused_with_a_suggestion(file: Path) -> None:
    message = refusal(file, "stages:\n  06_asr:\n    memry: 6GiB\n")
    assert "line 3, column 5: there is no key 'memry' here; did you mean 'memory'?" in message


def test_a_key_like_no_other_is_refused_with_those_that_there_are(file: Path) -> None:
    assert "there are config, input, references, stages, workflow" in refusal(file, "zzz: 1\n")


def test_every_mistake_is_told_at_once(file: Path) -> None:
    message = refusal(file, "confg: {}\nstages: {06_asr: {memory: lots, cpus: 0}}\n")
    assert len(message.splitlines()) == 3


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "stage.yaml"
    file.write_text("parent: base\n")
    with pytest.raises(SpecError, match="the key 'summary' is missing"):
        load_document(file, Schema("StageFile"), SpecError, kind="stage")


@pytest.mark.parametrize("text", ["- a\n- b\n", "just words\n", "42\n"])
def test_a_file_without_keys_is_refused(file: Path, text: str) -> None:
    assert "must hold keys and values" in refusal(file, text)


def test_a_file_that_is_not_utf8_is_refused_with_the_byte(file: Path) -> None:
    assert "not UTF-8 text (byte 10)" in refusal(file, b"workflow: \xff\n")


def test_characters_that_yaml_forbids_are_refused(file: Path) -> None:
    assert "not YAML" in refusal(file, "config: {A: \x00}\n")


def test_a_python_tag_makes_no_object(file: Path) -> None:
    tag = "!!python/object/apply:os.getcwd"
    assert "valid string" in refusal(file, f"workflow: {tag} []\n")
    assert job(file, f"workflow: {tag} ''\n").data["workflow"] == ""


@pytest.mark.parametrize("text", ["config: &a {A: *a}\n", "config: " + "[" * 5000 + "\n"])
def test_endless_nesting_is_refused_and_not_followed(file: Path, text: str) -> None:
    assert "nested too deep" in refusal(file, text)


def test_an_alias_stands_for_what_it_names(file: Path) -> None:
    document = job(file, "config: {A: &x en, B: *x}\n")
    assert document.data["config"] == {"A": "en", "B": "en"}


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(JobFileError, match=r"job\.yaml is not there"):
        load_document(file, Schema("JobFile"), JobFileError, kind="job")


def test_a_file_that_may_be_absent_counts_as_empty(file: Path) -> None:
    document = load_document(
        file, Schema("JobFile"), JobFileError, kind="job", absent_is_empty=True
    )
    assert document.data["config"] == {}


def test_a_folder_in_place_of_the_file_is_refused(file: Path) -> None:
    file.mkdir()
    with pytest.raises(JobFileError, match="cannot be read"):
        load_document(file, Schema("JobFile"), JobFileError, kind="job")


def test_a_text_seen_before_needs_no_schema(file: Path) -> None:
    schema = Schema("JobFile")
    first = job(file, "config: {A: 1}\n", schema)
    again = job(file, "config: {A: 1}\n", schema)
    assert schema.calls == 1
    assert again == first
    assert again.where("config", "A") == "job.yaml line 1"


def test_a_changed_text_is_validated_anew(file: Path) -> None:
    schema = Schema("JobFile")
    job(file, "config: {A: 1}\n", schema)
    assert job(file, "config: {A: 2}\n", schema).data["config"] == {"A": "2"}
    assert schema.calls == 2


def test_the_same_text_as_another_kind_of_file_is_validated_by_its_own_schema(file: Path) -> None:
    job(file, "config: {}\n")
    with pytest.raises(SpecError):
        load_document(file, Schema("StageFile"), SpecError, kind="stage")


def test_a_refused_text_is_not_remembered(file: Path) -> None:
    refusal(file, "confg: {}\n")
    refusal(file, "confg: {}\n")


def test_a_damaged_memory_is_made_anew(file: Path) -> None:
    schema = Schema("JobFile")
    job(file, "config: {A: 1}\n", schema)
    (kept,) = (cache_folder() / "documents").iterdir()
    kept.write_text('{"data": ')
    assert job(file, "config: {A: 1}\n", schema).data["config"] == {"A": "1"}
    assert schema.calls == 2


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "blocked").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "blocked"))
    assert job(file, "config: {A: 1}\n").data["config"] == {"A": "1"}


def test_nothing_half_written_stays_in_the_cache(file: Path) -> None:
    job(file, "config: {A: 1}\n")
    assert [file.suffix for file in (cache_folder() / "documents").iterdir()] == [".json"]


def test_what_an_older_schema_let_pass_is_not_remembered_for_a_newer_one(tmp_path: Path) -> None:
    digests = set()
    for number, name in enumerate(("schema.py", "retry_schema.py", "document.py")):
        folder = tmp_path / str(number)
        folder.mkdir()
        for source in ("schema.py", "retry_schema.py", "document.py"):
            (folder / source).write_text("changed" if source == name else "as before")
        digests.add(schema_digest(folder))
    assert len(digests) == 3
