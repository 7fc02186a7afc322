"""``stagerun config``."""

from pathlib import Path

import pytest

from runner.cli.config import command
from runner.project.config import LIMIT_NAMES
from tests.unit.cli.bench import PROBE, Bench

SPEC = """\
    summary: Copies its input
    parent: base
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    config:
      WIDTH: {type: int, range: [1, 9], default: 5, help: How wide}
      NAME: {type: str, help: A name}
    secrets: [token]
"""


@pytest.fixture(autouse=True)
def spec(bench: Bench) -> None:
    bench.kit.spec(PROBE, SPEC)


def test_each_value_says_where_it_was_set(bench: Bench) -> None:
    with bench.job.file.open("a") as file:
        file.write("config: {NAME: film}\n")
    document = bench.say(command, PROBE, bench.job.root, "--json").document
    assert document["config"] == {
        "WIDTH": {"value": "5", "source": f"default in stages/{PROBE}/stage.yaml"},
        "NAME": {"value": "film", "source": "job.yaml line 2"},
    }


def test_the_job_may_be_left_out(bench: Bench) -> None:
    said = bench.say(command, PROBE)
    assert said.code == 0
    assert "not set" in said.text


def test_a_setting_can_be_tried(bench: Bench) -> None:
    document = bench.say(command, PROBE, "--set", "WIDTH=7", "--json").document
    assert document["config"]["WIDTH"] == {"value": "7", "source": "--set"}
    said = bench.say(command, PROBE, "--set", "WIDTH=70")
    assert said.code == 2
    assert "WIDTH" in said.text


def test_every_limit_says_where_it_comes_from_and_can_be_tried(bench: Bench) -> None:
    document = bench.say(command, PROBE, "--memory", "1GiB", "--json").document
    assert list(document["limits"]) == list(LIMIT_NAMES)
    assert document["limits"]["memory"] == {"value": 1 << 30, "source": "option"}
    assert document["limits"]["pids"]["source"] == "settings: limits"


def test_limits_are_shown_in_the_units_that_people_write(bench: Bench) -> None:
    lines = bench.say(command, PROBE, "--memory", "1GiB").text.splitlines()
    assert any(line.split()[:4] == ["memory", "1", "GiB", "option"] for line in lines)


def test_a_secret_is_named_and_never_shown(bench: Bench, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("hunter2")
    with (bench.kit.root / "stagerun.yaml").open("a") as file:
        file.write(f"secrets: {{token: {token}}}\n")
    for words in ((), ("--json",), ("-v",)):
        said = bench.say(command, PROBE, *words).text
        assert "token" in said
        assert "hunter2" not in said


def test_an_unknown_stage_is_an_error(bench: Bench) -> None:
    said = bench.say(command, "50_prob")
    assert said.code == 2
    assert PROBE in said.text


def test_the_variants_that_the_settings_allow_are_named(bench: Bench) -> None:
    bench.kit.spec(
        PROBE,
        """\
        summary: Copies its input
        parents:
          small: {image: base, when: {SIZE: small}, resources: {memory: 64MiB}}
          large: {image: big, when: {SIZE: large}, resources: {memory: 1GiB}}
        inputs: {text: input/text}
        outputs: {copy: {file: copy.txt, type: text}}
        config: {SIZE: {type: choice, of: [small, large], default: small, help: How large}}
        """,
    )
    lines = bench.say(command, PROBE, "--set", "SIZE=large").text.splitlines()
    (variant,) = [line for line in lines if line.startswith("variant")]
    assert variant.split() == ["variant", "large", "image", "big"]
    assert "1 GiB" in next(line for line in lines if line.startswith("memory"))
    assert bench.say(command, PROBE, "--json").document["variants"] == ["small"]
