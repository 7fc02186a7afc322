"""Configuration as a stage reads it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from shared.config import Config, load_config
from shared.errors import ConfigError
from shared.request import HandedValue
from shared.stage_utils import StageIO

Start = Callable[..., Path]
SOURCE = "job.yaml line 7"


def config(**values: str | None) -> Config:
    handed = {key: HandedValue(value, SOURCE) for key, value in values.items()}
    return Config(handed, open_to_environment=False)


def test_an_unset_key_never_raises() -> None:
    assert config().get("PARAM") is None
    assert config(PARAM=None).get("PARAM") is None


@pytest.mark.parametrize("default", ["default", 42, 2.5, True, None, ["a"], Path("x")])
def test_an_unset_key_gives_the_default_itself(default: object) -> None:
    assert config().get("PARAM", default) is default


def test_a_set_key_is_text_whatever_it_looks_like() -> None:
    values = config(A="true", B="42", C="1:30", D="no", E="")
    assert [values.get(key) for key in "ABCDE"] == ["true", "42", "1:30", "no", ""]
    assert values.get("B", "7") == "42"
    assert values.get("B", None) == "42"


def test_the_source_of_a_value_says_who_set_it() -> None:
    values = Config({"A": HandedValue("1", "job.yaml line 7")}, open_to_environment=False)
    assert values.source("A") == "job.yaml line 7"
    assert values.source("B") is None


def test_the_guides_own_pattern_for_switches_works() -> None:
    assert config(GENERATE_VTT="true").get("GENERATE_VTT", "false").lower() == "true"
    assert config().get("GENERATE_VTT", "false").lower() == "false"


@pytest.mark.parametrize(
    ("text", "default", "expected"),
    [
        ("43", 42, 43),
        ("-1", 0, -1),
        ("0.5", 1.0, 0.5),
        ("3", 1.0, 3.0),
        ("yes", False, True),
        ("TRUE", False, True),
        ("off", True, False),
        ("0", True, False),
    ],
)
def test_a_set_key_is_parsed_to_the_type_of_a_number_or_switch(
    text: str, default: object, expected: object
) -> None:
    value = config(PARAM=text).get("PARAM", default)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "default"), [("16.5", 1), ("many", 1), ("", 1), ("x", 1.0), ("2", True)]
)
def test_text_that_cannot_be_parsed_names_key_value_and_source(text: str, default: object) -> None:
    with pytest.raises(ConfigError) as caught:
        config(PARAM=text).get("PARAM", default)
    for part in ("PARAM", repr(text), SOURCE):
        assert part in str(caught.value)


def test_it_is_a_mapping_of_text_that_cannot_be_changed() -> None:
    values = config(A="1", B="2", C=None)
    assert dict(values) == {"A": "1", "B": "2"}
    assert values["A"] == "1"
    assert "A" in values
    assert "C" not in values
    assert len(values) == 2
    with pytest.raises(KeyError):
        values["C"]
    with pytest.raises(TypeError):
        values["A"] = "2"  # type: ignore[index]  # the mistake under test


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda c: c.get_bool("YES"), True),
        (lambda c: c.get_int("NUMBER"), 3),
        (lambda c: c.get_float("NUMBER"), 3.0),
        (lambda c: c.get_path("PATH_KEY"), Path("a/b")),
        (lambda c: c.get_list("WORDS"), ["es", "ca", "en"]),
        (lambda c: c.get_list("UNSET"), []),
        (lambda c: c.get_list("UNSET", ["en"]), ["en"]),
        (lambda c: c.get_list("EMPTY"), []),
        (lambda c: c.get_int("UNSET", 5), 5),
        (lambda c: c.get_int("EMPTY", 5), 5),
        (lambda c: c.get_float("UNSET", None), None),
        (lambda c: c.get_bool("UNSET", False), False),
        (lambda c: c.get_path("UNSET", Path("d")), Path("d")),
    ],
)
def test_typed_getters_parse_or_give_the_default(
    read: Callable[[Config], Any], expected: object
) -> None:
    values = config(YES="on", NUMBER="3", PATH_KEY="a/b", WORDS="es, ca en", EMPTY="")
    assert read(values) == expected


@pytest.mark.parametrize("getter", ["get_bool", "get_int", "get_float"])
def test_typed_getters_name_key_value_and_source(getter: str) -> None:
    with pytest.raises(ConfigError) as caught:
        getattr(config(PARAM="odd"), getter)("PARAM")
    for part in ("PARAM", "'odd'", SOURCE):
        assert part in str(caught.value)


@pytest.mark.parametrize("getter", ["get_bool", "get_int", "get_float", "get_path"])
def test_typed_getters_without_a_default_need_a_value(getter: str) -> None:
    with pytest.raises(ConfigError, match=r"PARAM.*unset"):
        getattr(config(), getter)("PARAM")
    with pytest.raises(ConfigError, match=f"PARAM.*{SOURCE}"):
        getattr(config(PARAM=""), getter)("PARAM")


def test_under_the_runner_it_is_what_the_runner_resolved(
    runner: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner(
        config={
            "ASR_BEAM_SIZE": {"value": "5", "source": SOURCE},
            "SOURCE_LANGUAGE": {"value": None, "source": "stage.yaml"},
        }
    )
    monkeypatch.setenv("SOURCE_LANGUAGE", "de")
    monkeypatch.setenv("ASR_BEAM_SIZE", "9")
    values = load_config()
    assert values.get("ASR_BEAM_SIZE") == "5"
    assert values.get("SOURCE_LANGUAGE") is None
    assert dict(values) == {"ASR_BEAM_SIZE": "5"}


def test_with_an_open_stage_the_request_is_not_read_again(runner: Start) -> None:
    job = runner(config={"KEY": {"value": "5", "source": SOURCE}})
    StageIO()
    (job / ".stagerun").rename(job / "moved")
    assert load_config().get("KEY") == "5"


def test_without_a_spec_it_is_the_environment_and_lists_nothing_of_it(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    StageIO("your_stage", job)
    monkeypatch.setenv("PARAM1", "from outside")
    values = load_config()
    assert values.get("PARAM1", "default") == "from outside"
    assert values["PARAM1"] == "from outside"
    assert "PARAM1" in values
    assert values.get("PARAM2", 42) == 42
    assert dict(values) == {}


def test_without_a_spec_one_warning_is_given_per_process(job: Path) -> None:
    io = StageIO("your_stage", job)
    for _ in range(3):
        load_config()
    assert io.stage_log.read_text().count("[WARNING]") <= 1
