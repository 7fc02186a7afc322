"""``stagerun stages`` and ``stagerun build``."""

from runner.cli.build import command as build
from runner.cli.stages import command
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
    lines = bench.say(command).text.splitlines()
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


def test_images_that_are_new_enough_are_not_built(bench: Bench) -> None:
    said = bench.say(build, "probe")
    assert said.code == 0
    assert len(said.text.splitlines()) == 1


def test_a_variant_that_no_stage_has_is_an_error(bench: Bench) -> None:
    said = bench.say(build, "--variant", "cuda")
    assert said.code == 2
    assert "main" in said.text
