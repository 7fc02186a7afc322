"""``stagerun stages`` and ``stagerun build``."""

import pytest

from runner.cli.build import command as build
from runner.cli.run import command as run
from runner.cli.run import stage_command
from runner.cli.stages import command
from runner.host.images import BuildStep
from tests.unit.cli.bench import LAST, NEXT, PROBE, Bench

SPEC = """\
    summary: Copies its input
    parents: {cpu: base, cuda: base}
    gpu: optional
    inputs: {text: input/text, more: {from: input/more, optional: true}}
    outputs: {copy: {file: copy.txt, type: text}}
    config: {WIDTH: {type: int, range: [1, 9], default: 5, help: How wide}}
"""


def test_each_stage_says_what_it_needs_reads_and_writes(bench: Bench) -> None:
    bench.kit.spec(PROBE, SPEC)
    lines = bench.say(command).text.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in lines] == ["stage", PROBE, NEXT, LAST]
    assert lines[1].split("  ")[1:] == [
        "Copies its input",
        "optional",
        "base (cpu), base (cuda)",
        "text, more? → copy",
    ]


def test_keys_are_listed_on_request(bench: Bench) -> None:
    bench.kit.spec(PROBE, SPEC)
    assert "WIDTH" not in bench.say(command).text
    assert "WIDTH  int 1 to 9  '5'  How wide" in bench.say(command, "-v").text


def test_the_document_names_sources_and_workflows(bench: Bench) -> None:
    document = bench.say(command, "--json").document
    assert document["workflows"]["first"] == ["50_probe/copy"]
    assert document["stages"][1]["inputs"] == [
        {"name": "text", "from": ["50_probe/copy"], "optional": False}
    ]


def test_the_document_has_every_edge(bench: Bench) -> None:
    bench.kit.spec(PROBE, SPEC)
    edges = bench.say(command, "--json").document["edges"]
    assert [(edge["from"], edge["to"], edge["optional"]) for edge in edges] == [
        ("input/text", PROBE, False),
        ("input/more", PROBE, True),
        ("50_probe/copy", NEXT, False),
        ("51_next/copy", LAST, False),
    ]


def test_variants_and_models_are_listed_with_their_conditions(bench: Bench) -> None:
    models = "    models: {m: {when: {SIZE: large}, folder: m, files: [f]}}\n"
    bench.kit.spec(PROBE, VARIANTS + models)
    lines = [line.split() for line in bench.say(command, "-v").text.splitlines()]
    assert ["variant", "small", "base", "if", "SIZE", "is", "small"] in lines
    assert ["model", "m", "m", "if", "SIZE", "is", "large"] in lines


def test_the_graph_stands_above_the_list_and_alone_as_mermaid(bench: Bench) -> None:
    lines = bench.say(command).text.splitlines()
    assert [line.split()[-1] for line in lines[:4]] == ["input/text", PROBE, NEXT, LAST]
    text = bench.say(command, "--mermaid").text
    assert text.splitlines()[0] == "flowchart LR"
    assert "  n_50_probe -->|copy| n_51_next" in text


def test_images_that_are_new_enough_are_not_built(bench: Bench) -> None:
    said = bench.say(build, "probe")
    assert said.code == 0
    assert len(said.text.splitlines()) == 1
    assert bench.say(build, "probe", "--quiet").text == ""


def test_images_that_are_new_enough_are_no_cause_for_a_warning(bench: Bench) -> None:
    assert bench.say(build).text == " ✓ all images are as new as their sources\n"
    event = bench.say(build, "--json").document
    assert (event["type"], event["message"]) == ("notice", "all images are as new as their sources")


def test_a_variant_that_no_stage_has_is_an_error(bench: Bench) -> None:
    said = bench.say(build, "--variant", "cuda")
    assert said.code == 2
    assert "main" in said.text


VARIANTS = """\
    summary: Copies its input
    parents: {small: {image: base, when: {SIZE: small}}, large: {image: base, when: {SIZE: large}}}
    inputs: {text: input/text}
    outputs: {copy: {file: copy.txt, type: text}}
    config: {SIZE: {type: choice, of: [small, large], default: small, help: How large}}
"""


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The images that were asked of the builder."""
    found: list[str] = []

    def build(_: object, __: object, steps: list[BuildStep], *___: object, **____: object) -> None:
        found.extend(step.image.removeprefix("stagerun/") for step in steps)

    monkeypatch.setattr("runner.host.image_build.build", build)
    return found


def stage_images(built: list[str]) -> list[str]:
    return [name for name in built if name.startswith(PROBE)]


@pytest.mark.parametrize(
    ("words", "settings", "expected"),
    [
        ((), "", ["small"]),
        ((), "config: {SIZE: large}", ["large"]),
        (("probe",), "config: {SIZE: large}", ["large"]),
        (("--all",), "", ["small", "large"]),
        (("probe", "--variant", "large"), "", ["large"]),
    ],
)
def test_of_variants_the_settings_choose_what_is_built(
    bench: Bench, built: list[str], words: tuple[str, ...], settings: str, expected: list[str]
) -> None:
    bench.kit.spec(PROBE, VARIANTS)
    bench.kit.settings(settings)
    assert bench.say(build, *words).code == 0
    assert stage_images(built) == [f"{PROBE}:{variant}" for variant in expected]


def test_all_variants_and_one_of_them_cannot_be_asked_for_at_once(bench: Bench) -> None:
    assert bench.say(build, "--all", "--variant", "main").code == 2


@pytest.mark.parametrize("others", [[], ["out/other"]])
def test_before_a_run_it_is_what_the_job_chooses(
    bench: Bench, built: list[str], monkeypatch: pytest.MonkeyPatch, others: list[str]
) -> None:
    monkeypatch.chdir(bench.kit.root)
    bench.kit.spec(PROBE, VARIANTS)
    bench.kit.job("other", more="config: {SIZE: large}\n")
    bench.say(run, "out/job", *others, "--build", "--upto", PROBE)
    assert stage_images(built) == [f"{PROBE}:small", *[f"{PROBE}:large"] * len(others)]
    built.clear()
    bench.say(stage_command(PROBE), "out/job", "--build", "--set", "SIZE=large")
    assert stage_images(built) == [f"{PROBE}:large"]
